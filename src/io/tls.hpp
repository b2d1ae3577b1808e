// What io/ asks of OpenSSL's TLS: one nonblocking step at a time over a socket, errors as values. Used by Stream only.
#pragma once

#include <openssl/types.h>

#include <memory>

#include "io/stream.hpp"

namespace postern::io::tls {

struct SslFree {
  void operator()(SSL* ssl) const noexcept;
};
using SslPtr = std::unique_ptr<SSL, SslFree>;

/// What a step needs before it can go on.
enum class Want { Nothing, Read, Write };

struct Outcome {
  std::size_t bytes = 0;
  Want want = Want::Nothing;  ///< Not Nothing: `bytes` is 0 and the step must be repeated when the socket is ready for this.
};

enum class Side { Server, Client };

/// A TLS object over `fd`, which it does not own.
[[nodiscard]] Result<SslPtr> make(const SslContext& context, int fd, Side side);
/// Names, verification, ALPN: everything the client says or asks for.
[[nodiscard]] Status configure_client(SSL* ssl, const TlsClientOptions& options);

[[nodiscard]] Result<Outcome> handshake(SSL* ssl);
/// 0 bytes: close_notify came. The end of the connection without it is Unavailable: what came may be cut (RFC 8446 6.1).
[[nodiscard]] Result<Outcome> read(SSL* ssl, ByteSpan out);
[[nodiscard]] Result<Outcome> write(SSL* ssl, ByteView bytes);
/// Sends close_notify if the socket takes it now.
void send_close(SSL* ssl) noexcept;

[[nodiscard]] TlsInfo describe(SSL* ssl);
[[nodiscard]] std::vector<Bytes> peer_chain(SSL* ssl);
[[nodiscard]] std::vector<Bytes> verified_path(SSL* ssl);
[[nodiscard]] Bytes stapled_answer(SSL* ssl);
[[nodiscard]] Result<Bytes> export_key(SSL* ssl, std::string_view label, std::size_t length);

}  // namespace postern::io::tls
