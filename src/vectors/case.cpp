#include "vectors/case.hpp"

#include <algorithm>

namespace postern::vectors {
namespace {

namespace json = boost::json;

constexpr std::size_t kDepth = 16;

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

tl::unexpected<Error> bad(std::string_view name, std::string what) { return fail(ErrorCode::BadInput, std::move(what), std::string(name)); }

Result<std::string> name_in(const json::object& root, std::string_view name) {
  const json::value* value = root.if_contains(name);
  if (value == nullptr || !value->is_string()) return bad(name, "give a text");
  return std::string(view(value->get_string()));
}

}  // namespace

Result<Case> Case::parse(std::string_view line) {
  if (line.size() > kLine) return fail(ErrorCode::TooLarge, "the line is larger than 1 MiB");
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = kDepth;
  Case out;
  out.m_root = json::parse(line, error, {}, options);
  const json::object* root = error ? nullptr : out.m_root.if_object();
  if (root == nullptr) return fail(ErrorCode::BadInput, "is not one JSON object: give {\"id\",\"type\",\"algorithm\",\"group\",\"test\"}");
  POSTERN_TRY(out.m_type, name_in(*root, "type"));
  POSTERN_TRY(out.m_algorithm, name_in(*root, "algorithm"));
  for (const char* name : {"group", "test"}) {
    if (out.object(name) == nullptr) return bad(name, "give an object");
  }
  return out;
}

const json::object* Case::object(std::string_view name) const {
  const json::value* value = m_root.get_object().if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

const json::value* Case::find(std::string_view name) const {
  for (const char* place : {"test", "group"}) {
    if (const json::value* value = object(place)->if_contains(name)) return value;
  }
  return nullptr;
}

Result<std::string_view> Case::text(std::string_view name) const {
  const json::value* value = find(name);
  if (value == nullptr || !value->is_string()) return bad(name, "give a text");
  return view(value->get_string());
}

Result<Bytes> Case::hex(std::string_view name) const {
  POSTERN_TRY(const std::string_view digits, text(name));
  auto bytes = hex_decode(digits);
  if (!bytes) return bad(name, "give hexadecimal digits");
  return *std::move(bytes);
}

Result<Bytes> Case::hex_or_empty(std::string_view name) const { return has(name) ? hex(name) : Bytes(); }

Result<std::size_t> Case::number(std::string_view name) const {
  const json::value* value = find(name);
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return bad(name, "give a number from 0 on");
  return static_cast<std::size_t>(value->get_int64());
}

std::string_view Case::curve() const {
  const json::object& group = *object("group");
  for (const char* key : {"publicKey", "privateKey"}) {
    const json::value* value = group.if_contains(key);
    const json::value* curve = value != nullptr && value->is_object() ? value->get_object().if_contains("curve") : nullptr;
    if (curve != nullptr && curve->is_string()) return view(curve->get_string());
  }
  const json::value* curve = group.if_contains("curve");
  return curve != nullptr && curve->is_string() ? view(curve->get_string()) : std::string_view();
}

Result<std::optional<HashAlgorithm>> Case::hash(std::string_view name) const {
  POSTERN_TRY(const std::string_view value, text(name));
  return hash_from_name(value);
}

Result<bool> Case::agrees(std::string_view name, ByteView value) const {
  if (!has(name)) return true;
  POSTERN_TRY(const Bytes expected, hex(name));
  return std::ranges::equal(expected, value);
}

Result<Verdict> found(const Case& test, std::string_view name, ByteView value) {
  POSTERN_TRY(const bool valid, test.agrees(name, value));
  return Verdict{.valid = valid, .output = Bytes(value.begin(), value.end())};
}

}  // namespace postern::vectors
