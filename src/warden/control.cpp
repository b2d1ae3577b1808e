#include "warden/control.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

namespace postern::warden {
namespace {

Error gone(std::string_view doing) {
  return {ErrorCode::Unavailable, std::string(doing) + ": " + (errno == 0 ? "the other process is gone" : std::strerror(errno)), {}};
}

Result<std::pair<UniqueFd, UniqueFd>> socket_pair(int kind) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, kind | SOCK_CLOEXEC, 0, ends.data()) != 0) return fail(gone("a socket pair cannot be made"));
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

constexpr std::size_t kDescriptors = 4;  // more than are allowed, so that what is too much is seen and closed
union Ancillary {
  cmsghdr align;
  std::array<char, CMSG_SPACE(kDescriptors * sizeof(int))> bytes;
};

/// All descriptors that came, so that none is lost.
std::vector<UniqueFd> take_descriptors(msghdr& message) {
  std::vector<UniqueFd> out;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      out.emplace_back(fd);
    }
  }
  return out;
}

bool is_kind(std::uint8_t byte) {
  return byte >= static_cast<std::uint8_t>(ControlKind::Channel) && byte <= static_cast<std::uint8_t>(ControlKind::LibraryEnded);
}

std::size_t descriptors_of(ControlKind kind) {
  if (kind == ControlKind::Library) return 3;
  return kind == ControlKind::Channel ? 1 : 0;
}

Result<ControlMessage> read_packet(std::string packet, std::vector<UniqueFd> descriptors, bool cut) {
  const auto bad = [](const char* what) { return fail(ErrorCode::BadInput, std::string("a control message ") + what); };
  if (cut) return bad("is too long");
  if (packet.empty() || !is_kind(static_cast<std::uint8_t>(packet.front()))) return bad("is of no known kind");
  ControlMessage out;
  out.kind = static_cast<ControlKind>(packet.front());
  if (descriptors.size() != descriptors_of(out.kind)) return bad("has not the descriptors of its kind");
  UniqueFd* const places[] = {&out.channel, &out.output, &out.errors};
  for (std::size_t i = 0; i < descriptors.size(); ++i) *places[i] = std::move(descriptors[i]);
  out.text = packet.substr(1);
  return out;
}

Status wait_for(int fd, SteadyTime deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd on{fd, POLLIN, 0};
    const int ready = ::poll(&on, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return fail(gone("poll"));
    if (left <= 0) return fail(ErrorCode::Timeout, "no control message came");
  }
}

}  // namespace

Result<std::pair<Control, Control>> Control::pair() {
  POSTERN_TRY(auto ends, socket_pair(SOCK_SEQPACKET));
  return std::pair(Control(std::move(ends.first)), Control(std::move(ends.second)));
}

Result<std::pair<UniqueFd, UniqueFd>> Control::channel_pair() { return socket_pair(SOCK_STREAM); }

Status Control::send(ControlKind kind, std::string_view text, std::span<const int> descriptors) {
  if (text.size() > kControlText || descriptors.size() > kDescriptors) return fail(ErrorCode::TooLarge, "a control message is too long");
  const char head = static_cast<char>(kind);
  std::array<iovec, 2> pieces{{{const_cast<char*>(&head), 1}, {const_cast<char*>(text.data()), text.size()}}};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  Ancillary ancillary{};
  if (!descriptors.empty()) {
    message.msg_control = ancillary.bytes.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size_bytes());
  }
  if (::sendmsg(m_socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return fail(gone("a control message was not taken"));
  return {};
}

Result<ControlMessage> Control::receive(SteadyTime deadline) {
  POSTERN_CHECK(wait_for(m_socket.get(), deadline));
  std::string packet(kControlText + 1, '\0');
  iovec piece{packet.data(), packet.size()};
  Ancillary ancillary{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = ancillary.bytes.data();
  message.msg_controllen = ancillary.bytes.size();
  errno = 0;
  const ssize_t size = ::recvmsg(m_socket.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return fail(ErrorCode::Timeout, "no control message came");
  if (size <= 0) return fail(gone("control"));
  auto descriptors = take_descriptors(message);
  packet.resize(static_cast<std::size_t>(size));
  return read_packet(std::move(packet), std::move(descriptors), (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0);
}

}  // namespace postern::warden
