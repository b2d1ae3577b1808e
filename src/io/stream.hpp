// One connection: a nonblocking TCP or Unix socket, plain or with TLS over the same descriptor.
//
// Memory: an idle Stream holds no read buffer, and neither should its session: `wait_readable` with nothing allocated, then `try_read`
// or `read_some` into a buffer taken for the moment. OpenSSL runs on the descriptor itself (no BIO pair) and releases its record
// buffers between records.
// Speed: every operation tries the system call first and waits for the loop only when the kernel says EAGAIN. A peer that never lets us
// wait does not starve the loop: after a burst of immediate reads the coroutine yields.
// Deadlines: absolute, for one call. One timer per stream is re-armed lazily; a deadline costs nothing when data is there.
// Threads: everything except StreamControl belongs to the loop given at adoption. One read and one write may be in progress at a time.
// Errors: Timeout (the deadline passed), Unavailable (reset, refused, truncated TLS, aborted; `what` says which), Denied (TLS: the peer's
// certificate was required and did not verify, or the peer refused ours), BadInput (the peer does not speak TLS, or no common version or
// suite).
// An end of stream is not an error: a read of 0 bytes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "io/endpoint.hpp"
#include "io/task.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace postern::io {

using SslContext = std::shared_ptr<ssl_ctx_st>;

/// What the handshake settled. Empty `version`: no TLS.
struct TlsInfo {
  std::string version;      ///< "TLSv1.3"
  std::string suite;        ///< "TLS_AES_256_GCM_SHA384"
  std::string group;        ///< Key exchange group, "X25519"; empty when the library does not say.
  std::string server_name;  ///< SNI as sent or received.
  std::string alpn;
  bool resumed = false;
  bool has_peer_certificate = false;
  bool verified = false;          ///< Chain (and name, when one was asked for) verified.
  std::string verify_error;       ///< Why not, in OpenSSL's words; empty when verified or when there was no certificate.
  std::string peer_subject;       ///< RFC 2253 text of the subject.
  Bytes peer_certificate_sha256;  ///< Over the DER certificate.
  Bytes peer_key_sha256;          ///< Over the DER SubjectPublicKeyInfo.
};

class Stream;
/// Asked about the certificate that the other end showed, after the handshake and before anything else is sent or read: an error (Denied)
/// ends the start of TLS with it. On the stream's loop; empty: nobody is asked.
using PeerJudge = std::function<Task<Status>(const Stream&)>;

struct TlsClientOptions {
  /// SNI and, when `check_name`, the name (or address) the certificate must carry. Address literals are never sent as SNI (RFC 6066 3).
  std::string server_name;
  bool check_name = true;
  /// Require: the handshake fails with Denied when verification fails. Report: it goes on, and info() tells (opportunistic TLS, pins).
  enum class Verify { Report, Require } verify = Verify::Require;
  std::vector<std::string> alpn;
  bool ask_for_status = false;  ///< RFC 6066 8: the server may staple an OCSP response; see Stream::stapled_answer().
  /// Last word on the SSL object before the handshake: DANE records, a session to resume. Optional; an error ends the start.
  std::function<Status(ssl_st*)> prepare;
  PeerJudge judge = {};
};

/// What a wait for more bytes may also wake up for.
enum class WakeOn {
  Data,
  DataOrDrain,  ///< Also when the listener drains: Unavailable with field "drain". For sessions that are idle between transactions.
  Anything,     ///< Also when StreamControl::call() was called, once for all calls since the last such wait: Unavailable with field "call".
};

/// Reaches a live stream from outside, from any thread; harmless once the stream is gone.
class StreamControl {
 public:
  StreamControl() = default;
  /// Sets draining() and wakes a wait with WakeOn::DataOrDrain or Anything.
  void drain() const;
  /// Wakes the next or present wait with WakeOn::Anything: there is something to do for a session that waits for its peer.
  void call() const;
  /// Every present and future operation fails with Unavailable.
  void abort() const;
  [[nodiscard]] bool expired() const noexcept;

 private:
  friend class Stream;
  std::weak_ptr<struct StreamImpl> m_impl;
};

class Stream {
 public:
  /// No connection; only assignment and destruction are allowed.
  Stream() noexcept;
  /// Takes over a connected stream socket; makes it nonblocking and, for TCP, sends small writes at once. `where` is a loop of Loops.
  [[nodiscard]] static Stream adopt(const Executor& where, int fd, Endpoint peer);
  /// For a socket whose connect() is in progress: returns when it is connected, or why not.
  [[nodiscard]] Task<Status> wait_connected(SteadyTime deadline);
  /// Two connected streams on one loop (socketpair), for tests and in-process peers.
  [[nodiscard]] static Result<std::pair<Stream, Stream>> pair(const Executor& where);
  /// Closes (see close()). Never while an operation is in progress.
  ~Stream();
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;

  [[nodiscard]] explicit operator bool() const noexcept { return m_impl != nullptr; }

  /// At least one byte, or 0 at the end of the stream. Plain: never takes more from the socket than `out` holds, so a PROXY header can be
  /// read exactly and TLS started behind it. An empty `out` is BadInput.
  [[nodiscard]] Task<Result<std::size_t>> read_some(ByteSpan out, SteadyTime deadline);
  /// All of `bytes`, or an error and an unknown part of it sent. The bytes must live until it returns.
  [[nodiscard]] Task<Status> write_all(ByteView bytes, SteadyTime deadline);
  [[nodiscard]] Task<Status> write_all(std::string_view text, SteadyTime deadline) { return write_all(as_bytes(text), deadline); }
  /// As much of `bytes` as goes without waiting, perhaps nothing. The rest must be what is written next.
  [[nodiscard]] Result<std::size_t> try_write(ByteView bytes);

  /// Returns when a read would find bytes or the end of the stream; now and then for bytes that were read already. No buffer is held
  /// meanwhile.
  [[nodiscard]] Task<Status> wait_readable(SteadyTime deadline, WakeOn wake = WakeOn::Data);
  /// What is there now: bytes, 0 at the end of the stream, or nothing when a read would have to wait.
  [[nodiscard]] Result<std::optional<std::size_t>> try_read(ByteSpan out);

  /// TLS from the next byte on. The caller must have thrown away every byte it already read behind STARTTLS (RFC 3207 4.2 and 6: what
  /// came in clear may have been injected), or refuse the connection when there are any. Starting twice is Conflict.
  [[nodiscard]] Task<Status> start_tls_server(SslContext context, SteadyTime deadline);
  /// `judge` is asked where a client shows a certificate; it takes its own time, beyond the deadline.
  [[nodiscard]] Task<Status> start_tls_server(SslContext context, SteadyTime deadline, PeerJudge judge);
  [[nodiscard]] Task<Status> start_tls_client(SslContext context, TlsClientOptions options, SteadyTime deadline);
  [[nodiscard]] bool is_tls() const noexcept;
  /// Empty before the handshake.
  [[nodiscard]] const TlsInfo& info() const noexcept;
  /// The peer's chain as sent, leaf first, each DER.
  [[nodiscard]] std::vector<Bytes> peer_chain() const;
  /// The path that was verified in the handshake, leaf to trust anchor, each DER; empty when none was (info().verified is false, or the
  /// session was resumed).
  [[nodiscard]] std::vector<Bytes> verified_path() const;
  /// The OCSP response about the leaf that the server sent along, DER and unjudged; empty when it sent none or was not asked.
  [[nodiscard]] Bytes stapled_answer() const;
  /// RFC 8446 7.5 exporter; for channel binding use label "EXPORTER-Channel-Binding", 32 bytes, no context (RFC 9266 2).
  [[nodiscard]] Result<Bytes> export_key(std::string_view label, std::size_t length) const;

  /// Ends without waiting: close_notify and FIN as far as the socket takes them now, then the descriptor is closed.
  void close() noexcept;
  /// Ends so that the peer surely sees our last bytes: close_notify, FIN, then reads and drops (at most 256 KiB) until the peer's end or
  /// the deadline.
  [[nodiscard]] Task<void> close_gracefully(SteadyTime deadline);
  /// Ends with a reset.
  void abort() noexcept;
  [[nodiscard]] bool is_open() const noexcept;
  /// Whether the peer has ended or reset the connection, as far as the kernel knows now; unread bytes in front of the end hide it.
  [[nodiscard]] bool peer_gone() const noexcept;

  /// The listener (or StreamControl) asked sessions to come to an end: finish the transaction, say goodbye, close.
  [[nodiscard]] bool draining() const noexcept;
  [[nodiscard]] StreamControl control() const;

  [[nodiscard]] const Endpoint& peer() const noexcept;
  [[nodiscard]] Endpoint local() const;
  /// After a PROXY header from a trusted network.
  void set_peer(Endpoint peer);
  [[nodiscard]] std::uint64_t bytes_read() const noexcept;
  [[nodiscard]] std::uint64_t bytes_written() const noexcept;
  /// The loop this stream lives on.
  [[nodiscard]] Executor executor() const;
  /// Kept until the stream is destroyed; the listener's place in its count.
  void hold(std::shared_ptr<void> ticket);

 private:
  explicit Stream(std::shared_ptr<StreamImpl> impl) noexcept;
  [[nodiscard]] Task<Status> judged(PeerJudge judge) const;
  std::shared_ptr<StreamImpl> m_impl;
};

}  // namespace postern::io
