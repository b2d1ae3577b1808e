// The audit of the key engine: one line before and one after each operation, in the JSON form that Vault's audit readers know.
//
// Every string in data is replaced by "hmac-sha256:HEX" under the device's salt; tokens, accessors and error texts (except the core's fixed
// ones, such as "permission denied") too; numbers and bools stay. What else stays is listed in audit_line.hpp. A sink
// that does not take a line at once has failed for that line: nothing waits for it. When no device took the line the operation stops
// (fail closed); a broker without any device refuses everything unless it was told that audit is off.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "vault/request.hpp"

namespace postern::vault {

/// Where lines go. Implementations (floor 4) never block: a full queue or a dead disk is an error at once.
class AuditSink {
 public:
  virtual ~AuditSink() = default;
  /// One line, with its line end. Thread safe.
  [[nodiscard]] virtual Status write(std::string_view line) = 0;

  // The same in two steps, for callers that must not wait. What write() would have waited for is asked for later, for many lines at once.
  /// Takes the line and returns at once. The number is how far the sink must have come before the line counts; 0: it counts already.
  [[nodiscard]] virtual Result<std::uint64_t> offer(std::string_view line) {
    POSTERN_CHECK(write(line));
    return 0;
  }
  /// Whether the sink has come that far. An error: it failed, or has not within its deadline.
  [[nodiscard]] virtual Result<bool> has_come_to(std::uint64_t /*position*/) const { return true; }
  /// Calls `bell` once, from a thread of the sink's, when it has come further or failed; makes it hurry.
  virtual void ring_when_further(std::function<void()> bell) { bell(); }

  /// Lines that were not taken since the start.
  [[nodiscard]] virtual std::uint64_t lost() const noexcept { return 0; }
};

/// How the lines of one device look.
struct AuditDeviceOptions {
  std::string path;  ///< "file/"
  std::string type;  ///< "file", "syslog", "socket", "chain"
  std::string description;
  bool log_raw = false;  ///< No HMAC. Whoever reads the options (recorders/) refuses it unless the operator's configuration says so.
  bool hmac_accessor = true;
  bool elide_list_responses = false;
  std::vector<std::string> plain_headers;  ///< Names of request headers whose values stay; all others are HMAC'd.
  std::string prefix;                      ///< In front of each line. Printable.
  SecretBytes salt;                        ///< 32 bytes, kept in the barrier.
};

/// Who asked, as the core found out. Strings are borrowed for the call.
struct AuditCaller {
  std::string_view token;  ///< Empty: none.
  std::string_view accessor;
  std::string_view display_name;
  std::string_view entity_id;
  std::string_view token_type;  ///< "service", "batch"
  std::vector<std::string> policies;
  std::vector<std::string> granting_policies;
  bool allowed = false;  ///< policy_results
  std::int64_t ttl_seconds = 0;
  std::string issue_time;
  std::int64_t num_uses = 0;
};

struct AuditMount {
  std::string_view path, type, accessor;
  bool is_auth = false;
  const std::vector<std::string>* plain_request_keys = nullptr;  ///< audit_non_hmac_request_keys of the mount.
  const std::vector<std::string>* plain_response_keys = nullptr;
};

/// What both lines of one exchange say of the request, by device, so that it is masked and written once. For whoever makes both lines of an
/// exchange whose request stays as it is; wiped with it, since a device may be raw.
class AuditEcho {
 public:
  AuditEcho() = default;
  AuditEcho(const AuditEcho&) = delete;
  AuditEcho& operator=(const AuditEcho&) = delete;
  ~AuditEcho();

 private:
  friend class AuditLine;
  struct Part {
    const void* device;
    std::string accessor;  // of the caller: that of a login is known only behind it
    std::string text;
  };
  std::vector<Part> m_parts;
};

struct AuditExchange {
  const Request& request;
  Operation operation;
  const AuditCaller* caller = nullptr;
  AuditMount mount;
  WallTime time;
  // For the response line:
  const boost::json::object* response_data = nullptr;
  const boost::json::object* response_auth = nullptr;  ///< As in the envelope: client_token and accessor are HMAC'd.
  const boost::json::object* response_wrap = nullptr;  ///< As in the envelope: token and accessor are HMAC'd.
  std::vector<std::string> warnings;
  std::string error;          ///< Empty: success.
  AuditEcho* echo = nullptr;  ///< Optional; the same for both lines.
};

/// Lines that devices took and have not all recorded yet. Whoever asked for it keeps the answer back until look() says Recorded.
class AuditReceipt {
 public:
  enum class State { Waiting, Recorded, Failed };
  /// Recorded: every device is done and at least one has all its lines. Failed: none has.
  [[nodiscard]] State look() const;
  /// Nothing to wait for.
  [[nodiscard]] bool settled() const noexcept { return m_waiting.empty(); }
  /// `bell` is called at least once when something may have changed, from any thread, perhaps before this returns.
  void ring_when_further(const std::function<void()>& bell) const;

 private:
  friend class AuditBroker;
  struct Waiting {
    std::shared_ptr<AuditSink> sink;
    std::uint64_t position = 0;
  };
  void add(const std::shared_ptr<AuditSink>& sink, std::uint64_t position);
  std::vector<Waiting> m_waiting;
  bool m_recorded = false;  // a device has recorded lines at once
};

class AuditBroker {
 public:
  AuditBroker();
  ~AuditBroker();
  AuditBroker(const AuditBroker&) = delete;
  AuditBroker& operator=(const AuditBroker&) = delete;

  /// Startup and unseal. Conflict when the path is taken; BadInput for a salt, path or prefix that cannot be.
  [[nodiscard]] Status add(AuditDeviceOptions options, std::shared_ptr<AuditSink> sink);
  void remove(std::string_view path);
  /// Sealed: forgets all devices and salts (those of a line that is being written when it is done).
  void clear() noexcept;
  /// Operations go on although there is no device (an operator's explicit setting, and tests).
  void allow_none(bool allowed) noexcept;

  /// Unavailable when no device took the line. Thread safe; costs a few microseconds for a small request.
  /// With a receipt nothing waits for a device to confirm: lines that it has taken are noted there.
  [[nodiscard]] Status record_request(const AuditExchange& exchange, AuditReceipt* receipt = nullptr);
  [[nodiscard]] Status record_response(const AuditExchange& exchange, AuditReceipt* receipt = nullptr);
  /// "hmac-sha256:..." of `input` under the device's salt (sys/audit-hash), which may be without its last /; NotFound.
  [[nodiscard]] Result<std::string> hash(std::string_view path, std::string_view input) const;

  struct Device {
    std::string path, type, description;
    std::uint64_t written = 0, failed = 0;
  };
  [[nodiscard]] std::vector<Device> devices() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> m_impl;
};

}  // namespace postern::vault
