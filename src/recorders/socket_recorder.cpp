#include "recorders/socket_recorder.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "recorders/owned_socket.hpp"

namespace postern {
namespace {

using Steady = std::chrono::steady_clock;

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

int millis_until(SteadyTime until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Steady::now()).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

/// Whether the socket becomes ready before `until`.
bool wait_for(int fd, short events, SteadyTime until) {
  pollfd one{fd, events, 0};
  int n = 0;
  do {
    n = ::poll(&one, 1, millis_until(until));
  } while (n < 0 && errno == EINTR);
  return n > 0;
}

Result<OwnedSocket> connect_address(const addrinfo& to, SteadyTime until) {
  OwnedSocket socket(::socket(to.ai_family, to.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to.ai_protocol));
  if (!socket) return fail(ErrorCode::Unavailable, std::strerror(errno));
  if (::connect(socket.get(), to.ai_addr, to.ai_addrlen) == 0) return socket;
  if (errno != EINPROGRESS) return fail(ErrorCode::Unavailable, std::strerror(errno));
  if (!wait_for(socket.get(), POLLOUT, until)) return fail(ErrorCode::Timeout, "no answer within write_timeout");
  int code = 0;
  socklen_t size = sizeof code;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &code, &size);
  if (code != 0) return fail(ErrorCode::Unavailable, std::strerror(code));
  return socket;
}

Result<OwnedSocket> connect_host(const SocketOptions& options) {
  POSTERN_TRY(const auto place, split_host_port(options.address));
  addrinfo hints{};
  hints.ai_socktype = options.kind == SocketKind::Udp ? SOCK_DGRAM : SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(place.first.c_str(), place.second.c_str(), &hints, &found); code != 0)
    return fail(ErrorCode::Unavailable, "finding " + options.address + ": " + ::gai_strerror(code), "address");
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  const auto until = Steady::now() + options.write_timeout;
  Error last{ErrorCode::Unavailable, "has no address", "address"};
  for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
    auto socket = connect_address(*each, until);
    if (socket) return socket;
    last = std::move(socket).error();
  }
  return fail(std::move(last).context("connecting to " + options.address));
}

std::size_t whole_lines(std::string_view sent) {
  const std::size_t end = sent.rfind('\n');
  return end == std::string_view::npos ? 0 : end + 1;
}

/// RFC 768: 65,535 bytes less the headers. A local socket takes about the size of its send buffer.
std::size_t line_limit(SocketKind kind) noexcept {
  if (kind == SocketKind::Udp) return 65507;
  return kind == SocketKind::UnixDatagram ? 200000 : SIZE_MAX;
}

}  // namespace

Result<std::pair<std::string, std::string>> split_host_port(std::string_view address) {
  const auto refuse = [] { return fail(ErrorCode::BadInput, "give host:port, with brackets around an IPv6 address", "address"); };
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return refuse();
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number < 1 || number > 65535) return refuse();
  if (host.starts_with('[') != host.ends_with(']')) return refuse();
  if (host.starts_with('['))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return refuse();
  if (host.empty() || host.size() > 255) return refuse();
  return std::pair(std::string(host), std::string(port));
}

class SocketRecorder::Drain final : public LineDrain {
 public:
  explicit Drain(SocketOptions options) : m_options(std::move(options)) {}

  Status recover() override {
    m_socket.close();
    POSTERN_TRY(m_socket, connect());
    return {};
  }
  Outcome drain(std::string_view lines) override { return is_stream() ? drain_stream(lines) : drain_datagrams(lines); }

 private:
  [[nodiscard]] bool is_stream() const { return m_options.kind == SocketKind::Tcp || m_options.kind == SocketKind::Unix; }
  [[nodiscard]] Result<OwnedSocket> connect() const {
    if (m_options.kind == SocketKind::Unix) return connect_unix(m_options.address, SOCK_STREAM);
    if (m_options.kind == SocketKind::UnixDatagram) return connect_unix(m_options.address, SOCK_DGRAM);
    return connect_host(m_options);
  }

  /// What was sent, or why nothing: an error, or a peer that does not read for the whole write_timeout.
  Result<std::size_t> send(std::string_view bytes) {
    const auto until = Steady::now() + m_options.write_timeout;
    while (true) {
      const ssize_t n = ::send(m_socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno == EINTR) continue;
      if (errno == EMSGSIZE) return fail(ErrorCode::TooLarge, "a line is larger than one datagram: use tcp", "socket_type");
      if (errno != EAGAIN && errno != ENOBUFS)
        return fail(ErrorCode::Unavailable, "sending to " + m_options.address + ": " + std::strerror(errno));
      if (!wait_for(m_socket.get(), POLLOUT, until))
        return fail(ErrorCode::Timeout, m_options.address + " does not read: nothing was taken within write_timeout");
    }
  }

  /// A collector that closed in the meantime: the first send after that would still succeed, into nothing.
  [[nodiscard]] bool peer_closed() const {
    std::array<char, 4096> unwanted;  // a collector has nothing to say; one that talks without end must not hold us up
    for (int looks = 0; looks < 16; ++looks) {
      const ssize_t n = ::recv(m_socket.get(), unwanted.data(), unwanted.size(), MSG_DONTWAIT);
      if (n == 0) return true;
      if (n < 0 && errno != EINTR) return errno != EAGAIN;
    }
    return false;
  }

  Outcome drain_stream(std::string_view lines) {
    if (peer_closed()) return {0, fail(ErrorCode::Unavailable, m_options.address + " closed the connection")};
    std::size_t sent = 0;
    while (sent < lines.size()) {
      const auto n = send(lines.substr(sent));
      if (!n) return {whole_lines(lines.substr(0, sent)), fail(n.error())};
      sent += *n;
    }
    return {sent, {}};
  }

  Outcome drain_datagrams(std::string_view lines) {
    std::size_t done = 0;
    while (done < lines.size()) {
      const std::size_t end = lines.find('\n', done);
      const auto n = send(lines.substr(done, end - done));
      // Too large for ever: dropped, or it would hold up all that follow. write() refuses what it knows to be too large.
      const bool drop = !n && n.error().code == ErrorCode::TooLarge;
      if (drop) log::error("recorder.line_too_large", {{"device", m_options.queue.name}, {"bytes", end - done}});
      if (!n && !drop) return {done, fail(n.error())};
      done = end + 1;
    }
    return {done, {}};
  }

  SocketOptions m_options;
  OwnedSocket m_socket;
};

SocketRecorder::SocketRecorder(SocketOptions options)
    : m_line_limit(line_limit(options.kind)), m_queue(options.queue, std::make_unique<Drain>(options)) {}

Status SocketRecorder::write(std::string_view line) {
  if (line.size() <= m_line_limit) return m_queue.write(line);
  ++m_too_large;
  return fail(ErrorCode::TooLarge, "the line is larger than one datagram: use tcp or a file", "socket_type");
}

Result<std::uint64_t> SocketRecorder::offer(std::string_view line) {
  if (line.size() <= m_line_limit) return m_queue.offer(line);
  POSTERN_CHECK(write(line));
  return 0;
}

Result<std::shared_ptr<SocketRecorder>> SocketRecorder::open(SocketOptions options) {
  const bool host = options.kind == SocketKind::Tcp || options.kind == SocketKind::Udp;
  if (host) POSTERN_CHECK(split_host_port(options.address));
  const std::string name = options.queue.name;
  std::shared_ptr<SocketRecorder> recorder(new SocketRecorder(std::move(options)));
  if (const Status first = recorder->m_queue.first_attempt(); !first)
    log::warn("recorder.not_connected", {{"device", name}, {"error", first.error()}});
  return recorder;
}

}  // namespace postern
