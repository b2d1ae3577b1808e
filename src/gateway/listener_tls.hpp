// The certificate that the listeners show: read or issued at start, judged, and replaced while the daemon runs.
//
// The built-in authority's certificate is renewed when a third of its life is left, and follows its key when that is rotated; files
// (tls.certificate, tls.key) are read again when they change. Where DNS vouches for the certificate in use, another one waits until DNS
// vouches for it too (tlsa_gate.hpp); the key in use outlives a restart meanwhile, unless its file is gone. What cannot be used is named in
// the log and in warnings(), and the certificate in use stays. Only handshakes that begin later see the new one; no connection ends.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "gateway/tlsa_gate.hpp"
#include "io/stream.hpp"
#include "pki/authority.hpp"
#include "store/tls_keys.hpp"
#include "tlspolicy/profile.hpp"

namespace postern::gateway {

/// What an operator should know about a listener certificate at this time; empty when it is good for `host` and for another 30 days.
[[nodiscard]] std::vector<std::string> certificate_warnings(const Certificate& certificate, const std::string& host, WallTime now);

/// What handshakes show: the chain, and the place for the OCSP response about its leaf (gateway/stapler.hpp). Another object whenever the
/// certificate is read or issued anew; null where no listener uses TLS.
struct ShownCertificate {
  CertificateChain chain;
  std::shared_ptr<Staple> staple;
};

/// Thread safe after the last add(). Must outlive what add() returned.
class ListenerTls {
 public:
  /// The store must outlive it, too.
  ListenerTls(const config::Config& config, std::shared_ptr<Authority> authority, std::shared_ptr<Keeper> keeper, Store& store,
              const Clock& clock);
  ListenerTls(const ListenerTls&) = delete;
  ListenerTls& operator=(const ListenerTls&) = delete;

  /// Of tls.certificate and tls.key, which must be set: whether they can be read and belong together. Errors name the setting.
  [[nodiscard]] static Status check_files(const config::Config& config);
  /// For DoorOptions::tls. Errors name the setting: a file that cannot be read, a key of another certificate, no trust store.
  [[nodiscard]] Result<std::function<io::SslContext()>> add(const config::Listener& listener);
  /// For connections of our own that show the same certificate; who is called is judged after the handshake (tlspolicy/profile.hpp).
  [[nodiscard]] Result<std::function<io::SslContext()>> add_client(TlsVersion min_version);
  /// Replaces the certificate when it is due. Blocking (files, database); often enough is every few seconds, it costs two stat() then.
  void check();
  /// What DNS says about the TLSA records of server.hostname at port 25. Blocking.
  void observe(const dns::Answer& tlsa);

  /// What the records must say (3 1 1).
  struct TlsaKeys {
    std::optional<Sha256> shown, next;
    std::vector<Sha256> former;
    bool vouched = false;  ///< DNS has one for what is shown.
  };
  [[nodiscard]] TlsaKeys tlsa_keys() const;
  /// Whether a certificate waits for DNS.
  [[nodiscard]] bool waits() const;
  /// Of the built-in key, what is shown; nothing with files or before the first listener.
  [[nodiscard]] std::optional<std::uint32_t> version_in_use() const;

  /// Nothing where no listener uses TLS.
  [[nodiscard]] std::optional<Certificate> certificate() const;
  [[nodiscard]] CertificateChain chain() const;  ///< The same with what is shown beside it.
  [[nodiscard]] ShownCertificate shown() const;
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  struct Material {
    CertificateChain chain;
    EvpPkeyPtr key;
    std::uint32_t version = 0;  ///< Of the built-in key.
    std::shared_ptr<Staple> staple = std::make_shared<Staple>();
  };
  struct Slot {
    TlsVersion min_version = TlsVersion::Tls13;
    std::vector<Certificate> client_roots;
    bool require_client_certificate = false;
    bool any_client_certificate = false;
    bool client = false;  ///< For our own connections.
    io::SslContext context;
  };
  [[nodiscard]] Result<std::function<io::SslContext()>> add(std::shared_ptr<Slot> slot);
  [[nodiscard]] Result<TlsContext> context_of(const Slot& slot) const;
  [[nodiscard]] bool built_in() const { return m_config.tls.certificate.empty(); }
  [[nodiscard]] TlsSubject subject() const;
  [[nodiscard]] std::string stamp() const;
  [[nodiscard]] Status begin();
  void skip_versions();
  void skip(const Certificate& leaf);
  [[nodiscard]] Result<Material> load(std::uint32_t version) const;
  [[nodiscard]] static Result<Material> load_files(const config::Config& config);
  [[nodiscard]] Result<Material> foresee(std::uint32_t version) const;
  [[nodiscard]] bool needs_renewal() const;
  void look_at_files();
  void check_built_in();
  void offer(Material next);
  void show_next();
  [[nodiscard]] Status show(Material material);
  [[nodiscard]] Status replace();
  [[nodiscard]] Status remember();
  void failed(const Error& error);
  void publish_state();
  void log_warnings();

  const config::Config& m_config;
  std::shared_ptr<Authority> m_authority;
  std::shared_ptr<Keeper> m_keeper;
  Store& m_store;
  const Clock& m_clock;

  std::mutex m_checking;  ///< One check at a time; guards what only it uses.
  Material m_material;
  std::optional<Material> m_next;  ///< Waits for DNS; without its key when it is the built-in one.
  TlsaGate m_gate;
  std::vector<ShownTlsKey> m_shown;  ///< As the store has them.
  std::vector<Sha256> m_skipped;     ///< Waited, and were overtaken by another one: their records are not needed, either.
  std::string m_stamp;               ///< Of the files when they were last read, good or bad.
  SteadyTime m_next_try{};
  std::vector<std::string> m_logged;

  mutable std::mutex m_mutex;  ///< For a moment only: loops take it.
  std::vector<std::shared_ptr<Slot>> m_slots;
  ShownCertificate m_shown_now;  ///< Empty where no listener uses TLS.
  std::string m_failure;         ///< Why the last replacement did not happen.
  std::string m_waits;           ///< What the next certificate waits for.
  TlsaKeys m_tlsa;
  std::uint32_t m_version = 0;
};

}  // namespace postern::gateway
