// The certificate that the listeners show: read or issued at start, judged, and replaced while the daemon runs.
//
// The built-in authority's certificate is renewed when a third of its life is left or its key was rotated; files (tls.certificate, tls.key)
// are read again when they change. What cannot be used is named in the log and in warnings(), and the certificate in use stays. Only
// handshakes that begin later see the new one; no connection ends.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "io/stream.hpp"
#include "pki/authority.hpp"
#include "tlspolicy/profile.hpp"

namespace postern::gateway {

/// What an operator should know about a listener certificate at this time; empty when it is good for `host` and for another 30 days.
[[nodiscard]] std::vector<std::string> certificate_warnings(const Certificate& certificate, const std::string& host, WallTime now);

/// Thread safe after the last add(). Must outlive what add() returned.
class ListenerTls {
 public:
  ListenerTls(const config::Config& config, std::shared_ptr<Authority> authority, std::shared_ptr<Keeper> keeper, const Clock& clock);
  ListenerTls(const ListenerTls&) = delete;
  ListenerTls& operator=(const ListenerTls&) = delete;

  /// For DoorOptions::tls. Errors name the setting: a file that cannot be read, a key of another certificate, no trust store.
  [[nodiscard]] Result<std::function<io::SslContext()>> add(const config::Listener& listener);
  /// Replaces the certificate when it is due. Blocking (files, database); often enough is every few seconds, it costs two stat() then.
  void check();

  /// Nothing where no listener uses TLS.
  [[nodiscard]] std::optional<Certificate> certificate() const;
  [[nodiscard]] CertificateChain chain() const;  ///< The same with what is shown beside it.
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  struct Material {
    CertificateChain chain;
    EvpPkeyPtr key;
    std::uint32_t version = 0;  ///< Of the built-in key.
  };
  struct Slot {
    TlsVersion min_version = TlsVersion::Tls13;
    std::vector<Certificate> client_roots;
    bool require_client_certificate = false;
    io::SslContext context;
  };
  [[nodiscard]] bool built_in() const { return m_config.tls.certificate.empty(); }
  [[nodiscard]] std::string stamp() const;
  [[nodiscard]] bool is_due(const std::string& stamp) const;
  [[nodiscard]] Result<Material> load() const;
  [[nodiscard]] Result<Material> load_files() const;
  [[nodiscard]] Status replace();
  void log_warnings();

  const config::Config& m_config;
  std::shared_ptr<Authority> m_authority;
  std::shared_ptr<Keeper> m_keeper;
  const Clock& m_clock;

  std::mutex m_checking;  ///< One check at a time; guards what only it uses.
  Material m_material;
  std::string m_stamp;  ///< Of the files when they were last read, good or bad.
  SteadyTime m_next_try{};
  std::vector<std::string> m_logged;

  mutable std::mutex m_mutex;  ///< For a moment only: loops take it.
  std::vector<std::shared_ptr<Slot>> m_slots;
  CertificateChain m_chain;  ///< What is shown; empty where no listener uses TLS.
  std::string m_failure;     ///< Why the last replacement did not happen.
};

}  // namespace postern::gateway
