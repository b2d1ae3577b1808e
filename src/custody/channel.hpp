// One end of the socket pair: never blocks, except in wait().
//
// Owns the descriptor. One thread may receive and another send at the same time; shut_down() from any. The descriptor must be a connected
// stream socket; it is made non-blocking and close-on-exec.
#pragma once

#include <poll.h>

#include <optional>
#include <span>

#include "base/clock.hpp"
#include "custody/wiped.hpp"

namespace postern::custody {

class Channel {
 public:
  /// Takes `fd`, also when it fails: BadInput when it is no connected stream socket.
  [[nodiscard]] static Result<Channel> adopt(int fd);
  /// Two connected ends, for tests and for those who fork.
  [[nodiscard]] static Result<std::pair<Channel, Channel>> pair();

  Channel(Channel&& other) noexcept : m_fd(std::exchange(other.m_fd, -1)) {}
  Channel& operator=(Channel&& other) noexcept;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  enum class Moved { Some, Nothing, Ended };  ///< Ended: the other side is gone, or the socket failed.
  struct Outcome {
    Moved moved = Moved::Nothing;
    std::size_t bytes = 0;
  };
  [[nodiscard]] Outcome receive(ByteSpan into) noexcept;
  [[nodiscard]] Outcome send(std::span<const ByteView> pieces) noexcept;
  /// Both directions; what was received before can still be read. Wakes whoever waits.
  void shut_down() noexcept;
  /// For poll(), and for handing it to another process.
  [[nodiscard]] int fd() const noexcept { return m_fd; }
  [[nodiscard]] int release() noexcept { return std::exchange(m_fd, -1); }

 private:
  explicit Channel(int fd) noexcept : m_fd(fd) {}
  int m_fd = -1;
};

/// poll() until `deadline`; SteadyTime::max() waits as long as it takes. Returns early with nothing after a signal.
void wait(std::span<pollfd> on, SteadyTime deadline) noexcept;

/// An event that a thread in poll() can wait for besides a channel. ring() from any thread.
class Bell {
 public:
  Bell();
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;
  void ring() noexcept;
  void clear() noexcept;
  [[nodiscard]] int fd() const noexcept { return m_fd; }

 private:
  int m_fd;
};

/// Bytes that came, cut into frames. Grows with what has arrived, never with what a size field promises.
class FrameReader {
 public:
  /// Where the next bytes go; not empty. Invalidates what next() answered.
  [[nodiscard]] ByteSpan room();
  void received(std::size_t bytes) noexcept { m_end += bytes; }
  /// The body of the next whole frame; nullopt until there is one. TooLarge for a frame over `limit`. Valid until room() or clear_read().
  [[nodiscard]] Result<std::optional<ByteView>> next(std::size_t limit);
  /// Wipes what next() has given out.
  void clear_read() noexcept;
  /// Bytes of a frame that is not whole yet.
  [[nodiscard]] std::size_t held() const noexcept { return m_end - m_begin; }

 private:
  void make_room();
  WipedBytes m_buffer;
  std::size_t m_wiped = 0, m_begin = 0, m_end = 0;  ///< In m_buffer: wiped | given out | held | free.
};

/// Frames that wait to be sent, gathered so that many go with one system call.
class Outbox {
 public:
  void add(WipedBytes frame);
  /// Copies.
  void add(ByteView frame);
  /// Sends what the socket takes. Ended when the other side is gone; Nothing when something is left.
  [[nodiscard]] Channel::Moved flush(Channel& channel);
  [[nodiscard]] bool empty() const noexcept { return m_bytes == 0; }
  [[nodiscard]] std::size_t bytes() const noexcept { return m_bytes; }

 private:
  void sent(std::size_t bytes) noexcept;
  std::vector<WipedBytes> m_pieces;
  std::size_t m_first = 0, m_offset = 0, m_bytes = 0;
};

/// Whether looking again for a moment is cheaper than sleeping: pays off between two threads that answer each other within microseconds on
/// an idle machine, and stops by itself where it does not.
class Spin {
 public:
  explicit Spin(std::chrono::microseconds longest) : m_longest(longest) {}
  [[nodiscard]] bool worth_it() noexcept;
  void was_worth_it(bool yes) noexcept;
  [[nodiscard]] std::chrono::microseconds longest() const noexcept { return m_longest; }

 private:
  static constexpr int kMost = 16, kLoss = 4, kTryAgain = 256;
  std::chrono::microseconds m_longest;
  int m_credit = kMost, m_rest = 0;
};

}  // namespace postern::custody
