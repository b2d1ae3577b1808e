// RFC 2156 4.2.1: a personal name as people write it, with dots.
#include <algorithm>

#include "base/text.hpp"
#include "oraddress/or_text.hpp"

namespace postern::oraddress {

Result<PersonalName> personal_name_of(std::string_view dotted) {
  std::vector<std::string_view> parts = split(dotted, '.');
  PersonalName out;
  std::size_t next = 0;
  if (parts.size() > 1 && parts.front().size() > 1) out.given_name = parts[next++];
  std::string initials;
  while (next + 1 < parts.size() && parts[next].size() == 1 && is_alpha(parts[next].front())) initials += parts[next++];
  if (!initials.empty()) out.initials = initials;
  if (next >= parts.size()) return fail(ErrorCode::BadInput, "no surname is left", "S");
  for (std::size_t i = next; i < parts.size(); ++i) out.surname.octets += (i == next ? "" : ".") + std::string(parts[i]);
  if (trim(out.surname.octets).empty()) return fail(ErrorCode::BadInput, "no surname is left", "S");
  return out;
}

std::optional<std::string> dotted(const PersonalName& name) {
  if (name.generation_qualifier) return std::nullopt;
  std::string out;
  if (name.given_name) out += name.given_name->octets + ".";
  if (name.initials)
    for (const char initial : name.initials->octets) out += {initial, '.'};
  out += name.surname.octets;
  const auto back = personal_name_of(out);
  return back && *back == name ? std::optional(out) : std::nullopt;
}

}  // namespace postern::oraddress
