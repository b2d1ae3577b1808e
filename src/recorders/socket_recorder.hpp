// Audit lines to a collector: TCP, UDP, or a local socket.
//
// Lines go through a bounded queue (line_queue.hpp); its thread connects, sends, and after a failure connects again with growing pauses.
// Not connected means refused at once. Streams: a line is sent again from its start on the next connection when this one broke within it;
// what a collector's kernel had taken before it died is lost without a sign, as TCP has none. UDP promises nothing; it is the least of the
// recorders and should never be the only one. There is no TLS here: use a local relay for what leaves the machine.
#pragma once

#include <atomic>
#include <utility>

#include "recorders/line_queue.hpp"
#include "recorders/recorder.hpp"

namespace postern {

enum class SocketKind { Tcp, Udp, Unix, UnixDatagram };

struct SocketOptions {
  SocketKind kind = SocketKind::Tcp;
  std::string address;                            ///< "host:port", "[::1]:port", or a path.
  std::chrono::milliseconds write_timeout{2000};  ///< For connecting, and for a peer that does not read.
  LineQueueOptions queue;
};

class SocketRecorder final : public Recorder {
 public:
  /// BadInput for an address that cannot be. A collector that is not there yet is only a warning in the log: lines are refused until it is.
  [[nodiscard]] static Result<std::shared_ptr<SocketRecorder>> open(SocketOptions options);

  [[nodiscard]] Status write(std::string_view line) override;
  [[nodiscard]] Result<std::uint64_t> offer(std::string_view line) override;
  [[nodiscard]] Result<bool> has_come_to(std::uint64_t position) const override { return m_queue.has_come_to(position); }
  void ring_when_further(std::function<void()> bell) override { m_queue.ring_when_further(std::move(bell)); }
  [[nodiscard]] std::uint64_t lost() const noexcept override { return m_queue.lost() + m_too_large; }
  [[nodiscard]] bool flush(std::chrono::milliseconds patience) override { return m_queue.flush(patience); }

 private:
  class Drain;
  explicit SocketRecorder(SocketOptions options);
  const std::size_t m_line_limit;
  std::atomic<std::uint64_t> m_too_large{0};
  LineQueue m_queue;
};

/// "host:port" taken apart; the port is 1 to 65535. BadInput.
[[nodiscard]] Result<std::pair<std::string, std::string>> split_host_port(std::string_view address);

}  // namespace postern
