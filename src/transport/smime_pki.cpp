#include "transport/smime_pki.hpp"

#include "oraddress/or_text.hpp"
#include "transport/x400_person.hpp"

namespace postern::transport {
namespace {

constexpr const char* kSource = "security.smime.x400_source";

Result<oraddress::ORAddress> address_of(const Result<Profile>& profile) {
  if (!profile) return fail(ErrorCode::Unavailable, "\"pki\" has the keys of the profile's user: " + profile.error().text(), kSource);
  auto address = oraddress::parse(profile->user);
  if (address) return address;
  return fail(ErrorCode::BadInput, "\"pki\" has keys for users by O/R address, and profile " + profile->name + " binds as an MTA", kSource);
}

}  // namespace

Result<std::vector<SmimeIdentity>> PkiKeys::identities_of(const oraddress::ORAddress& address, bool make) {
  POSTERN_TRY(const gateway::Person person, x400_person(address));
  POSTERN_TRY(gateway::Identities* const people, m_people());
  return people->smime_of(person, make);
}

Result<std::vector<SmimeIdentity>> PkiKeys::ours() {
  POSTERN_TRY(const oraddress::ORAddress user, address_of(m_user()));
  auto out = identities_of(user, m_make);
  if (out || out.error().code != ErrorCode::NotFound) return out;
  return fail(ErrorCode::NotFound,
              "the key engine has no key for the profile's user, and security.smime.auto_enroll is off; make one with `postern identity "
              "certificate \"C=...\" --kind x400`",
              kSource);
}

Status PkiKeys::ready() {
  POSTERN_TRY(gateway::Identities* const people, m_people());
  return people->ready();
}

Result<Certificate> PkiKeys::certificate_of(const oraddress::ORAddress& address) {
  POSTERN_TRY(const std::vector<SmimeIdentity> identities, identities_of(address, false));
  return identities.front().chain.front();
}

}  // namespace postern::transport
