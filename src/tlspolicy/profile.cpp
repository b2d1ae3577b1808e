#include "tlspolicy/profile.hpp"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <new>

#include "pki/verify.hpp"

namespace postern {
namespace {

constexpr const char* kSuites13 = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kSuites12 =
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
// Hybrid post-quantum first, where OpenSSL (3.5 and later) has it.
constexpr const char* kGroupsHybrid = "X25519MLKEM768:X25519:P-256:P-384";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr int kSecurityLevel = 2;
constexpr long kTicketSeconds = 7200;
constexpr std::size_t kAlpnLimit = 255;
const unsigned char kSessionContext[] = "postern";

using ContextPtr = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

Error tls_error(std::string_view doing) { return openssl_error(ErrorCode::BadInput, doing); }
Status check(bool ok, std::string_view doing) {
  if (ok) return {};
  return fail(tls_error(doing));
}

// What every context has, on both sides. Answers the groups that this OpenSSL took.
Result<std::string> apply_policy(SSL_CTX* context, TlsVersion least) {
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_security_level(context, kSecurityLevel);
  const bool suites = SSL_CTX_set_min_proto_version(context, least == TlsVersion::Tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1 &&
                      SSL_CTX_set_ciphersuites(context, kSuites13) == 1 && SSL_CTX_set_cipher_list(context, kSuites12) == 1;
  POSTERN_CHECK(check(suites, "setting the TLS suites"));
  if (SSL_CTX_set1_groups_list(context, kGroupsHybrid) == 1) return kGroupsHybrid;
  openssl_clear_errors();
  POSTERN_CHECK(check(SSL_CTX_set1_groups_list(context, kGroups) == 1, "setting the TLS groups"));
  return kGroups;
}

Status use_identity(SSL_CTX* context, const CertificateChain& chain, EVP_PKEY* key) {
  if (chain.empty() || key == nullptr) return fail(ErrorCode::BadInput, "a certificate and its key are needed", "certificate");
  POSTERN_CHECK(check(SSL_CTX_use_certificate(context, chain.front().native()) == 1, "using the certificate"));
  // The root too, where it is in the file: who knows it by a DANE-TA record has it from here only (RFC 7672 3.1.2).
  for (std::size_t i = 1; i < chain.size(); ++i)
    POSTERN_CHECK(check(SSL_CTX_add1_chain_cert(context, chain[i].native()) == 1, "using the certificate chain"));
  POSTERN_CHECK(check(SSL_CTX_use_PrivateKey(context, key) == 1, "the private key does not belong to the certificate"));
  return check(SSL_CTX_check_private_key(context) == 1, "the private key does not belong to the certificate");
}

Status trust(SSL_CTX* context, const std::vector<Certificate>& roots) {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const Certificate& root : roots) POSTERN_CHECK(check(X509_STORE_add_cert(store, root.native()) == 1, "using a trusted certificate"));
  return {};
}

/// The verification result keeps what was wrong with the chain; only the handshake goes on.
int take_any(int, X509_STORE_CTX*) { return 1; }

Status ask_for_client_certificate(SSL_CTX* context, const TlsServerProfile& profile) {
  const bool any = profile.accept_any_client_certificate;
  if (profile.require_client_certificate && profile.client_roots.empty() && !any) {
    return fail(ErrorCode::BadInput, "a client certificate is required but no authority is trusted for it", "client_roots");
  }
  if (profile.client_roots.empty() && !any) return {};
  POSTERN_CHECK(trust(context, profile.client_roots));
  for (const Certificate& root : profile.client_roots)
    if (!any)  // RFC 8446 4.2.4: naming authorities would keep a client from showing another certificate
      POSTERN_CHECK(check(SSL_CTX_add_client_CA(context, root.native()) == 1, "naming a client authority"));
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (profile.require_client_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     any ? take_any : nullptr);
  return {};
}

// ALPN (RFC 7301): the protocol names, each behind its length.
Result<std::string> alpn_wire(const std::vector<std::string>& names) {
  std::string wire;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > kAlpnLimit) return fail(ErrorCode::BadInput, "an ALPN name has 1 to 255 bytes", "alpn");
    wire.push_back(static_cast<char>(name.size()));
    wire += name;
  }
  return wire;
}

// The wire form lives in the context's own data: connections may outlive everything else of it.
int alpn_index() {
  static const int index = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* wire, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<std::string*>(wire); });
  return index;
}

int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered, unsigned offered_size,
                void* argument) {
  const auto& ours = *static_cast<const std::string*>(argument);
  unsigned char* selected = nullptr;
  const int result = SSL_select_next_proto(&selected, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                                           static_cast<unsigned>(ours.size()), offered, offered_size);
  *out = selected;
  // RFC 7301 3.2: with no common protocol the server "SHALL send a fatal no_application_protocol alert"
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

Status accept_alpn(SSL_CTX* context, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  POSTERN_TRY(const std::string wire, alpn_wire(names));
  auto kept = std::make_unique<std::string>(wire);
  POSTERN_CHECK(check(SSL_CTX_set_ex_data(context, alpn_index(), kept.get()) == 1, "setting ALPN"));
  SSL_CTX_set_alpn_select_cb(context, select_alpn, kept.release());
  return {};
}

Status offer_alpn(SSL_CTX* context, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  POSTERN_TRY(const std::string wire, alpn_wire(names));
  // This one call answers 0 for success.
  return check(
      SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(wire.data()), static_cast<unsigned>(wire.size())) == 0,
      "setting ALPN");
}

using StaplePtr = std::shared_ptr<const Staple>;

int staple_index() {
  static const int index = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* staple, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<StaplePtr*>(staple); });
  return index;
}

/// RFC 6066 8: asked for by the client; a server that has nothing to say leaves the extension out.
int staple_answer(SSL* connection, void* argument) {
  const auto response = (*static_cast<const StaplePtr*>(argument))->get();
  if (!response) return SSL_TLSEXT_ERR_NOACK;
  void* copy = OPENSSL_memdup(response->data(), response->size());
  if (copy == nullptr || SSL_set_tlsext_status_ocsp_resp(connection, copy, static_cast<long>(response->size())) != 1)
    return SSL_TLSEXT_ERR_NOACK;
  return SSL_TLSEXT_ERR_OK;
}

Status answer_status_requests(SSL_CTX* context, StaplePtr staple) {
  if (!staple) return {};
  auto kept = std::make_unique<StaplePtr>(std::move(staple));
  POSTERN_CHECK(check(SSL_CTX_set_ex_data(context, staple_index(), kept.get()) == 1, "setting what is stapled"));
  SSL_CTX_set_tlsext_status_arg(context, kept.release());
  SSL_CTX_set_tlsext_status_cb(context, staple_answer);
  return {};
}

std::vector<std::string> warnings_for(TlsVersion least) {
  if (least == TlsVersion::Tls13) return {};
  return {"TLS 1.2 is allowed"};
}

ContextPtr new_context(const SSL_METHOD* method) {
  ContextPtr context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) throw std::bad_alloc();
  return context;
}

bool is_address(const std::string& host) {
  ASN1_OCTET_STRING* raw = a2i_IPADDRESS(host.c_str());
  openssl_clear_errors();
  ASN1_OCTET_STRING_free(raw);
  return raw != nullptr;
}

CertificateChain sent_chain(SSL* connection) {
  CertificateChain out;
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(connection);
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain) && out.size() < kChainLimit; ++i) {
    if (auto certificate = Certificate::from_native(sk_X509_value(chain, i))) out.push_back(*std::move(certificate));
  }
  return out;
}

std::optional<Certificate> peer_certificate(SSL* connection) {
  auto certificate = Certificate::from_native(SSL_get0_peer_certificate(connection));
  if (!certificate) return std::nullopt;
  return *std::move(certificate);
}

ChainVerdict verify_peer(SSL* connection, const Certificate& leaf, const PeerRequirements& required) {
  const CertificateChain sent = sent_chain(connection);
  VerifyRequest request{.leaf = &leaf, .intermediates = sent, .at = required.at, .purpose = CertificatePurpose::TlsServer};
  request.more_roots = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(connection));
  (is_address(required.host) ? request.ip_address : request.dns_name) = required.host;
  return verify_chain(request);
}

const char* yes_no(bool value) { return value ? "yes" : "no"; }

std::string suites_of(const SSL_CTX* context, bool with_tls12) {
  std::string out;
  const STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(ciphers, i);
    const bool tls13 = std::string_view(SSL_CIPHER_get_version(cipher)) == "TLSv1.3";
    if (tls13 || with_tls12) out.append(" ").append(SSL_CIPHER_get_name(cipher));
  }
  return out;
}

std::string client_certificate_text(const SSL_CTX* context) {
  const int mode = SSL_CTX_get_verify_mode(context);
  if ((mode & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) != 0) return "required";
  return (mode & SSL_VERIFY_PEER) != 0 ? "asked for" : "not asked for";
}

}  // namespace

bool PinSet::allows(const Certificate& certificate) const {
  if (empty()) return true;
  return std::ranges::find(certificates, certificate.fingerprint()) != certificates.end() ||
         std::ranges::find(keys, certificate.spki_fingerprint()) != keys.end();
}

Result<TlsContext> server_context(TlsServerProfile profile) {
  TlsContext out;
  ContextPtr context = new_context(TLS_server_method());
  POSTERN_TRY(out.m_groups, apply_policy(context.get(), profile.min_version));
  POSTERN_CHECK(use_identity(context.get(), profile.chain, profile.key.get()));
  POSTERN_CHECK(ask_for_client_certificate(context.get(), profile));
  POSTERN_CHECK(accept_alpn(context.get(), profile.alpn));
  POSTERN_CHECK(answer_status_requests(context.get(), std::move(profile.staple)));
  // Stateless tickets: no server-side cache that a stranger could fill. One ticket, since mail clients seldom come back twice. None for
  // clients with certificates: a resumed session shows no path, and whether that was revoked since could not be asked.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  const bool judged = !profile.client_roots.empty();
  if (judged) SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context.get(), judged ? 0 : 1);
  SSL_CTX_set_timeout(context.get(), kTicketSeconds);
  SSL_CTX_set_session_id_context(context.get(), kSessionContext, sizeof kSessionContext - 1);
  out.m_context = std::move(context);
  out.m_warnings = warnings_for(profile.min_version);
  return out;
}

Result<TlsContext> client_context(TlsClientProfile profile) {
  TlsContext out;
  ContextPtr context = new_context(TLS_client_method());
  POSTERN_TRY(out.m_groups, apply_policy(context.get(), profile.min_version));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);  // check_peer() does it
  POSTERN_CHECK(trust(context.get(), profile.roots));
  if (profile.system_roots)
    POSTERN_CHECK(check(SSL_CTX_set_default_verify_paths(context.get()) == 1, "loading the system's trusted certificates"));
  if (!profile.chain.empty() || profile.key) POSTERN_CHECK(use_identity(context.get(), profile.chain, profile.key.get()));
  POSTERN_CHECK(offer_alpn(context.get(), profile.alpn));
  out.m_context = std::move(context);
  out.m_warnings = warnings_for(profile.min_version);
  return out;
}

Status set_server_name(SSL* connection, const std::string& host) {
  // RFC 6066 3: "Literal IPv4 and IPv6 addresses are not permitted in "HostName"."
  if (host.empty() || is_address(host)) return {};
  // SSL_set_tlsext_host_name, spelled without its C cast
  const long set = SSL_ctrl(connection, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str()));
  return check(set == 1, "naming the server");
}

std::string policy_text(const TlsContext& context) {
  SSL_CTX* ctx = context.native();
  const bool tls12 = SSL_CTX_get_min_proto_version(ctx) < TLS1_3_VERSION;
  const std::uint64_t options = SSL_CTX_get_options(ctx);
  std::string out;
  out.append("min version: ").append(tls12 ? "TLS 1.2" : "TLS 1.3").append("\n");
  out.append("suites:").append(suites_of(ctx, tls12)).append("\n");
  out.append("groups: ").append(context.m_groups).append("\n");
  out.append("compression: ").append(yes_no((options & SSL_OP_NO_COMPRESSION) == 0)).append("\n");
  out.append("renegotiation: ").append(yes_no((options & SSL_OP_NO_RENEGOTIATION) == 0)).append("\n");
  out.append("early data: ").append(yes_no(SSL_CTX_get_max_early_data(ctx) != 0)).append("\n");
  out.append("tickets: ").append(std::to_string(SSL_CTX_get_num_tickets(ctx))).append("\n");
  out.append("security level: ").append(std::to_string(SSL_CTX_get_security_level(ctx))).append("\n");
  out.append("release buffers: ").append(yes_no((SSL_CTX_get_mode(ctx) & SSL_MODE_RELEASE_BUFFERS) != 0)).append("\n");
  out.append("client certificate: ").append(client_certificate_text(ctx)).append("\n");
  return out;
}

PeerVerdict check_peer(SSL* connection, const PeerRequirements& required) {
  PeerVerdict out;
  out.certificate = peer_certificate(connection);
  if (!out.certificate) {
    out.reason = "the server showed no certificate";
    return out;
  }
  if (!required.pins.allows(*out.certificate)) {
    out.reason = "the server's certificate is not among the pinned ones: " + fingerprint_text(out.certificate->fingerprint());
    return out;
  }
  const ChainVerdict chain = verify_peer(connection, *out.certificate, required);
  out.verified = chain.ok;
  out.reason = chain.reason;
  out.ok = chain.ok || required.verification == TlsVerification::Opportunistic;
  return out;
}

ConnectionFacts connection_facts(SSL* connection) {
  ConnectionFacts out;
  out.version = SSL_get_version(connection);
  const SSL_CIPHER* cipher = SSL_get_current_cipher(connection);
  if (cipher != nullptr) {
    out.cipher = SSL_CIPHER_get_name(cipher);
    out.bits = SSL_CIPHER_get_bits(cipher, nullptr);
  }
  const int group = static_cast<int>(SSL_get_negotiated_group(connection));
  const char* name = group != 0 ? SSL_group_to_name(connection, group) : nullptr;
  if (name != nullptr) out.group = name;
  const bool trusted = SSL_is_server(connection) == 0 || SSL_get_verify_result(connection) == X509_V_OK;
  if (trusted) out.peer = peer_certificate(connection);
  return out;
}

}  // namespace postern
