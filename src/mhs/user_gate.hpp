// Who may bind as a user (X.411 8.1.1, X.413 7.1): road, name and credentials (user_proof.hpp).
#pragma once

#include <algorithm>

#include "io/loops.hpp"
#include "mhs/password_guesses.hpp"
#include "mhs/users.hpp"

namespace postern::mhs {

inline constexpr std::size_t kApduOctets = 80U * 1024 * 1024;
/// An association's part of a budget that all share: at most so much that two large APDUs find room beside each other.
[[nodiscard]] constexpr std::size_t apdu_share(std::uint64_t budget) noexcept {
  return static_cast<std::size_t>(std::min<std::uint64_t>(kApduOctets, budget / 8 * 3));
}

struct UserGate {
  const Mta& mta;
  Users& users;
  io::WorkerPool& workers;
  bool tls_required = true;            ///< False: passwords may come over a plain connection.
  SecretBytes our_password;            ///< What this side shows of itself in bind results; may be empty.
  PasswordGuesses* guesses = nullptr;  ///< Null: wrong passwords are not counted (only in tests).
  /// Octets of one APDU, either way, after a bind was accepted; before it AssociationLimits hold. A content passes whole (X.419 8, 9).
  std::size_t apdu_octets = kApduOctets;
};

/// Somebody whose credentials were right.
struct BoundUser {
  oraddress::ORAddress address;
  std::string text;  ///< The address for people.
  [[nodiscard]] std::string actor() const { return "x400:user:" + text; }
};

struct AdmittedUser {
  BoundUser user;
  mts::ResponderCredentials answer;
};
/// Of P3: admitted, or BindRefusal's code for the peer and its reason for our log. The credentials are judged on a worker.
[[nodiscard]] io::Task<tl::expected<AdmittedUser, BindRefusal>> admit_user(const UserGate& gate, mts::ORName name,
                                                                           mts::Credentials credentials, Road road);
/// Counts an attempt of this user before his password is looked at; nothing where nobody counts, or no password is shown. A program that
/// binds many times at once waits its turn, some seconds at most: what is checked at the same time could be guesses.
using AttemptBegun = tl::expected<std::optional<PasswordGuesses::Attempt>, BindRefusal>;
[[nodiscard]] io::Task<AttemptBegun> begin_attempt(const UserGate& gate, const oraddress::ORAddress& user, const mts::Credentials& shown,
                                                   Road road);

/// What this side says of itself to whoever showed a password; an empty one where none is set.
[[nodiscard]] mts::ResponderCredentials responder_credentials(const UserGate& gate);

/// What the refusal of a bind of P3 carries. The peer learns the code only.
[[nodiscard]] osi::AssociationRefusal refusal_of(mts::BindError error, bool with_tag);

}  // namespace postern::mhs
