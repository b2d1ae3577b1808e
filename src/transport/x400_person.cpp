#include "transport/x400_person.hpp"

#include "base/bytes.hpp"
#include "contentseal/names.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"

namespace postern::transport {
namespace {

constexpr std::size_t kMostOfCommonName = 64;  // RFC 5280 A.1 ub-common-name

/// As much of the address as fits, for people who look at subjects: from its end, where it is about the person. With slashes, because
/// RFC 4514 escapes semicolons.
std::string subject_of(std::string text) {
  while (text.size() > kMostOfCommonName) {
    const std::size_t next = text.find('/', 1);
    if (next == std::string::npos) return {};
    text.erase(0, next);
  }
  return text;
}

}  // namespace

Result<gateway::Person> x400_person(const oraddress::ORAddress& address) {
  POSTERN_TRY(const oraddress::ORAddress canonical, oraddress::canonical(address));
  POSTERN_TRY(Bytes name, contentseal::x400_general_name(canonical));
  gateway::Person out;
  // In hexadecimal: the name of the key does not look at capital and small letters, and the comparison has done that in its own way.
  out.name = "x400:" + hex_encode(as_bytes(oraddress::comparison_key(address)));
  out.subject.name = subject_of(oraddress::write(canonical, oraddress::Style::Slash));
  out.subject.other_names.push_back(std::move(name));
  return out;
}

}  // namespace postern::transport
