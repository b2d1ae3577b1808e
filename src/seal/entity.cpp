#include "seal/entity.hpp"

#include <optional>

#include "base/text.hpp"
#include "mime/tree.hpp"
#include "mime/writer.hpp"
#include "seal/line_shield.hpp"

namespace postern {
namespace {

/// RFC 2045 5.2: without Content-Type it is text in US-ASCII. What is 8-bit all the same gets an honest name (RFC 1428 for unknown).
std::string_view default_type(std::string_view body) {
  if (is_ascii(body)) return "Content-Type: text/plain; charset=us-ascii\r\n";
  return is_utf8(body) ? "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
                       : "Content-Type: text/plain; charset=unknown-8bit\r\nContent-Transfer-Encoding: 8bit\r\n";
}

std::string quoted(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) out += c;
  }
  return out + '"';
}

/// The field value with trailing white space and semicolons gone, so that a parameter can follow.
std::string_view open_end(std::string_view value) {
  value = trim(value);
  while (!value.empty() && (value.back() == ';' || is_wsp(value.back()) || value.back() == '\r' || value.back() == '\n'))
    value.remove_suffix(1);
  return value;
}

/// The value without its last parameter when that is the one named, every other byte kept; nothing when it stands elsewhere.
std::optional<std::string_view> without_last(std::string_view value, std::string_view name) {
  const auto semicolon = value.rfind(';');
  if (semicolon == std::string_view::npos) return std::nullopt;
  const std::string_view last = trim(value.substr(semicolon + 1));
  if (!istarts_with(last, std::string(name) + "=")) return std::nullopt;
  const std::string_view rest = value.substr(0, semicolon);
  const bool clean =
      !parse_content_type(rest).parameters.contains(std::string(name)) && parse_content_type(rest).type == parse_content_type(value).type;
  return clean ? std::optional(rest) : std::nullopt;
}

/// The type written anew from its meaning, when the parameter stands somewhere in the middle.
std::string rebuilt_type(const ContentType& type, std::string_view without) {
  std::string out = type.type;
  for (const auto& [name, value] : type.parameters) {
    if (!iequals(name, without)) out += ";\r\n " + name + "=" + quoted(value);
  }
  return out;
}

std::string type_without(std::string_view value, std::string_view name) {
  const ContentType type = parse_content_type(value);
  if (!type.parameters.contains(std::string(name))) return std::string(open_end(value));
  const auto rest = without_last(value, name);
  return rest ? std::string(open_end(*rest)) : rebuilt_type(type, name);
}

std::string type_field(const HeaderField& field, std::string_view name, std::string_view value) {
  std::string out = "Content-Type: " + type_without(field.value, name);
  if (!value.empty()) out += ";\r\n " + std::string(name) + "=" + quoted(value);
  return out + "\r\n";
}

}  // namespace

bool is_structural_field(const HeaderField& field) noexcept { return istarts_with(field.name, "Content-") || field.is("MIME-Version"); }

std::string whole_field(const HeaderField& field) {
  std::string out(field.raw);
  if (!out.ends_with('\n')) out += "\r\n";
  return out;
}

Result<CutMessage> cut_message(const MessageView& message) {
  POSTERN_CHECK(message.refuse_unsafe_header());
  CutMessage cut;
  cut.body = message.body();
  for (const HeaderField& field : message.fields()) {
    if (!is_structural_field(field) || field.is("MIME-Version")) continue;
    if (message.count(field.name) > 1) return fail(ErrorCode::BadInput, "stands more than once; send it once", std::string(field.name));
    cut.entity_fields += whole_field(field);
  }
  if (message.find("Content-Type") == nullptr) cut.entity_fields.insert(0, default_type(cut.body));
  return cut;
}

std::string join_message(std::string_view fields, std::string_view entity) {
  std::string out;
  out.reserve(fields.size() + entity.size() + 20);
  out += fields;
  out += "MIME-Version: 1.0\r\n";
  out += entity;
  return out;
}

std::string with_type_parameter(std::string_view entity_fields, std::string_view name, std::string_view value) {
  const auto view = MessageView::parse(entity_fields);
  if (!view) return std::string(entity_fields);
  std::string out;
  for (const HeaderField& field : view->fields()) {
    if (field.is("Content-Type"))
      out += type_field(field, name, value);
    else
      out += field.raw;
  }
  return out;
}

Result<std::string> canonical_entity(std::string_view entity, const Limits& limits) {
  POSTERN_TRY(const std::string seven_bit, to_7bit(has_only_crlf(entity) ? std::string(entity) : normalize_crlf(entity), limits));
  return shield_lines(seven_bit, limits);
}

}  // namespace postern
