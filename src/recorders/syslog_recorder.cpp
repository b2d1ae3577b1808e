#include "recorders/syslog_recorder.hpp"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>

#include "base/text.hpp"

namespace postern {
namespace {

/// RFC 5424 6.2.1: "informational", as the audit of others uses.
constexpr int kSeverity = 6;

constexpr std::array<std::string_view, 24> kFacilities = {"kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
                                                          "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
                                                          "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "-";  // RFC 5424 6.2.4: NILVALUE
  return printable(name.data(), 255);
}

/// RFC 3164 4.1.2: local time, the day padded with a blank.
std::string classic_time(WallTime now) {
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = unix_seconds(now);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%s %2d %02d:%02d:%02d", kMonths[static_cast<std::size_t>(local.tm_mon) % 12], local.tm_mday,
                local.tm_hour, local.tm_min, local.tm_sec);
  return text.data();
}

}  // namespace

std::optional<int> syslog_facility(std::string_view name) {
  const std::string lower = to_lower(name);
  for (std::size_t i = 0; i < kFacilities.size(); ++i) {
    if (kFacilities[i] == lower) return static_cast<int>(i);
  }
  int number = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number < 0 || number > 23) return std::nullopt;
  return number;
}

SyslogRecorder::SyslogRecorder(SyslogOptions options, const Clock& clock)
    : m_options(std::move(options)), m_clock(clock), m_host(host_name()) {}

Result<std::shared_ptr<SyslogRecorder>> SyslogRecorder::open(SyslogOptions options, const Clock& clock) {
  std::shared_ptr<SyslogRecorder> recorder(new SyslogRecorder(std::move(options), clock));
  POSTERN_TRY(recorder->m_socket, connect_unix(recorder->m_options.address, SOCK_DGRAM));
  return recorder;
}

std::string SyslogRecorder::head() const {
  const std::string priority = "<" + std::to_string(m_options.facility * 8 + kSeverity) + ">";
  const std::string pid = std::to_string(::getpid());
  const WallTime now = m_clock.now();
  if (m_options.form == SyslogForm::Classic) return priority + classic_time(now) + " " + m_options.tag + "[" + pid + "]: ";
  // RFC 5424 6: HEADER SP STRUCTURED-DATA SP MSG
  return priority + "1 " + rfc3339(now) + " " + m_host + " " + m_options.tag + " " + pid + " audit - ";
}

Status SyslogRecorder::send(std::string_view head, std::string_view line) {
  std::array<iovec, 2> parts{iovec{const_cast<char*>(head.data()), head.size()}, iovec{const_cast<char*>(line.data()), line.size()}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  ssize_t n = 0;
  do {
    n = ::sendmsg(m_socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  if (n >= 0) return {};
  if (errno == EMSGSIZE) return fail(ErrorCode::TooLarge, "the line is larger than one syslog datagram: use a file for large requests");
  if (errno == EAGAIN || errno == ENOBUFS) return fail(ErrorCode::Exhausted, "syslog does not keep up: its socket is full");
  m_socket.close();  // the daemon went; the next line connects again
  return fail(ErrorCode::Unavailable, std::string("sending to syslog: ") + std::strerror(errno));
}

Status SyslogRecorder::write(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  const std::string before = head();
  const std::lock_guard lock(m_mutex);
  Status status = m_socket ? send(before, line) : Status(fail(ErrorCode::Unavailable, "not connected"));
  if (!status && !m_socket) {
    auto again = connect_unix(m_options.address, SOCK_DGRAM);
    if (again) {
      m_socket = *std::move(again);
      status = send(before, line);
    } else {
      status = fail(std::move(again).error());
    }
  }
  if (!status) ++m_lost;
  return status;
}

void SyslogRecorder::reopen() {
  const std::lock_guard lock(m_mutex);
  m_socket.close();
}

}  // namespace postern
