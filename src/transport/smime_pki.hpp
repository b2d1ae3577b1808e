// Our S/MIME keys for X.400 in the keeper (security.smime.x400_source = "pki"): those of the profile's user, whose private parts never are
// in this process.
#pragma once

#include "gateway/identities.hpp"
#include "transport/profile.hpp"
#include "transport/smime_material.hpp"

namespace postern::transport {

/// Thread safe, as what it asks.
class PkiKeys final : public SmimeKeys {
 public:
  /// Unavailable: the key engine is sealed.
  using People = std::function<Result<gateway::Identities*>()>;
  using User = std::function<Result<Profile>()>;
  /// `make`: the user's key is made when he has none (security.smime.auto_enroll).
  PkiKeys(People people, User user, bool make) : m_people(std::move(people)), m_user(std::move(user)), m_make(make) {}

  /// A profile that cannot be read is Unavailable, never a user without keys.
  Result<std::vector<SmimeIdentity>> ours() override;
  Status ready() override;
  Result<Certificate> certificate_of(const oraddress::ORAddress& address) override;

 private:
  [[nodiscard]] Result<std::vector<SmimeIdentity>> identities_of(const oraddress::ORAddress& address, bool make);

  const People m_people;
  const User m_user;
  const bool m_make;
};

}  // namespace postern::transport
