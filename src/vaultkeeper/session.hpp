// Our login at the external Vault: one token, renewed at two thirds of its life, replaced when it cannot be. Thread safe.
#pragma once

#include <mutex>

#include "vaultkeeper/credentials.hpp"

namespace postern::vaultkeeper {

/// A token in use; whoever holds it may go on with it while another replaces it.
struct Token {
  std::shared_ptr<const SecretBytes> text;
  std::uint64_t generation = 0;
};

class Session {
 public:
  /// Line and clock must outlive it.
  Session(Line& line, std::unique_ptr<Credentials> credentials, const Clock& clock);

  /// Logs in when there is no token; callers wait for one who does. After a refused login the same error is given for five seconds, so that
  /// a wrong secret_id is not tried with every message.
  [[nodiscard]] Result<Token> token(SteadyTime deadline);
  /// The Vault does not know this token: the next call logs in anew. Nothing when it was replaced already.
  void reject(std::uint64_t generation);
  /// Renews or replaces the token when its time has come, or its file has changed. At least every few seconds.
  void tend();
  [[nodiscard]] std::optional<WallTime> expires() const;
  /// Gives our own token back, as good as it goes.
  void close();

 private:
  struct Lease {
    Token token;
    std::chrono::seconds length{0};  // as granted at the login
    SteadyTime renew_at = SteadyTime::max();
    std::optional<WallTime> expires;
    bool renewable = false;
  };
  [[nodiscard]] Result<Token> log_in(SteadyTime deadline);
  void set_times(Lease& lease, std::chrono::seconds length) const;
  void renew(const Lease& lease);
  void replace();
  [[nodiscard]] Lease current() const;

  Line& m_line;
  const std::unique_ptr<Credentials> m_credentials;
  const Clock& m_clock;
  std::mutex m_login;  // one login at a time; before m_mutex
  SteadyTime m_refused_until{};
  Error m_refused;
  SteadyTime m_next_look{};
  mutable std::mutex m_mutex;
  Lease m_lease;
  std::uint64_t m_generation = 0;
};

}  // namespace postern::vaultkeeper
