// Both sides of a strong authentication at a bind, with what that takes beside the proofs themselves: our own identity, the clock, random
// numbers, and the memory of tokens that were shown. One for an MTA with everybody it speaks with. Thread safe.
//
// Signing may ask the keeper, and judging does public key operations: on a worker, not on a loop.
#pragma once

#include <functional>

#include "base/random.hpp"
#include "credentials/proof.hpp"
#include "credentials/token_replays.hpp"

namespace postern::credentials {

/// Asked for each proof, since certificates are renewed. Unavailable: there is none now (a sealed key engine).
using OwnIdentity = std::function<Result<Identity>()>;

class Authenticator {
 public:
  /// How much the clocks of both sides may differ, with what a bind takes on its way.
  static constexpr std::chrono::seconds kClockSkew{300};

  /// Clock and random numbers must outlive it.
  Authenticator(OwnIdentity own, const Clock& clock, Random& random, std::chrono::seconds clock_skew = kClockSkew)
      : m_own(std::move(own)), m_clock(clock), m_random(random), m_skew(clock_skew), m_replays(2 * clock_skew + std::chrono::seconds(1)) {}

  // ---- initiator
  /// Credentials for the one who is called; the number is for confirm().
  [[nodiscard]] Result<Shown> initiate(const mts::TokenName& responder);
  /// Whether the responder is believed and answers this very bind. `us`: by which names it may call us.
  [[nodiscard]] Status confirm(const mts::StrongCredentials& shown, const Trust& responder, const mts::TokenName& us,
                               const asn1::BitString& random_number) const;

  // ---- responder
  /// Whether the initiator is believed; `us` are the names by which it may call us. A token counts once, under whatever name its key comes.
  /// The random number is for respond(). Exhausted: too many binds with this key; all other errors: not believed, with the reason for our
  /// log.
  [[nodiscard]] Result<asn1::BitString> admit(const mts::StrongCredentials& shown, const Trust& initiator, std::vector<mts::TokenName> us);
  [[nodiscard]] Result<mts::StrongCredentials> respond(const mts::TokenName& initiator, asn1::BitString random_number) const;

 private:
  [[nodiscard]] std::int64_t now() const { return unix_seconds(m_clock.now()); }
  [[nodiscard]] Result<Shown> show_own(const mts::TokenName& to, asn1::BitString random_number) const;

  const OwnIdentity m_own;
  const Clock& m_clock;
  Random& m_random;
  const std::chrono::seconds m_skew;
  TokenReplays m_replays;
};

}  // namespace postern::credentials
