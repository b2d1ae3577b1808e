// A gate that says what a test wants, byte by byte.
#pragma once

#include <cstring>

#include "custody/channel.hpp"
#include "custody/wire.hpp"

namespace postern::custody::testing {

class RawGate {
 public:
  explicit RawGate(Channel channel) : m_channel(std::move(channel)) {}

  /// False when the other side is gone, or does not take it within `patience`.
  bool send(ByteView bytes, std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!bytes.empty()) {
      const Channel::Outcome out = m_channel.send({&bytes, 1});
      if (out.moved == Channel::Moved::Ended) return false;
      bytes = bytes.subspan(out.bytes);
      if (out.moved == Channel::Moved::Nothing && !ready(POLLOUT, until)) return false;
    }
    return true;
  }
  /// The body of the next frame; nullopt when the channel ended.
  std::optional<Bytes> next() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (true) {
      const auto body = m_reader.next(kMaxFrame);
      if (!body) return std::nullopt;
      if (*body) return Bytes((*body)->begin(), (*body)->end());
      const Channel::Outcome came = m_channel.receive(m_reader.room());
      if (came.moved == Channel::Moved::Ended) return std::nullopt;
      m_reader.received(came.bytes);
      if (came.moved == Channel::Moved::Nothing && !ready(POLLIN, until)) return std::nullopt;
    }
  }
  /// Whether the other side closes soon; what it still says is dropped.
  bool is_closed() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    Bytes rest(65536);
    while (true) {
      const Channel::Outcome came = m_channel.receive(rest);
      if (came.moved == Channel::Moved::Ended) return true;
      if (came.moved == Channel::Moved::Nothing && !ready(POLLIN, until)) return false;
    }
  }
  bool greet() {
    if (!send(write_greeting(Greeting::own()))) return false;
    const auto body = next();
    return body && read_welcome(*body).value_or(Welcome{}).accepted;
  }
  [[nodiscard]] Channel& channel() { return m_channel; }

 private:
  bool ready(short events, SteadyTime until) {
    pollfd on{m_channel.fd(), events, 0};
    wait({&on, 1}, until);
    return on.revents != 0;
  }
  Channel m_channel;
  FrameReader m_reader;
};

}  // namespace postern::custody::testing
