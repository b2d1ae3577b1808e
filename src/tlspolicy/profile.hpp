// TLS by policy: one place that turns a profile into an SSL_CTX. TLS 1.3 (RFC 8446) only, unless the profile says otherwise aloud.
//
// Effective policy (policy_text() of the default profile; a golden test keeps it):
//   TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256; X25519MLKEM768 where OpenSSL has it, X25519, P-256, P-384; no compression, no
//   renegotiation; session tickets; buffers released when idle.
// With `min_version` Tls12 the TLS 1.2 suites are ECDHE with AES-GCM or ChaCha20-Poly1305 only, and TlsContext::warnings() is not empty.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "crypto/openssl.hpp"
#include "pki/certificate.hpp"
#include "tlspolicy/staple.hpp"

namespace postern {

enum class TlsVersion { Tls12, Tls13 };

/// SHA-256 pins; a certificate passes a set when its own or its key's fingerprint stands in it. An empty set pins nothing.
struct PinSet {
  std::vector<Sha256> certificates;
  std::vector<Sha256> keys;
  [[nodiscard]] bool empty() const noexcept { return certificates.empty() && keys.empty(); }
  [[nodiscard]] bool allows(const Certificate& certificate) const;
};

struct TlsServerProfile {
  TlsVersion min_version = TlsVersion::Tls13;
  CertificateChain chain;  ///< Leaf first; required.
  EvpPkeyPtr key;          ///< Of the leaf; a real key or a handle (keys/evp_handle.hpp); required.
  /// Trust for client certificates; asked for when not empty.
  std::vector<Certificate> client_roots;
  bool require_client_certificate = false;
  /// Asks for a certificate and takes whatever is shown: who serves the connection judges it, by a pin. A chain to client_roots shows in
  /// the verification result, and a client must still have its certificate's key.
  bool accept_any_client_certificate = false;
  std::vector<std::string> alpn;  ///< In order of preference; empty: no ALPN.
  /// Asked in each handshake with a client that asks; shared with whoever keeps it fresh. Null: nothing is stapled.
  std::shared_ptr<const Staple> staple = {};
};

/// What a client must find. With Opportunistic any certificate will do (RFC 7435), the verdict is kept for the record.
enum class TlsVerification { Required, Opportunistic };

struct TlsClientProfile {
  TlsVersion min_version = TlsVersion::Tls13;
  std::vector<Certificate> roots;  ///< With system_roots false and none here nothing is trusted.
  bool system_roots = false;
  CertificateChain chain;  ///< Client certificate, optional.
  EvpPkeyPtr key;
  std::vector<std::string> alpn;
};

/// Shared, immutable; connections keep it alive by themselves.
class TlsContext {
 public:
  [[nodiscard]] SSL_CTX* native() const noexcept { return m_context.get(); }
  [[nodiscard]] std::shared_ptr<SSL_CTX> shared() const noexcept { return m_context; }
  /// What an operator should know about this profile ("TLS 1.2 allowed"); empty when it is the default policy.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return m_warnings; }

 private:
  friend Result<TlsContext> server_context(TlsServerProfile profile);
  friend Result<TlsContext> client_context(TlsClientProfile profile);
  friend std::string policy_text(const TlsContext& context);
  std::shared_ptr<SSL_CTX> m_context;
  std::string m_groups;
  std::vector<std::string> m_warnings;
};

/// BadInput when chain and key do not belong together or are missing.
[[nodiscard]] Result<TlsContext> server_context(TlsServerProfile profile);
/// Verification is not done inside the handshake but by check_peer() after it, so that the reason can be reported and an opportunistic
/// connection can go on: **a connection must not be used before check_peer() said yes.**
[[nodiscard]] Result<TlsContext> client_context(TlsClientProfile profile);

/// Prepares one client connection: SNI (not for addresses) and nothing else.
[[nodiscard]] Status set_server_name(SSL* connection, const std::string& host);

/// The effective policy as text, one fact per line, read back from the SSL_CTX (but for the groups, which OpenSSL takes and does not show).
[[nodiscard]] std::string policy_text(const TlsContext& context);

struct PeerRequirements {
  TlsVerification verification = TlsVerification::Required;
  std::string host = {};  ///< Name or address the certificate must be for; empty: any name.
  PinSet pins = {};       ///< Checked in both modes.
  WallTime at{};
};

struct PeerVerdict {
  bool ok = false;        ///< The connection may be used.
  bool verified = false;  ///< Chain, expiry and name were right.
  std::string reason;     ///< In words, when not verified or not ok.
  std::optional<Certificate> certificate;
};

/// After the handshake of a client connection made from client_context().
[[nodiscard]] PeerVerdict check_peer(SSL* connection, const PeerRequirements& required);

/// For Received, log and status: "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519". After the handshake.
struct ConnectionFacts {
  std::string version;
  std::string cipher;
  std::string group;
  int bits = 0;
  std::optional<Certificate> peer;  ///< On a server: present only when a client certificate was verified.
};
[[nodiscard]] ConnectionFacts connection_facts(SSL* connection);

}  // namespace postern
