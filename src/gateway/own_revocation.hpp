// Whether somebody revoked the certificate that our listeners show, before our peers tell us: looked up as theirs are, for status.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "gateway/revocations.hpp"
#include "io/task.hpp"

namespace postern::gateway {

class OwnRevocation {
 public:
  /// `chain`: what the listeners show now, leaf first; empty: nothing. Any thread; everything must outlive the watch.
  OwnRevocation(Revocations& revocations, const Clock& clock, std::function<CertificateChain()> chain)
      : m_revocations(revocations), m_clock(clock), m_chain(std::move(chain)) {}

  /// Looks again within seconds of a change, else every ten minutes (what is remembered costs nothing); ends with its loop.
  [[nodiscard]] io::Task<void> watch();

  /// "good (OCSP)", "revoked at ...", "not known: ..."; empty when it was not looked up: it names neither responder nor list, its issuer
  /// does not stand behind it in the file, or outbound.revocation is off.
  [[nodiscard]] std::string text() const;
  /// For an operator, when it is revoked; else empty.
  [[nodiscard]] std::string warning() const;

 private:
  [[nodiscard]] bool is_due(const CertificateChain& chain) const;

  Revocations& m_revocations;
  const Clock& m_clock;
  std::function<CertificateChain()> m_chain;
  std::optional<Certificate> m_seen;  ///< Only the watch uses these two.
  SteadyTime m_next{};
  mutable std::mutex m_mutex;
  std::string m_text, m_warning;
};

}  // namespace postern::gateway
