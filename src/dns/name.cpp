#include "dns/name.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace postern::dns {

Result<std::string> normalize_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  // RFC 1035 2.3.4: 255 octets on the wire are 253 as text.
  if (text.empty() || text.size() > 253) return fail(ErrorCode::BadInput, "a domain name has 1 to 253 characters", printable(text));
  if (!std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; }))
    return fail(ErrorCode::BadInput, "a domain name is printable ASCII; write others as xn-- labels", printable(text));
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    if (end == begin || end - begin > 63) return fail(ErrorCode::BadInput, "a domain label has 1 to 63 characters", printable(text));
    begin = end + 1;
  }
  return to_lower(text);
}

bool is_same_or_below(std::string_view name, std::string_view ancestor) noexcept {
  if (!name.ends_with(ancestor)) return false;
  return name.size() == ancestor.size() || (!ancestor.empty() && name[name.size() - ancestor.size() - 1] == '.');
}

}  // namespace postern::dns
