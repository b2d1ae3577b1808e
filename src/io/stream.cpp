#include "io/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <stdexcept>

#include "io/sockets.hpp"
#include "io/tls.hpp"

namespace postern::io {

namespace asio = boost::asio;
using tls::Outcome;
using tls::Want;

namespace {

using LoopExecutor = asio::io_context::executor_type;  // smaller and quicker than any_io_executor
using Descriptor = asio::posix::basic_stream_descriptor<LoopExecutor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, LoopExecutor>;

constexpr int kBurst = 64;  // immediate operations in a row before others on the loop get their turn
constexpr std::size_t kLingerBytes = 256U * 1024;

LoopExecutor loop_of(const Executor& where) {
  const LoopExecutor* loop = where.target<LoopExecutor>();
  if (!loop) throw std::logic_error("a Stream lives on a loop of Loops");
  return *loop;
}

}  // namespace

struct StreamImpl : std::enable_shared_from_this<StreamImpl> {
  StreamImpl(const LoopExecutor& where, int fd, Endpoint far) : descriptor(where, fd), timer(where), peer(std::move(far)) {}

  // One direction of waiting: reads and writes have their own deadline.
  struct Waiter {
    SteadyTime deadline = kNoDeadline;
    bool active = false;
    WakeOn wake = WakeOn::Data;
    [[nodiscard]] bool wakes_on_drain() const { return wake != WakeOn::Data; }
    [[nodiscard]] bool wakes_on_call() const { return wake == WakeOn::Anything; }
  };

  Descriptor descriptor;
  Timer timer;
  SteadyTime timer_at = kNoDeadline;  // when the timer will fire; kNoDeadline: not armed
  std::array<Waiter, 2> waiters;      // reading, writing
  tls::SslPtr ssl;
  std::unique_ptr<TlsInfo> tls_info;
  Want read_wants = Want::Read;  // what the last would-block of a TLS read asked for
  bool tls_dry = false;          // the last TLS read found no whole record: what the library holds is a part of one
  bool tls_broken = false;       // after a fatal error OpenSSL must not be asked to shut down
  bool draining = false;
  bool called = false;  // and nobody has been told yet
  bool aborted = false;
  bool shut_down = false;  // our side has ended
  int burst = 0;
  Endpoint peer;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::shared_ptr<void> ticket;

  [[nodiscard]] int fd() { return descriptor.native_handle(); }
  [[nodiscard]] Status usable() const;

  Result<Outcome> read_once(ByteSpan out);
  Result<Outcome> write_once(ByteView bytes);
  Task<Status> wait(Want want, SteadyTime deadline, Waiter& waiter, WakeOn wake = WakeOn::Data);
  Task<void> give_way();

  Task<Result<std::size_t>> read_some(ByteSpan out, SteadyTime deadline);
  Task<Status> write_all(ByteView bytes, SteadyTime deadline);
  Task<Status> wait_readable(SteadyTime deadline, WakeOn wake);
  Task<Status> wait_for_held(SteadyTime deadline);
  Task<Status> wait_connected(SteadyTime deadline);
  Task<Status> handshake(SteadyTime deadline);
  Task<Status> start_tls_client(SslContext context, TlsClientOptions options, SteadyTime deadline);

  void arm();
  void on_timer();
  void drain();
  void call();
  void abort();
  void shut() noexcept;
  void close() noexcept;
  Task<void> close_gracefully(SteadyTime deadline);

 private:
  Result<Outcome> plain_read(ByteSpan out);
  Result<Outcome> plain_write(ByteView bytes);
  Task<void> linger(SteadyTime deadline);
};

// ---- one step without waiting

Status StreamImpl::usable() const {
  if (aborted) return fail(ErrorCode::Unavailable, "the connection was ended on our side");
  if (!descriptor.is_open()) return fail(ErrorCode::Unavailable, "the connection is closed");
  return {};
}

Result<Outcome> StreamImpl::plain_read(ByteSpan out) {
  while (true) {
    const ssize_t got = ::recv(fd(), out.data(), out.size(), 0);
    if (got >= 0) return Outcome{static_cast<std::size_t>(got), Want::Nothing};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Outcome{0, Want::Read};
    if (errno != EINTR) return fail(errno_error(errno, "reading from the connection"));
  }
}

Result<Outcome> StreamImpl::plain_write(ByteView bytes) {
  while (true) {
    const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return Outcome{static_cast<std::size_t>(sent), Want::Nothing};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Outcome{0, Want::Write};
    if (errno != EINTR) return fail(errno_error(errno, "writing to the connection"));
  }
}

Result<Outcome> StreamImpl::read_once(ByteSpan out) {
  POSTERN_CHECK(usable());
  auto outcome = ssl ? tls::read(ssl.get(), out) : plain_read(out);
  if (!outcome) {
    tls_broken = true;
  } else {
    bytes_read += outcome->bytes;
    if (outcome->want != Want::Nothing) read_wants = outcome->want;
    tls_dry = outcome->want != Want::Nothing;
  }
  return outcome;
}

Result<Outcome> StreamImpl::write_once(ByteView bytes) {
  POSTERN_CHECK(usable());
  auto outcome = ssl ? tls::write(ssl.get(), bytes) : plain_write(bytes);
  if (!outcome) {
    tls_broken = true;
  } else {
    bytes_written += outcome->bytes;
  }
  return outcome;
}

// ---- waiting

// The timer is moved only when a deadline comes before it; when it fires early for the deadline of now, it is set again.
void StreamImpl::arm() {
  SteadyTime next = kNoDeadline;
  for (const Waiter& waiter : waiters) {
    if (waiter.active) next = std::min(next, waiter.deadline);
  }
  if (next >= timer_at) return;
  timer_at = next;
  timer.expires_at(next);
  timer.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = error ? nullptr : weak.lock();
    if (self) self->on_timer();
  });
}

void StreamImpl::on_timer() {
  timer_at = kNoDeadline;
  const SteadyTime now = std::chrono::steady_clock::now();
  bool expired = false;
  for (Waiter& waiter : waiters) {
    if (waiter.active && waiter.deadline <= now) expired = true;
  }
  if (expired)
    descriptor.cancel();  // a waiter whose time has not come waits again
  else
    arm();
}

Task<Status> StreamImpl::wait(Want want, SteadyTime deadline, Waiter& waiter, WakeOn wake) {
  burst = 0;
  waiter.wake = wake;
  while (true) {
    POSTERN_CO_CHECK(usable());
    if (waiter.wakes_on_drain() && draining) co_return fail(ErrorCode::Unavailable, "the server is stopping", "drain");
    if (waiter.wakes_on_call() && std::exchange(called, false))
      co_return fail(ErrorCode::Unavailable, "this side has something to do", "call");
    if (deadline <= std::chrono::steady_clock::now()) {
      co_return fail(ErrorCode::Timeout, want == Want::Write ? "the peer does not read what we send" : "the peer sent nothing in time");
    }
    waiter.deadline = deadline;
    waiter.active = true;
    arm();
    boost::system::error_code error;
    const auto direction = want == Want::Write ? Descriptor::wait_write : Descriptor::wait_read;
    co_await descriptor.async_wait(direction, asio::redirect_error(asio::use_awaitable, error));
    waiter.active = false;
    if (!error) co_return Status{};
    if (error != asio::error::operation_aborted) co_return fail(ErrorCode::Unavailable, "waiting for the connection: " + error.message());
  }
}

Task<void> StreamImpl::give_way() {
  burst = 0;
  co_await asio::post(descriptor.get_executor(), asio::use_awaitable);
}

Task<Result<std::size_t>> StreamImpl::read_some(ByteSpan out, SteadyTime deadline) {
  if (out.empty()) co_return fail(ErrorCode::BadInput, "reading needs room for at least one byte");
  if (++burst >= kBurst) co_await give_way();
  while (true) {
    const auto outcome = read_once(out);
    if (!outcome) co_return fail(outcome.error());
    if (outcome->want == Want::Nothing) co_return outcome->bytes;
    POSTERN_CO_CHECK(co_await wait(outcome->want, deadline, waiters[0]));
  }
}

Task<Status> StreamImpl::write_all(ByteView bytes, SteadyTime deadline) {
  if (++burst >= kBurst) co_await give_way();
  while (!bytes.empty()) {
    const auto outcome = write_once(bytes);
    if (!outcome) co_return fail(outcome.error());
    bytes = bytes.subspan(outcome->bytes);
    if (outcome->want != Want::Nothing) POSTERN_CO_CHECK(co_await wait(outcome->want, deadline, waiters[1]));
  }
  co_return Status{};
}

/// What the TLS library holds, perhaps a part of a record only: there is something to read, but others get their turn.
Task<Status> StreamImpl::wait_for_held(SteadyTime deadline) {
  if (++burst < kBurst) co_return Status{};
  co_await give_way();
  if (deadline <= std::chrono::steady_clock::now()) co_return fail(ErrorCode::Timeout, "the peer sent too slowly");
  co_return Status{};
}

Task<Status> StreamImpl::wait_readable(SteadyTime deadline, WakeOn wake) {
  if (ssl && !tls_dry && SSL_has_pending(ssl.get()) == 1) return wait_for_held(deadline);
  return wait(ssl ? read_wants : Want::Read, deadline, waiters[0], wake);
}

Task<Status> StreamImpl::wait_connected(SteadyTime deadline) {
  const Status ready = co_await wait(Want::Write, deadline, waiters[1]);
  if (!ready && ready.error().code == ErrorCode::Timeout) co_return fail(ErrorCode::Timeout, "connecting: no answer in time");
  if (!ready) co_return ready;
  int failure = 0;
  socklen_t size = sizeof failure;
  (void)getsockopt(fd(), SOL_SOCKET, SO_ERROR, &failure, &size);
  if (failure != 0) co_return fail(ErrorCode::Unavailable, errno_error(failure, "connecting").what);
  co_return Status{};
}

// ---- TLS

Task<Status> StreamImpl::handshake(SteadyTime deadline) {
  while (true) {
    POSTERN_CO_CHECK(usable());
    const auto outcome = tls::handshake(ssl.get());
    if (!outcome) {
      tls_broken = true;
      co_return fail(outcome.error());
    }
    if (outcome->want == Want::Nothing) break;
    const Status ready = co_await wait(outcome->want, deadline, waiters[0]);
    if (!ready) {
      tls_broken = true;
      co_return fail(ready.error().context("TLS handshake"));
    }
  }
  tls_info = std::make_unique<TlsInfo>(tls::describe(ssl.get()));
  co_return Status{};
}

Task<Status> StreamImpl::start_tls_client(SslContext context, TlsClientOptions options, SteadyTime deadline) {
  POSTERN_CO_TRY(ssl, tls::make(context, fd(), tls::Side::Client));
  const Status configured = tls::configure_client(ssl.get(), options);
  if (!configured) {
    tls_broken = true;
    co_return configured;
  }
  co_return co_await handshake(deadline);
}

// ---- the end

void StreamImpl::drain() {
  draining = true;
  if (waiters[0].active && waiters[0].wakes_on_drain()) descriptor.cancel();
}

void StreamImpl::call() {
  called = true;
  if (waiters[0].active && waiters[0].wakes_on_call()) descriptor.cancel();
}

void StreamImpl::abort() {
  aborted = true;
  if (!descriptor.is_open()) return;
  const ::linger reset{1, 0};  // close() then sends RST
  (void)setsockopt(fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  descriptor.cancel();
}

// Our side of the goodbye, as far as it goes without waiting.
void StreamImpl::shut() noexcept {
  if (!descriptor.is_open() || aborted || std::exchange(shut_down, true)) return;
  if (ssl && !tls_broken) tls::send_close(ssl.get());
  (void)::shutdown(fd(), SHUT_WR);
}

void StreamImpl::close() noexcept {
  shut();
  boost::system::error_code ignored;
  descriptor.close(ignored);
  timer.cancel();
  ssl.reset();
}

Task<void> StreamImpl::linger(SteadyTime deadline) {
  std::array<Byte, 2048> dropped;
  std::size_t left = kLingerBytes;
  while (left > 0) {
    const auto outcome = plain_read(dropped);
    if (!outcome || (outcome->bytes == 0 && outcome->want == Want::Nothing)) co_return;
    left -= std::min(left, outcome->bytes);
    if (outcome->want == Want::Nothing) continue;
    const Status ready = co_await wait(Want::Read, deadline, waiters[0]);
    if (!ready) co_return;
  }
}

Task<void> StreamImpl::close_gracefully(SteadyTime deadline) {
  shut();
  if (usable()) co_await linger(deadline);
  close();
}

// ---- the handles

void StreamControl::drain() const {
  if (const auto impl = m_impl.lock()) asio::post(impl->descriptor.get_executor(), [impl] { impl->drain(); });
}

void StreamControl::call() const {
  if (const auto impl = m_impl.lock()) asio::post(impl->descriptor.get_executor(), [impl] { impl->call(); });
}

void StreamControl::abort() const {
  if (const auto impl = m_impl.lock()) asio::post(impl->descriptor.get_executor(), [impl] { impl->abort(); });
}

bool StreamControl::expired() const noexcept { return m_impl.expired(); }

Stream::Stream() noexcept = default;
Stream::Stream(std::shared_ptr<StreamImpl> impl) noexcept : m_impl(std::move(impl)) {}
Stream::Stream(Stream&&) noexcept = default;

Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    if (m_impl) m_impl->close();
    m_impl = std::move(other.m_impl);
  }
  return *this;
}

Stream::~Stream() {
  if (m_impl) m_impl->close();
}

Stream Stream::adopt(const Executor& where, int fd, Endpoint peer) {
  UniqueFd owned(fd);
  if (!peer.is_unix()) set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  Stream out(std::make_shared<StreamImpl>(loop_of(where), fd, std::move(peer)));
  (void)owned.release();
  boost::system::error_code ignored;
  out.m_impl->descriptor.native_non_blocking(true, ignored);  // Asio would do it again if it did not know
  return out;
}

Result<std::pair<Stream, Stream>> Stream::pair(const Executor& where) {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
    return fail(errno_error(errno, "making a socket pair"));
  Endpoint peer;
  peer.path = "pair";
  Stream first = adopt(where, fds[0], peer);
  return std::pair(std::move(first), adopt(where, fds[1], peer));
}

Task<Result<std::size_t>> Stream::read_some(ByteSpan out, SteadyTime deadline) { return m_impl->read_some(out, deadline); }
Task<Status> Stream::write_all(ByteView bytes, SteadyTime deadline) { return m_impl->write_all(bytes, deadline); }
Task<Status> Stream::wait_connected(SteadyTime deadline) { return m_impl->wait_connected(deadline); }
Task<Status> Stream::wait_readable(SteadyTime deadline, WakeOn wake) { return m_impl->wait_readable(deadline, wake); }

Result<std::optional<std::size_t>> Stream::try_read(ByteSpan out) {
  if (out.empty()) return fail(ErrorCode::BadInput, "reading needs room for at least one byte");
  POSTERN_TRY(const Outcome outcome, m_impl->read_once(out));
  if (outcome.want != Want::Nothing) return std::optional<std::size_t>();
  return std::optional(outcome.bytes);
}

Result<std::size_t> Stream::try_write(ByteView bytes) {
  if (bytes.empty() || m_impl->burst + 1 >= kBurst) return 0;  // write_all() gives way then
  m_impl->burst += 1;
  POSTERN_TRY(const Outcome outcome, m_impl->write_once(bytes));
  return outcome.bytes;
}

Task<Status> Stream::start_tls_server(SslContext context, SteadyTime deadline) {
  if (m_impl->ssl) co_return fail(ErrorCode::Conflict, "TLS is on already");
  POSTERN_CO_CHECK(m_impl->usable());
  POSTERN_CO_TRY(m_impl->ssl, tls::make(context, m_impl->fd(), tls::Side::Server));
  co_return co_await m_impl->handshake(deadline);
}

Task<Status> Stream::start_tls_server(SslContext context, SteadyTime deadline, PeerJudge judge) {
  POSTERN_CO_CHECK(co_await start_tls_server(std::move(context), deadline));
  co_return co_await judged(std::move(judge));
}

Task<Status> Stream::start_tls_client(SslContext context, TlsClientOptions options, SteadyTime deadline) {
  if (m_impl->ssl) co_return fail(ErrorCode::Conflict, "TLS is on already");
  POSTERN_CO_CHECK(m_impl->usable());
  PeerJudge judge = std::move(options.judge);
  POSTERN_CO_CHECK(co_await m_impl->start_tls_client(std::move(context), std::move(options), deadline));
  co_return co_await judged(std::move(judge));
}

Task<Status> Stream::judged(PeerJudge judge) const {
  if (!judge || !info().has_peer_certificate) co_return Status();
  co_return co_await judge(*this);
}

bool Stream::is_tls() const noexcept { return m_impl->tls_info != nullptr; }

const TlsInfo& Stream::info() const noexcept {
  static const TlsInfo none;
  return m_impl->tls_info ? *m_impl->tls_info : none;
}

std::vector<Bytes> Stream::peer_chain() const { return m_impl->ssl ? tls::peer_chain(m_impl->ssl.get()) : std::vector<Bytes>{}; }

std::vector<Bytes> Stream::verified_path() const { return m_impl->ssl ? tls::verified_path(m_impl->ssl.get()) : std::vector<Bytes>{}; }

Bytes Stream::stapled_answer() const { return m_impl->ssl ? tls::stapled_answer(m_impl->ssl.get()) : Bytes{}; }

Result<Bytes> Stream::export_key(std::string_view label, std::size_t length) const {
  if (!is_tls() || !m_impl->ssl) return fail(ErrorCode::Conflict, "there is no TLS on this connection");
  return tls::export_key(m_impl->ssl.get(), label, length);
}

void Stream::close() noexcept { m_impl->close(); }
Task<void> Stream::close_gracefully(SteadyTime deadline) { return m_impl->close_gracefully(deadline); }

void Stream::abort() noexcept {
  m_impl->abort();
  m_impl->close();
}

bool Stream::is_open() const noexcept { return m_impl && m_impl->descriptor.is_open() && !m_impl->aborted; }

bool Stream::peer_gone() const noexcept {
  if (!is_open()) return true;
  Byte next = 0;
  const ssize_t seen = ::recv(m_impl->fd(), &next, 1, MSG_PEEK | MSG_DONTWAIT);
  return seen == 0 || (seen < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

bool Stream::draining() const noexcept { return m_impl->draining; }

StreamControl Stream::control() const {
  StreamControl out;
  out.m_impl = m_impl;
  return out;
}

const Endpoint& Stream::peer() const noexcept { return m_impl->peer; }
Endpoint Stream::local() const { return local_endpoint(m_impl->fd()); }
void Stream::set_peer(Endpoint peer) { m_impl->peer = std::move(peer); }
std::uint64_t Stream::bytes_read() const noexcept { return m_impl->bytes_read; }
std::uint64_t Stream::bytes_written() const noexcept { return m_impl->bytes_written; }
Executor Stream::executor() const { return m_impl->descriptor.get_executor(); }
void Stream::hold(std::shared_ptr<void> ticket) { m_impl->ticket = std::move(ticket); }

}  // namespace postern::io
