#include "sdk/stream.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace postern::sdk {
namespace {

constexpr std::size_t kRead = 64U << 10;

tl::unexpected<Error> ended() { return fail(ErrorCode::Unavailable, "the other side is gone", "channel"); }

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

bool wait_for(int fd, short events, SteadyTime deadline) noexcept {
  pollfd one{fd, events, 0};
  for (;;) {
    timespec left{};
    if (deadline != SteadyTime::max()) {
      const auto ns = std::max<std::int64_t>(0, std::chrono::nanoseconds(deadline - std::chrono::steady_clock::now()).count());
      left = {ns / 1'000'000'000, ns % 1'000'000'000};
    }
    const int ready = ::ppoll(&one, 1, deadline == SteadyTime::max() ? nullptr : &left, nullptr);
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

Result<std::pair<UniqueFd, UniqueFd>> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(ErrorCode::Exhausted, std::string("socketpair: ") + std::strerror(errno), "channel");
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

FrameStream::FrameStream(UniqueFd socket) : m_socket(std::move(socket)) { ::fcntl(m_socket.get(), F_SETFL, O_NONBLOCK); }

void FrameStream::shut_down() noexcept { ::shutdown(m_socket.get(), SHUT_RDWR); }

Status FrameStream::send(Kind kind, std::uint64_t id, ByteView body, SteadyTime deadline) {
  if (body.size() + kFrameHead > kMaxFrame)
    return fail(ErrorCode::TooLarge, "is more than a frame of " + std::to_string(kMaxFrame) + " octets holds", "request");
  const Bytes whole = frame(kind, id, body);
  std::unique_lock lock(m_sending, std::defer_lock);
  if (deadline == SteadyTime::max())
    lock.lock();
  else if (!lock.try_lock_until(deadline))
    return fail(ErrorCode::Timeout, "others were sending until the time was up", "channel");
  return send_all(whole, deadline);
}

Status FrameStream::send_all(ByteView bytes, SteadyTime deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(m_socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (would_block()) {
      if (wait_for(m_socket.get(), POLLOUT, deadline)) continue;
      shut_down();
      return fail(ErrorCode::Timeout, "the other side does not read", "channel");
    } else if (errno != EINTR) {
      return ended();
    }
  }
  return {};
}

Result<std::optional<Frame>> FrameStream::poll_frame() {
  for (;;) {
    POSTERN_TRY(auto found, read_frame(ByteView(m_in).subspan(m_taken)));
    if (found) {
      m_taken += found->second;
      return std::move(found->first);
    }
    m_in.erase(m_in.begin(), m_in.begin() + static_cast<std::ptrdiff_t>(m_taken));
    m_taken = 0;
    const std::size_t held = m_in.size();
    m_in.resize(held + kRead);
    const ssize_t got = ::recv(m_socket.get(), m_in.data() + held, kRead, 0);
    m_in.resize(held + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return ended();
    if (got < 0 && would_block()) return std::nullopt;
    if (got < 0 && errno != EINTR) return ended();
  }
}

Result<Frame> FrameStream::read(SteadyTime deadline) {
  for (;;) {
    POSTERN_TRY(auto found, poll_frame());
    if (found) return *std::move(found);
    if (!wait_for(m_socket.get(), POLLIN, deadline)) return fail(ErrorCode::Timeout, "no answer came in time", "channel");
  }
}

}  // namespace postern::sdk
