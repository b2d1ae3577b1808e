// The gate's end of its control socket: one thread hears what the warden says, and hands it to whoever waits for it.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "sdk/launch.hpp"
#include "warden/control.hpp"

namespace postern::daemon {

class ControlDesk {
 public:
  /// Begins a thread: after the process is confined.
  explicit ControlDesk(UniqueFd socket);
  ~ControlDesk();
  ControlDesk(const ControlDesk&) = delete;
  ControlDesk& operator=(const ControlDesk&) = delete;

  [[nodiscard]] Status send(warden::ControlKind kind, std::string_view text = {}) { return m_control.send(kind, text); }
  /// The next channel to a keeper. Timeout; Unavailable when the warden is gone; BadInput where it sent something else than it may.
  [[nodiscard]] Result<warden::ControlMessage> next_channel(SteadyTime deadline);
  /// The process of the X.400 library, started by the warden. Unavailable: why not; Timeout. What it answers must not outlive this.
  [[nodiscard]] Result<sdk::Launched> launch_library();

 private:
  using Lock = std::unique_lock<std::mutex>;
  void hear();
  void take(warden::ControlMessage message);
  [[nodiscard]] std::string end_library(SteadyTime deadline);

  warden::Control m_control;
  std::mutex m_mutex;
  std::condition_variable m_changed;
  std::deque<warden::ControlMessage> m_channels;
  std::optional<warden::ControlMessage> m_library;  ///< The answer to a launch.
  std::optional<std::string> m_library_end;
  std::optional<Error> m_fault;
  bool m_stopping = false;
  std::thread m_thread;  // last: it uses the others
};

}  // namespace postern::daemon
