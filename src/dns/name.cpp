#include "dns/name.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace postern::dns {

Result<std::string> normalize_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  // RFC 1035 2.3.4: 255 octets on the wire are 253 as text.
  if (text.empty() || text.size() > 253) return fail(ErrorCode::BadInput, "a domain name has 1 to 253 characters", printable(text));
  for (const auto label : split(text, '.')) {
    if (label.empty() || label.size() > 63) return fail(ErrorCode::BadInput, "a domain label has 1 to 63 characters", printable(text));
    const bool printable_ascii = std::all_of(label.begin(), label.end(), [](char c) { return c > 0x20 && c < 0x7F; });
    if (!printable_ascii)
      return fail(ErrorCode::BadInput, "a domain name is printable ASCII; write others as xn-- labels", printable(text));
  }
  return to_lower(text);
}

bool is_same_or_below(std::string_view name, std::string_view ancestor) noexcept {
  if (!name.ends_with(ancestor)) return false;
  return name.size() == ancestor.size() || (!ancestor.empty() && name[name.size() - ancestor.size() - 1] == '.');
}

}  // namespace postern::dns
