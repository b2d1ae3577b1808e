// An audit device as an operator writes it: a type and options as text, read into what opens it.
//
// Options of every type: description, prefix, hmac_accessor, elide_list_responses, plain_headers (comma list), log_raw.
//   file    file_path, mode (octal, "0600"), fsync (never, second, line)
//   chain   as file, and block_lines, block_seconds
//   syslog  facility, tag, format (classic, rfc5424), address (/dev/log)
//   socket  address, socket_type (tcp, udp, unix, unixgram), write_timeout
// file, chain, socket: queue_bytes, deadline, acknowledge (queued, drained). An unknown option is an error that names the nearest one.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <variant>

#include "recorders/file_recorder.hpp"
#include "recorders/socket_recorder.hpp"
#include "recorders/syslog_recorder.hpp"

namespace postern {

using RecorderSettings = std::map<std::string, std::string, std::less<>>;

struct RecorderPlan {
  vault::AuditDeviceOptions device;  ///< Without its salt.
  std::variant<FileOptions, SyslogOptions, SocketOptions> sink;
};

/// `path` is the device's ("file/"). `allow_raw`: the operator's configuration permits log_raw. BadInput or Denied (log_raw), with the
/// option as field.
[[nodiscard]] Result<RecorderPlan> read_recorder(std::string path, std::string_view type, const RecorderSettings& settings, bool allow_raw);

/// `port` is needed for chains only; it and the clock must live as long as the recorder.
[[nodiscard]] Result<std::shared_ptr<Recorder>> open_recorder(const RecorderPlan& plan, BlockPort port, const Clock& clock);

}  // namespace postern
