// The OCSP response that our listeners staple (RFC 6066 8, RFC 8446 4.4.2.1): asked of the responder that their certificate names before
// anybody needs it, judged as a client would, kept over restarts, asked for again at half of its life (a day at most), after failures every
// minute at first and every hour at last. What is stapled is good and in time; anything else is not stapled, and that is said.
//
// Nothing to do: the built-in CA's certificates, and any others that name no responder. A certificate that demands stapling (RFC 7633)
// works only while there is an answer: clients that know the demand refuse it otherwise.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "gateway/listener_tls.hpp"
#include "gateway/revocations.hpp"
#include "io/task.hpp"

namespace postern::gateway {

/// All must outlive it.
struct StaplerParts {
  Store& store;
  io::WorkerPool& workers;
  const Clock& clock;
  std::function<ShownCertificate()> shown;  ///< What the listeners show now. Any thread.
  /// As Revocations::answer_to_staple(); empty: tls.stapling is off, and nobody is asked.
  std::function<io::Task<Result<OcspAnswer>>(Certificate leaf, Certificate issuer)> ask;
};

class Stapler {
 public:
  explicit Stapler(StaplerParts parts) : m_parts(std::move(parts)) {}

  /// What was kept is stapled from the first connection on. Blocking, before watch().
  void restore();
  /// Ends with its loop.
  [[nodiscard]] io::Task<void> watch();
  /// One turn of it.
  [[nodiscard]] io::Task<void> look();

  /// "until 2026-12-01T00:00:00.000Z", "no: why"; empty: there is nothing to staple.
  [[nodiscard]] std::string text() const;
  struct Trouble {
    std::string text;
    bool refused = false;  ///< RFC 7633: clients refuse the certificate as it is shown.
  };
  [[nodiscard]] std::optional<Trouble> trouble() const;

 private:
  void take_up(ShownCertificate shown);
  [[nodiscard]] std::string obstacle(bool demanded) const;
  void staple_what_was_kept();
  void keep(const OcspAnswer& answer);
  void fail_with(std::string why);
  void staple(Bytes response, WallTime until);
  void drop(std::string why);

  StaplerParts m_parts;
  ShownCertificate m_shown;  ///< Only restore() and the watch use these four.
  bool m_asks = false;
  SteadyTime m_next{};
  unsigned m_failures = 0;  ///< Since the last good answer.

  mutable std::mutex m_mutex;
  bool m_demanded = false;          ///< RFC 7633
  std::optional<WallTime> m_until;  ///< Of what is stapled.
  std::string m_why;                ///< Why nothing is, or why nothing newer came.
};

}  // namespace postern::gateway
