// One connection to a next hop: the thin coroutine between a Stream and a ClientSession engine, kept open for the next message.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "gateway/revocations.hpp"
#include "gateway/trust.hpp"
#include "io/dialer.hpp"
#include "io/stream.hpp"
#include "pki/certificate.hpp"
#include "smtp/client_session.hpp"
#include "tlspolicy/profile.hpp"

namespace postern::gateway {

/// How to talk to the hosts of one destination; shared by its connections.
struct HopOptions {
  std::shared_ptr<const smtp::ClientOptions> smtp;
  std::optional<TlsContext> context;  ///< Nothing: TLS is never used.
  std::vector<Certificate> roots;     ///< Trust for verification.
  PinSet pins;
  bool verify_name = true;
  RevocationPolicy revocation = RevocationPolicy::Soft;
  bool named_host = false;  ///< The operator named the host (no MX): what it has against us as a whole is for him to mend, not for senders.
  std::string interface;    ///< As io::DialOptions::device.
  std::chrono::seconds connect{30};
  std::chrono::seconds handshake{30};
};

/// Where one attempt goes.
struct HopHost {
  std::string name;  ///< For certificate, SNI and reports; may be an address.
  std::vector<io::Endpoint> endpoints;
  HopTrust trust;
};

/// Why no connection came about.
struct HopFailure {
  smtp::Reply reply;        ///< What the host said, or our own words; decides between temporary and permanent.
  bool tls_failed = false;  ///< The handshake or the certificate: an opportunistic sender may try again in clear.
  bool from_peer = false;   ///< The reply is the host's own.
  bool refuses_us =
      false;  ///< A host that the operator named refuses the login, or us altogether: the reply is temporary, he is to be told.
};

class SmtpSender {
 public:
  SmtpSender(std::shared_ptr<const HopOptions> options, Revocations& revocations, Random& random, const Clock& clock)
      : m_options(std::move(options)), m_revocations(revocations), m_random(random), m_clock(clock) {}

  /// Dials, greets, secures, logs in. On success ready() is true.
  [[nodiscard]] io::Task<tl::expected<void, HopFailure>> connect(HopHost host, bool allow_tls);
  /// One transaction; results for each recipient in order. The connection may be gone afterwards: see ready().
  [[nodiscard]] io::Task<smtp::TransactionDone> send(smtp::OutgoingMessage message);
  /// Says QUIT and closes; at most some seconds.
  [[nodiscard]] io::Task<void> quit();

  [[nodiscard]] bool ready() const noexcept { return m_session && m_session->ready() && m_stream.is_open(); }
  /// After some idle time: hears what the server said meanwhile (a 421, its end of the connection); ready() and not gone, and the
  /// interface it leaves by is up.
  [[nodiscard]] bool still_good();
  [[nodiscard]] const std::string& host() const noexcept { return m_host; }
  /// Why the connection was trusted: "TLSv1.3 verified by DANE (3 1 1)", "TLSv1.3 verified by MTA-STS", "TLSv1.3 verified by a pin",
  /// "TLSv1.3 verified", "TLSv1.3 unverified", "clear", "clear (TLS failed)"; after a path what is known of its revocation, as
  /// revocation_text() has it; with an exception in force: when it ends.
  [[nodiscard]] std::string road() const;
  /// RFC 8689 4.2.1: the certificate was verified, and nobody could have put another host's name in its place.
  [[nodiscard]] bool fit_for_requiretls() const noexcept { return m_verified && m_trust.name_secure; }
  [[nodiscard]] bool lenient() const noexcept { return m_trust.lenient; }
  /// How far TLS got, in the words of RFC 8460 4.3; empty: as far as was demanded.
  [[nodiscard]] const std::string& tls_result() const noexcept { return m_tls_result; }
  [[nodiscard]] const std::string& tls_reason() const noexcept { return m_tls_reason; }
  [[nodiscard]] const io::Endpoint& peer() const noexcept { return m_stream.peer(); }
  /// Our end of the connection, also when it is gone; nothing: there was none.
  [[nodiscard]] const std::optional<io::Endpoint>& local() const noexcept { return m_local; }

 private:
  [[nodiscard]] io::Task<std::optional<smtp::ClientEvent>> next_event();
  [[nodiscard]] io::Task<bool> write_output();
  [[nodiscard]] io::Task<Status> secure();
  [[nodiscard]] Result<std::string> check_certificate();
  [[nodiscard]] Result<std::string> check_dane(const std::vector<Certificate>& chain);
  [[nodiscard]] Result<std::string> check_pins(const Certificate& leaf) const;
  [[nodiscard]] Status check_path(std::span<const Certificate> chain);
  [[nodiscard]] io::Task<Status> check_revocation();
  [[nodiscard]] smtp::ClientTls tls_policy(bool allow_tls) const;
  [[nodiscard]] std::string demand() const;
  [[nodiscard]] HopFailure failure_of(const smtp::Failed& failed);

  std::shared_ptr<const HopOptions> m_options;
  Revocations& m_revocations;
  Random& m_random;
  const Clock& m_clock;
  io::Stream m_stream;
  std::optional<io::Endpoint> m_local;
  std::unique_ptr<smtp::ClientSession> m_session;
  std::string m_host;
  HopTrust m_trust;
  bool m_verified = false;
  std::string m_verified_by;  ///< "by DANE (3 1 1)"
  CertificateChain m_path;    ///< Leaf to anchor, where a path is what counts.
  std::string m_tls_result, m_tls_reason;
  bool m_gave_up_tls = false;
};

}  // namespace postern::gateway
