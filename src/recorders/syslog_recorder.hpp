// Audit lines to the machine's syslog, one datagram each.
//
// The caller sends itself: a non-blocking datagram to a local socket takes a few microseconds and never waits. A full socket (a log daemon
// that does not keep up) is an error at once; a daemon that was restarted is connected to again with the next line.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>

#include "recorders/owned_socket.hpp"
#include "recorders/recorder.hpp"

namespace postern {

enum class SyslogForm {
  Classic,  ///< What syslog(3) sends to /dev/log: "<PRI>Nov 22 00:41:07 TAG[PID]: LINE".
  Rfc5424,  ///< "<PRI>1 TIME HOST TAG PID audit - LINE"
};

struct SyslogOptions {
  std::string address = "/dev/log";
  SyslogForm form = SyslogForm::Classic;
  int facility = 4;  ///< RFC 5424 6.2.1: 0 to 23. 4 is "auth".
  std::string tag = "postern";
};

/// "auth", "local0", ... or a number 0 to 23.
[[nodiscard]] std::optional<int> syslog_facility(std::string_view name);

class SyslogRecorder final : public Recorder {
 public:
  /// Connects; Unavailable when nobody listens there.
  [[nodiscard]] static Result<std::shared_ptr<SyslogRecorder>> open(SyslogOptions options, const Clock& clock);
  /// Unavailable; TooLarge for a line that the socket does not take in one datagram (about 200 KiB).
  [[nodiscard]] Status write(std::string_view line) override;
  [[nodiscard]] std::uint64_t lost() const noexcept override { return m_lost; }
  void reopen() override;

 private:
  SyslogRecorder(SyslogOptions options, const Clock& clock);
  [[nodiscard]] std::string head() const;
  [[nodiscard]] Status send(std::string_view head, std::string_view line);
  SyslogOptions m_options;
  const Clock& m_clock;
  std::string m_host;
  std::mutex m_mutex;
  OwnedSocket m_socket;
  std::atomic<std::uint64_t> m_lost{0};
};

}  // namespace postern
