#include "vault/audit_weight.hpp"

#include <algorithm>

#include "vault/audit_line.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

constexpr std::size_t kScalar = 26;  // the longest number, and a comma

/// Quotes and a comma included; \u00XX is the longest escape.
std::size_t text_size(std::string_view text) noexcept {
  const auto escaped =
      std::ranges::count_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || c == 0x7f; });
  return text.size() + 5 * static_cast<std::size_t>(escaped) + 3;
}

}  // namespace

bool AuditWeight::take(std::size_t bytes) {
  if (bytes > m_left) return false;
  m_left -= bytes;
  return true;
}

bool AuditWeight::take_key(std::string_view name) { return take(text_size(name) + 1); }

bool AuditWeight::take(const json::value& value, bool plain, unsigned depth) {
  if (value.is_string())
    return take(plain || m_raw ? text_size({value.get_string().data(), value.get_string().size()}) : kAuditMaskSize + 1);
  if (!value.is_structured()) return take(kScalar);
  if (depth >= kAuditDepth) return take(kAuditMaskSize + 1);
  return value.is_object() ? take_object(value.get_object(), depth + 1) : take_array(value.get_array(), plain, depth + 1);
}

bool AuditWeight::take_object(const json::object& object, unsigned depth) {
  return take(3) && std::ranges::all_of(object, [&](const auto& member) {
           const std::string_view name(member.key().data(), member.key().size());
           const bool plain = m_plain_keys != nullptr && std::ranges::find(*m_plain_keys, name) != m_plain_keys->end();
           return take_key(name) && take(member.value(), plain, depth);
         });
}

bool AuditWeight::take_array(const json::array& array, bool plain, unsigned depth) {
  return take(3) && std::ranges::all_of(array, [&](const json::value& element) { return take(element, plain, depth); });
}

}  // namespace postern::vault
