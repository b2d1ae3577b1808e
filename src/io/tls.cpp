#include "io/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <climits>

#include "crypto/hash.hpp"
#include "io/sockets.hpp"

namespace postern::io::tls {

void SslFree::operator()(SSL* ssl) const noexcept { SSL_free(ssl); }

Result<SslPtr> make(const SslContext& context, int fd, Side side) {
  if (!context) return fail(ErrorCode::Internal, "TLS was started without a context");
  ERR_clear_error();
  SslPtr ssl(SSL_new(context.get()));
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) return fail(openssl_error(ErrorCode::Internal, "starting TLS"));
  SSL_set_mode(ssl.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_set_read_ahead(ssl.get(), 1);  // a record with one system call instead of its head with one and its body with another
  side == Side::Server ? SSL_set_accept_state(ssl.get()) : SSL_set_connect_state(ssl.get());
  return ssl;
}

namespace {

// RFC 7301 3.1: each protocol with its length in front.
Result<Bytes> alpn_list(const std::vector<std::string>& protocols) {
  Bytes out;
  for (const std::string& name : protocols) {
    if (name.empty() || name.size() > 255) return fail(ErrorCode::BadInput, "a protocol name has 1 to 255 bytes", "alpn");
    out.push_back(static_cast<Byte>(name.size()));
    append(out, as_bytes(name));
  }
  return out;
}

Status set_peer_name(SSL* ssl, const TlsClientOptions& options) {
  const auto ip = IpAddress::parse(options.server_name);
  // RFC 6066 3: "Literal IPv4 and IPv6 addresses are not permitted in HostName"
  std::string sni = options.server_name;  // the call takes a pointer to non-const and copies
  if (!ip && SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, sni.data()) != 1) {
    return fail(openssl_error(ErrorCode::BadInput, "setting the server name"));
  }
  if (!options.check_name) return {};
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool set = ip ? X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), ip->bytes().data(), ip->bytes().size()) == 1
                      : SSL_set1_host(ssl, options.server_name.c_str()) == 1;
  return set ? Status{} : fail(openssl_error(ErrorCode::BadInput, "setting the name to verify"));
}

}  // namespace

Status configure_client(SSL* ssl, const TlsClientOptions& options) {
  ERR_clear_error();
  if (!options.server_name.empty()) POSTERN_CHECK(set_peer_name(ssl, options));
  const bool require = options.verify == TlsClientOptions::Verify::Require;
  // Without SSL_VERIFY_PEER a client still builds and checks the chain; only the handshake does not depend on it.
  SSL_set_verify(ssl, require ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (options.ask_for_status) SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
  POSTERN_TRY(const Bytes alpn, alpn_list(options.alpn));
  if (!alpn.empty() && SSL_set_alpn_protos(ssl, alpn.data(), static_cast<unsigned>(alpn.size())) != 0) {
    return fail(ErrorCode::Internal, "setting the application protocols");
  }
  return options.prepare ? options.prepare(ssl) : Status{};
}

namespace {

// Which of our codes a failed library call means; the reason text itself comes from OpenSSL's tables.
ErrorCode classify(unsigned long error) {
  const int reason = ERR_GET_REASON(error);
  if (reason >= SSL_AD_REASON_OFFSET) return ErrorCode::Denied;  // an alert of the peer
  switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return ErrorCode::Denied;
    case SSL_R_UNEXPECTED_EOF_WHILE_READING: return ErrorCode::Unavailable;
    default: return ErrorCode::BadInput;
  }
}

Error library_error(SSL* ssl, std::string_view doing) {
  const unsigned long first = ERR_peek_error();
  if (ERR_GET_LIB(first) == ERR_LIB_SSL && ERR_GET_REASON(first) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    ERR_clear_error();
    return {ErrorCode::Unavailable,
            std::string(doing) + ": the peer ended the connection without close_notify, so its last bytes may be missing",
            {}};
  }
  Error error = openssl_error(classify(first), doing);
  const long verify = SSL_get_verify_result(ssl);
  if (ERR_GET_REASON(first) == SSL_R_CERTIFICATE_VERIFY_FAILED && verify != X509_V_OK) {
    error.what += std::string(" (") + X509_verify_cert_error_string(verify) + ")";
  }
  return error;
}

Result<Outcome> judge(SSL* ssl, int returned, int saved_errno, std::string_view doing) {
  switch (SSL_get_error(ssl, returned)) {
    case SSL_ERROR_WANT_READ: return Outcome{0, Want::Read};
    case SSL_ERROR_WANT_WRITE: return Outcome{0, Want::Write};
    case SSL_ERROR_ZERO_RETURN: return Outcome{};
    case SSL_ERROR_SYSCALL:
      if (saved_errno == 0) return fail(ErrorCode::Unavailable, std::string(doing) + ": the peer ended the connection");
      return fail(errno_error(saved_errno, doing));
    case SSL_ERROR_SSL: return fail(library_error(ssl, doing));
    default: return fail(openssl_error(ErrorCode::Internal, doing));
  }
}

int capped(std::size_t size) { return size > INT_MAX ? INT_MAX : static_cast<int>(size); }

}  // namespace

Result<Outcome> handshake(SSL* ssl) {
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_do_handshake(ssl);
  if (returned == 1) return Outcome{};
  const int saved = errno;
  auto outcome = judge(ssl, returned, saved, "TLS handshake");
  if (outcome && outcome->want == Want::Nothing) return fail(ErrorCode::Unavailable, "TLS handshake: the peer ended the connection");
  return outcome;
}

Result<Outcome> read(SSL* ssl, ByteSpan out) {
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_read(ssl, out.data(), capped(out.size()));
  if (returned > 0) return Outcome{static_cast<std::size_t>(returned), Want::Nothing};
  return judge(ssl, returned, errno, "reading over TLS");
}

Result<Outcome> write(SSL* ssl, ByteView bytes) {
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_write(ssl, bytes.data(), capped(bytes.size()));
  if (returned > 0) return Outcome{static_cast<std::size_t>(returned), Want::Nothing};
  const int saved = errno;
  auto outcome = judge(ssl, returned, saved, "writing over TLS");
  if (outcome && outcome->want == Want::Nothing) return fail(ErrorCode::Unavailable, "writing over TLS: the peer closed the connection");
  return outcome;
}

void send_close(SSL* ssl) noexcept {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl)) (void)SSL_shutdown(ssl);
  ERR_clear_error();
}

namespace {

Bytes der_of(X509* certificate) {
  Byte* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  Bytes out(der, der + std::max(size, 0));
  OPENSSL_free(der);
  return out;
}

Bytes key_der_of(X509* certificate) {
  Byte* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  Bytes out(der, der + std::max(size, 0));
  OPENSSL_free(der);
  return out;
}

Bytes sha256_bytes(ByteView data) {
  const Sha256 hash = sha256(data);
  return {hash.begin(), hash.end()};
}

void describe_peer(SSL* ssl, TlsInfo& info) {
  X509* const certificate = SSL_get0_peer_certificate(ssl);
  info.has_peer_certificate = certificate != nullptr;
  if (!certificate) return;
  const long verify = SSL_get_verify_result(ssl);
  info.verified = verify == X509_V_OK;
  if (!info.verified) info.verify_error = X509_verify_cert_error_string(verify);
  info.peer_certificate_sha256 = sha256_bytes(der_of(certificate));
  info.peer_key_sha256 = sha256_bytes(key_der_of(certificate));
  const BioPtr text = bio_buffer();
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  info.peer_subject = as_text(bio_bytes(text.get()));
}

}  // namespace

TlsInfo describe(SSL* ssl) {
  TlsInfo info;
  info.version = SSL_get_version(ssl);
  info.suite = SSL_get_cipher_name(ssl);
  const int group = static_cast<int>(SSL_get_negotiated_group(ssl));
  if (const char* name = group != 0 ? SSL_group_to_name(ssl, group) : nullptr) info.group = name;
  if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) info.server_name = name;
  const Byte* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &alpn_size);
  if (alpn) info.alpn = as_text({alpn, alpn_size});
  info.resumed = SSL_session_reused(ssl) == 1;
  describe_peer(ssl, info);
  return info;
}

std::vector<Bytes> peer_chain(SSL* ssl) {
  std::vector<Bytes> out;
  X509* const leaf = SSL_get0_peer_certificate(ssl);
  if (!leaf) return out;
  out.push_back(der_of(leaf));
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);  // with the leaf on a client, without it on a server
  for (int i = SSL_is_server(ssl) ? 0 : 1; i < sk_X509_num(chain); ++i) out.push_back(der_of(sk_X509_value(chain, i)));
  return out;
}

std::vector<Bytes> verified_path(SSL* ssl) {
  std::vector<Bytes> out;
  if (SSL_get_verify_result(ssl) != X509_V_OK) return out;
  const STACK_OF(X509)* path = SSL_get0_verified_chain(ssl);
  for (int i = 0; i < sk_X509_num(path); ++i) out.push_back(der_of(sk_X509_value(path, i)));
  return out;
}

Bytes stapled_answer(SSL* ssl) {
  const unsigned char* answer = nullptr;
  const long size = SSL_get_tlsext_status_ocsp_resp(ssl, &answer);
  return answer != nullptr && size > 0 ? Bytes(answer, answer + size) : Bytes{};
}

Result<Bytes> export_key(SSL* ssl, std::string_view label, std::size_t length) {
  if (length == 0 || length > 1024) return fail(ErrorCode::BadInput, "an exported key has 1 to 1024 bytes", "length");
  ERR_clear_error();
  Bytes out(length);
  if (SSL_export_keying_material(ssl, out.data(), out.size(), label.data(), label.size(), nullptr, 0, 0) != 1) {
    return fail(openssl_error(ErrorCode::Internal, "exporting keying material"));
  }
  return out;
}

}  // namespace postern::io::tls
