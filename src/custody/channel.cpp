#include "custody/channel.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>
#include <system_error>

#include "custody/wire.hpp"

namespace postern::custody {
namespace {

constexpr std::size_t kBuffer = 64 * 1024;
constexpr std::size_t kPieces = 32;  // of one system call

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

Channel::Outcome outcome_of(ssize_t bytes, bool zero_is_end) {
  if (bytes > 0) return {Channel::Moved::Some, static_cast<std::size_t>(bytes)};
  if (bytes == 0) return {zero_is_end ? Channel::Moved::Ended : Channel::Moved::Nothing, 0};
  return {would_block(errno) ? Channel::Moved::Nothing : Channel::Moved::Ended, 0};
}

template <class Call>
ssize_t unless_interrupted(Call call) {
  ssize_t done = 0;
  do done = call();
  while (done < 0 && errno == EINTR);
  return done;
}

}  // namespace

Result<Channel> Channel::adopt(int fd) {
  Channel channel(fd);
  int type = 0;
  socklen_t size = sizeof type;
  sockaddr_storage peer{};
  socklen_t peer_size = sizeof peer;
  const bool stream = ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
  if (!stream || ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0)
    return fail(ErrorCode::BadInput, "the descriptor is no connected stream socket", "channel");
  if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
    return fail(ErrorCode::Internal, std::string("fcntl: ") + std::strerror(errno), "channel");
  return channel;
}

Result<std::pair<Channel, Channel>> Channel::pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return fail(ErrorCode::Exhausted, std::string("socketpair: ") + std::strerror(errno), "channel");
  return std::pair(Channel(ends[0]), Channel(ends[1]));
}

Channel& Channel::operator=(Channel&& other) noexcept {
  if (this != &other) {
    if (m_fd >= 0) ::close(m_fd);
    m_fd = std::exchange(other.m_fd, -1);
  }
  return *this;
}

Channel::~Channel() {
  if (m_fd >= 0) ::close(m_fd);
}

Channel::Outcome Channel::receive(ByteSpan into) noexcept {
  return outcome_of(unless_interrupted([&] { return ::recv(m_fd, into.data(), into.size(), MSG_DONTWAIT); }), true);
}

Channel::Outcome Channel::send(std::span<const ByteView> pieces) noexcept {
  std::array<iovec, kPieces> vectors{};
  const std::size_t count = std::min(pieces.size(), vectors.size());
  for (std::size_t i = 0; i < count; ++i) vectors[i] = {const_cast<Byte*>(pieces[i].data()), pieces[i].size()};
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  return outcome_of(unless_interrupted([&] { return ::sendmsg(m_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL); }), false);
}

void Channel::shut_down() noexcept { ::shutdown(m_fd, SHUT_RDWR); }

void wait(std::span<pollfd> on, SteadyTime deadline) noexcept {
  timespec left{};
  const bool bounded = deadline != SteadyTime::max();
  if (bounded) {
    const auto ns = std::max<std::int64_t>(0, std::chrono::nanoseconds(deadline - std::chrono::steady_clock::now()).count());
    left.tv_sec = ns / 1'000'000'000;
    left.tv_nsec = ns % 1'000'000'000;
  }
  for (pollfd& one : on) one.revents = 0;
  (void)::ppoll(on.data(), on.size(), bounded ? &left : nullptr, nullptr);
}

Bell::Bell() : m_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (m_fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}
Bell::~Bell() { ::close(m_fd); }
void Bell::ring() noexcept {
  const std::uint64_t one = 1;
  (void)unless_interrupted([&] { return ::write(m_fd, &one, sizeof one); });
}
void Bell::clear() noexcept {
  std::uint64_t count = 0;
  (void)unless_interrupted([&] { return ::read(m_fd, &count, sizeof count); });
}

ByteSpan FrameReader::room() {
  clear_read();
  if (held() == 0) {
    m_wiped = m_begin = m_end = 0;
    if (m_buffer.size() > kBuffer) WipedBytes().swap(m_buffer);  // one large frame does not stay for ever
  }
  if (m_buffer.size() < kBuffer) m_buffer.resize(kBuffer);
  if (m_buffer.size() - m_end < kBuffer / 2) make_room();
  return ByteSpan(m_buffer).subspan(m_end);
}

void FrameReader::make_room() {
  const std::size_t kept = held();
  if (m_begin > 0) {
    std::memmove(m_buffer.data(), m_buffer.data() + m_begin, kept);
    wipe(ByteSpan(m_buffer).subspan(std::max(m_begin, kept), m_end - std::max(m_begin, kept)));
    m_wiped = m_begin = 0;
    m_end = kept;
  }
  if (m_buffer.size() - m_end >= kBuffer / 2) return;
  // Doubling: the memory is at most twice what the other side really sent.
  WipedBytes larger;
  larger.resize(m_buffer.size() * 2);
  std::memcpy(larger.data(), m_buffer.data(), m_end);
  m_buffer.swap(larger);
}

Result<std::optional<ByteView>> FrameReader::next(std::size_t limit) {
  Reader in(ByteView(m_buffer).subspan(m_begin, held()));
  const auto size = in.read_u32("size");
  if (!size) return std::nullopt;
  if (*size > limit)
    return fail(ErrorCode::TooLarge, "a frame of " + std::to_string(*size) + " bytes; at most " + std::to_string(limit) + " are allowed");
  const auto body = in.read_bytes(*size, "body");
  if (!body) return std::nullopt;
  m_begin += kSizeField + *size;
  return *body;
}

void FrameReader::clear_read() noexcept {
  wipe(ByteSpan(m_buffer).subspan(m_wiped, m_begin - m_wiped));
  m_wiped = m_begin;
}

void Outbox::add(WipedBytes frame) {
  if (frame.size() < kBuffer / 4 && m_pieces.size() > m_first) return add(ByteView(frame));
  m_bytes += frame.size();
  m_pieces.push_back(std::move(frame));
}

void Outbox::add(ByteView frame) {
  const bool fits = m_pieces.size() > m_first && m_pieces.back().capacity() - m_pieces.back().size() >= frame.size();
  if (!fits) m_pieces.emplace_back().reserve(std::max(kBuffer / 4, frame.size()));
  m_pieces.back().insert(m_pieces.back().end(), frame.begin(), frame.end());
  m_bytes += frame.size();
}

Channel::Moved Outbox::flush(Channel& channel) {
  while (!empty()) {
    std::array<ByteView, kPieces> pieces;
    const std::size_t count = std::min(m_pieces.size() - m_first, pieces.size());
    for (std::size_t i = 0; i < count; ++i) pieces[i] = m_pieces[m_first + i];
    pieces[0] = pieces[0].subspan(m_offset);
    const Channel::Outcome outcome = channel.send(std::span(pieces).first(count));
    if (outcome.moved != Channel::Moved::Some) return outcome.moved;
    sent(outcome.bytes);
  }
  return Channel::Moved::Some;
}

void Outbox::sent(std::size_t bytes) noexcept {
  m_bytes -= bytes;
  m_offset += bytes;
  while (m_first < m_pieces.size() && m_offset >= m_pieces[m_first].size()) {
    m_offset -= m_pieces[m_first].size();
    WipedBytes& done = m_pieces[m_first++];
    wipe(done);
    if (m_first < m_pieces.size() || done.capacity() > kBuffer) WipedBytes().swap(done);
  }
  if (m_first < m_pieces.size()) return;
  // The last small buffer is kept for the next frames.
  WipedBytes kept = m_pieces.empty() ? WipedBytes() : std::move(m_pieces.back());
  kept.clear();
  m_pieces.clear();
  m_first = m_offset = 0;
  if (kept.capacity() > 0) m_pieces.push_back(std::move(kept));
}

bool Spin::worth_it() noexcept {
  if (m_longest.count() == 0) return false;
  if (m_credit > 0) return true;
  if (++m_rest < kTryAgain) return false;
  m_rest = 0;
  m_credit = 1;
  return true;
}

void Spin::was_worth_it(bool yes) noexcept { m_credit = yes ? std::min(m_credit + 1, kMost) : m_credit - kLoss; }

}  // namespace postern::custody
