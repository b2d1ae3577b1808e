// The line to the external Vault: several addresses, redirects to the active node, patience with a busy one, and a circuit breaker.
//
// A question is asked at one address after the other, in up to three rounds with growing pauses, within its deadline. What every address
// left unanswered is an outage: from then on questions fail at once with one clear sentence, until probe() finds the Vault well again.
// Thread safe. Secrets: tokens and bodies pass through, nothing is kept or logged.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "vaultkeeper/answer.hpp"
#include "vaultkeeper/transport.hpp"

namespace postern::vaultkeeper {

struct LineOptions {
  std::vector<std::string> addresses;  ///< Origins: "https://vault.example:8200". At least one.
  std::string name_space;
  std::chrono::milliseconds timeout{5000};
};

/// Waits; false: give up, the keeper is being closed.
using Pause = std::function<bool(std::chrono::milliseconds)>;

struct Outage {
  bool open = false;  ///< Questions fail at once.
  bool sealed = false;
  std::string error;  ///< Why, with the address.
  std::optional<WallTime> since;
  std::string where;  ///< The address that answered last, or is tried first.
};

class Line {
 public:
  /// The clock must outlive it.
  Line(std::shared_ptr<Transport> transport, const Clock& clock, LineOptions options, Pause pause);

  /// A definite answer of whatever status. Unavailable: nobody answered in time, or the breaker is open. Only a question that is
  /// repeatable, or surely was not seen, is asked again.
  [[nodiscard]] Result<Answer> ask(const Ask& ask, ByteView token, SteadyTime deadline);
  [[nodiscard]] SteadyTime deadline() const { return m_clock.steady() + m_options.timeout; }
  /// Asks for the Vault's health although the breaker is open; closes it when a node that can work answers.
  [[nodiscard]] Status probe();
  [[nodiscard]] Outage outage() const;

 private:
  enum class Verdict { Definite, Busy, Refused, Broken };
  struct Tried {
    Verdict verdict = Verdict::Broken;
    std::optional<Answer> answer;
    Error error;
    std::optional<std::chrono::seconds> retry_after;
    bool sealed = false;
    std::size_t address = 0;
  };
  [[nodiscard]] Tried try_address(const std::string& address, const Ask& ask, ByteView token, SteadyTime deadline);
  [[nodiscard]] Result<Reply> follow(const std::string& address, const Ask& ask, ByteView token, SteadyTime deadline);
  [[nodiscard]] Tried judge(const std::string& address, Result<Reply> reply, const Ask& ask) const;
  [[nodiscard]] Tried one_round(const Ask& ask, ByteView token, SteadyTime deadline);
  [[nodiscard]] bool wait_before(int round, const Tried& tried, SteadyTime deadline) const;
  [[nodiscard]] Error outage_error() const;
  void note_well(std::size_t address);
  void note_ill(const Error& error, bool sealed);

  std::shared_ptr<Transport> m_transport;
  const Clock& m_clock;
  const LineOptions m_options;
  const Pause m_pause;
  std::atomic<std::size_t> m_current{0};
  mutable std::mutex m_mutex;
  Outage m_outage;
};

/// Where a redirect of `url` leads, when it may be followed: same path, never from TLS to clear text, clear text to this host only.
[[nodiscard]] Result<std::string> redirect_target(const std::string& url, const std::string& location);

}  // namespace postern::vaultkeeper
