#include "vault/json_text.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "base/secret.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

constexpr std::size_t kNumber = 32;

// JSON wants these escaped; everything else may stand as it is.
constexpr bool is_plain(unsigned char c) noexcept { return c >= 0x20 && c != '"' && c != '\\'; }

constexpr std::uint64_t each_byte(unsigned char byte) noexcept { return 0x0101010101010101U * byte; }
/// Not 0 when one of the eight bytes is 0.
constexpr std::uint64_t has_zero(std::uint64_t eight) noexcept { return (eight - each_byte(1)) & ~eight & each_byte(0x80); }
/// Not 0 when one of the eight bytes is below 0x20.
constexpr std::uint64_t has_control(std::uint64_t eight) noexcept { return (eight - each_byte(0x20)) & ~eight & each_byte(0x80); }

/// Where the first byte stands that is not plain; eight at a time, since most texts are long and plain.
std::size_t plain_until(std::string_view text, std::size_t from) noexcept {
  std::uint64_t eight = 0;
  for (; from + sizeof eight <= text.size(); from += sizeof eight) {
    std::memcpy(&eight, text.data() + from, sizeof eight);
    if ((has_control(eight) | has_zero(eight ^ each_byte('"')) | has_zero(eight ^ each_byte('\\'))) != 0) break;
  }
  while (from < text.size() && is_plain(static_cast<unsigned char>(text[from]))) ++from;
  return from;
}

std::size_t text_size(std::string_view text) noexcept {
  std::size_t size = text.size() + 2;
  for (std::size_t at = plain_until(text, 0); at < text.size(); at = plain_until(text, at + 1)) size += 5;
  return size;
}

void append_escaped(std::string& out, unsigned char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u00";
  out += kHex[c >> 4];
  out += kHex[c & 15];
}

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, kNumber> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  out.append(text.data(), end);
}

void append_array(std::string& out, const json::array& array) {
  out += '[';
  for (std::size_t at = 0; at < array.size(); ++at) {
    if (at > 0) out += ',';
    append_json(out, array[at]);
  }
  out += ']';
}

std::string_view key_of(const json::key_value_pair& member) noexcept { return {member.key().data(), member.key().size()}; }

}  // namespace

std::size_t json_size(const json::object& object) noexcept {
  std::size_t size = 2;
  for (const auto& member : object) size += text_size(key_of(member)) + 2 + json_size(member.value());
  return size;
}

std::size_t json_size(const json::value& value) noexcept {
  if (const json::string* text = value.if_string()) return text_size({text->data(), text->size()});
  if (const json::object* object = value.if_object()) return json_size(*object);
  std::size_t size = kNumber;
  if (const json::array* array = value.if_array()) {
    for (const json::value& element : *array) size += json_size(element) + 1;
  }
  return size;
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  std::size_t from = 0;
  for (std::size_t at = plain_until(text, 0); at < text.size(); at = plain_until(text, from)) {
    out.append(text, from, at - from);
    append_escaped(out, static_cast<unsigned char>(text[at]));
    from = at + 1;
  }
  out.append(text, from);
  out += '"';
}

void append_json(std::string& out, const json::object& object) {
  out += '{';
  bool first = true;
  for (const auto& member : object) {
    if (!first) out += ',';
    first = false;
    append_json_text(out, key_of(member));
    out += ':';
    append_json(out, member.value());
  }
  out += '}';
}

void append_json(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: out += "null"; return;
    case json::kind::bool_: out += value.get_bool() ? "true" : "false"; return;
    case json::kind::int64: append_number(out, value.get_int64()); return;
    case json::kind::uint64: append_number(out, value.get_uint64()); return;
    case json::kind::double_: out += json::serialize(value); return;
    case json::kind::string: append_json_text(out, {value.get_string().data(), value.get_string().size()}); return;
    case json::kind::array: append_array(out, value.get_array()); return;
    case json::kind::object: append_json(out, value.get_object()); return;
  }
}

void wipe_json(json::value& value) noexcept {
  if (json::string* text = value.if_string()) {
    wipe(ByteSpan(reinterpret_cast<Byte*>(text->data()), text->size()));
  } else if (json::array* array = value.if_array()) {
    for (json::value& element : *array) wipe_json(element);
  } else if (json::object* object = value.if_object()) {
    wipe_json(*object);
  }
}

void wipe_json(json::object& object) noexcept {
  for (auto& member : object) wipe_json(member.value());
}

}  // namespace postern::vault
