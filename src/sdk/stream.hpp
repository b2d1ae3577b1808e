// One end of the socket pair between Postern and the library's process, in frames (wire.hpp).
//
// Any thread may send; one thread reads. Nothing here blocks beyond the deadline it is given.
#pragma once

#include <mutex>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "sdk/wire.hpp"

namespace postern::sdk {

class FrameStream {
 public:
  /// Takes a connected stream socket; makes it non-blocking.
  explicit FrameStream(UniqueFd socket);
  FrameStream(const FrameStream&) = delete;
  FrameStream& operator=(const FrameStream&) = delete;

  /// The whole frame, or Unavailable when the other side is gone, or Timeout. After a Timeout half a frame may have gone out: the stream is
  /// of no use any more and shut down.
  [[nodiscard]] Status send(Kind kind, std::uint64_t id, ByteView body, SteadyTime deadline);

  /// What has arrived whole; nullopt when nothing has. Does not wait. Unavailable at the end of the stream, BadInput or TooLarge for what
  /// is no frame.
  [[nodiscard]] Result<std::optional<Frame>> poll_frame();
  /// The next frame, or Timeout.
  [[nodiscard]] Result<Frame> read(SteadyTime deadline);

  /// Both sides see the end. From any thread.
  void shut_down() noexcept;
  [[nodiscard]] int fd() const noexcept { return m_socket.get(); }

 private:
  [[nodiscard]] Status send_all(ByteView bytes, SteadyTime deadline);

  UniqueFd m_socket;
  std::timed_mutex m_sending;
  Bytes m_in;
  std::size_t m_taken = 0;  ///< Of m_in, already answered.
};

/// Until one of them is ready or the deadline passes; SteadyTime::max() waits as long as it takes.
bool wait_for(int fd, short events, SteadyTime deadline) noexcept;

/// Two connected sockets, close-on-exec.
[[nodiscard]] Result<std::pair<UniqueFd, UniqueFd>> socket_pair();

}  // namespace postern::sdk
