#include "ipm/keys.hpp"

#include "base/text.hpp"
#include "oraddress/compare.hpp"

namespace postern::ipm {

namespace {

constexpr char separator = '\x1F';

/// X.402 18.4 for a string by itself: case and repeated spaces do not count.
std::string folded_identifier(std::string_view text) {
  std::string out;
  for (const char c : trim(text))
    if (c != ' ' || out.empty() || out.back() != ' ') out += ascii_lower(c);
  return out;
}

}  // namespace

std::string key_of(const oraddress::ORName& name) {
  if (!name.is_absent()) return oraddress::comparison_key(name);
  if (!name.directory_name) return {};
  const auto ber = asn1::encode(*name.directory_name);
  return ber ? "directory" + std::string(1, separator) + hex_encode(*ber) : std::string();
}

bool same_name(const oraddress::ORName& a, const oraddress::ORName& b) {
  const std::string key = key_of(a);
  return !key.empty() && key == key_of(b);
}

std::string key_of_local(const IPMIdentifier& identifier) { return folded_identifier(identifier.user_relative_identifier.octets); }

std::string key_of(const IPMIdentifier& identifier) {
  return (identifier.user ? key_of(*identifier.user) : std::string()) + separator + key_of_local(identifier);
}

std::string key_of(const mts::MTSIdentifier& identifier) {
  const auto& domain = identifier.global_domain_identifier;
  std::string out = folded_identifier(domain.country_name.text()) + separator + folded_identifier(domain.administration_domain_name.text());
  out += separator;
  if (domain.private_domain_identifier) out += folded_identifier(domain.private_domain_identifier->text());
  return out + separator + identifier.local_identifier.octets;
}

}  // namespace postern::ipm
