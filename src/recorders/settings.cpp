#include "recorders/settings.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"

namespace postern {
namespace {

constexpr std::uint64_t kLeastQueue = 64U << 10, kMostQueue = 1U << 30;
constexpr std::chrono::milliseconds kLeastDeadline{10}, kMostDeadline{60000};

tl::unexpected<Error> bad(std::string_view name, std::string what) { return fail(ErrorCode::BadInput, std::move(what), std::string(name)); }

/// Reads options one by one, and knows at the end which ones nobody asked for.
class Reader {
 public:
  explicit Reader(const RecorderSettings& settings) : m_settings(settings) {}

  std::string_view text(std::string_view name, std::string_view fallback) {
    m_known.push_back(name);
    const auto found = m_settings.find(name);
    return found == m_settings.end() ? fallback : std::string_view(found->second);
  }
  Result<bool> flag(std::string_view name, bool fallback) {
    const std::string_view value = text(name, fallback ? "true" : "false");
    if (value == "true" || value == "1") return true;
    if (value == "false" || value == "0") return false;
    return bad(name, "give true or false");
  }
  Result<std::uint64_t> number(std::string_view name, std::uint64_t fallback, std::uint64_t least, std::uint64_t most, int base = 10) {
    const std::string_view value = text(name, {});
    if (value.data() == nullptr) return fallback;
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out, base);
    if (error == std::errc() && end == value.data() + value.size() && out >= least && out <= most) return out;
    if (base == 8) return bad(name, "give an octal mode such as 0600");
    return bad(name, "give a number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  /// "500ms", or a duration as everywhere.
  Result<std::chrono::milliseconds> duration(std::string_view name, std::chrono::milliseconds fallback, std::chrono::milliseconds least,
                                             std::chrono::milliseconds most) {
    std::string_view value = text(name, {});
    if (value.data() == nullptr) return fallback;
    std::chrono::milliseconds out{-1};
    if (value.ends_with("ms")) {
      value.remove_suffix(2);
      std::int64_t count = -1;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
      if (error == std::errc() && end == value.data() + value.size() && count <= most.count()) out = std::chrono::milliseconds(count);
    } else if (const auto seconds = parse_duration(value); seconds && *seconds <= most) {
      out = *seconds;
    }
    if (out >= least && out <= most) return out;
    return bad(name, "give a duration from " + std::to_string(least.count()) + "ms to " + std::to_string(most.count()) + "ms");
  }
  template <class Choice>
  Result<Choice> choice(std::string_view name, std::initializer_list<std::pair<std::string_view, Choice>> choices) {
    const std::string_view value = text(name, choices.begin()->first);
    std::string names;
    for (const auto& [each, meaning] : choices) {
      if (each == value) return meaning;
      names.append(names.empty() ? "" : ", ").append(each);
    }
    return bad(name, "give one of " + names);
  }
  Status finish() const {
    for (const auto& [name, value] : m_settings) {
      if (std::ranges::find(m_known, name) != m_known.end()) continue;
      const std::string_view near = nearest(name, m_known);
      return bad(name, near.empty() ? "is no option of this type" : "is no option of this type; did you mean " + std::string(near));
    }
    return {};
  }

 private:
  const RecorderSettings& m_settings;
  std::vector<std::string_view> m_known;
};

Status read_queue(Reader& in, std::string_view path, LineQueueOptions& queue) {
  queue.name = path;
  POSTERN_TRY(queue.bytes, in.number("queue_bytes", queue.bytes, kLeastQueue, kMostQueue));
  POSTERN_TRY(queue.deadline, in.duration("deadline", queue.deadline, kLeastDeadline, kMostDeadline));
  POSTERN_TRY(queue.acknowledge,
              in.choice<Acknowledge>("acknowledge", {{"queued", Acknowledge::Queued}, {"drained", Acknowledge::Drained}}));
  return {};
}

Result<FileOptions> read_file(Reader& in, std::string_view path, bool chain) {
  FileOptions out;
  out.path = in.text("file_path", "");
  const bool special = out.path == "stdout" || out.path == "discard";
  if (out.path.empty() || (!special && out.path[0] != '/') || out.path.find('\0') != std::string::npos)
    return bad("file_path", "give an absolute path, stdout or discard");
  if (special && chain) return bad("file_path", "a chain needs an absolute path");
  POSTERN_TRY(const std::uint64_t mode, in.number("mode", out.mode, 0, 0777, 8));
  if ((mode & 0200) == 0 || (mode & 0007) != 0) return bad("mode", "the owner must be able to write, and others must not be able to read");
  out.mode = static_cast<mode_t>(mode);
  POSTERN_TRY(out.sync, in.choice<FileSync>("fsync", {{"second", FileSync::Second}, {"never", FileSync::Never}, {"line", FileSync::Line}}));
  POSTERN_CHECK(read_queue(in, path, out.queue));
  if (!chain) return out;
  BlockOptions blocks;
  POSTERN_TRY(blocks.lines, in.number("block_lines", blocks.lines, 1, 1000000));
  POSTERN_TRY(blocks.longest, in.duration("block_seconds", blocks.longest, std::chrono::milliseconds(100), std::chrono::seconds(60)));
  out.blocks = blocks;
  return out;
}

Result<SyslogOptions> read_syslog(Reader& in) {
  SyslogOptions out;
  out.address = in.text("address", out.address);
  const auto facility = syslog_facility(in.text("facility", "auth"));
  if (!facility) return bad("facility", "give a facility such as auth or local0");
  out.facility = *facility;
  out.tag = in.text("tag", out.tag);
  // RFC 5424 6.2.5: APP-NAME, 1 to 48 printable characters.
  const bool fits = std::ranges::all_of(out.tag, [](char c) { return c > 0x20 && c < 0x7f && c != '[' && c != ']' && c != ':'; });
  if (out.tag.empty() || out.tag.size() > 48 || !fits)
    return bad("tag", "give 1 to 48 printable characters without blanks, brackets and colons");
  POSTERN_TRY(out.form, in.choice<SyslogForm>("format", {{"classic", SyslogForm::Classic}, {"rfc5424", SyslogForm::Rfc5424}}));
  return out;
}

Result<SocketOptions> read_socket(Reader& in, std::string_view path) {
  SocketOptions out;
  POSTERN_TRY(out.kind, in.choice<SocketKind>("socket_type", {{"tcp", SocketKind::Tcp},
                                                              {"udp", SocketKind::Udp},
                                                              {"unix", SocketKind::Unix},
                                                              {"unixgram", SocketKind::UnixDatagram}}));
  out.address = in.text("address", "");
  if (out.kind == SocketKind::Tcp || out.kind == SocketKind::Udp)
    POSTERN_CHECK(split_host_port(out.address));
  else if (out.address.empty() || out.address[0] != '/' || out.address.size() > 107)
    return bad("address", "give the absolute path of a local socket, at most 107 bytes");
  POSTERN_TRY(out.write_timeout, in.duration("write_timeout", out.write_timeout, kLeastDeadline, kMostDeadline));
  POSTERN_CHECK(read_queue(in, path, out.queue));
  return out;
}

Status read_device(Reader& in, vault::AuditDeviceOptions& device, bool allow_raw) {
  device.description = in.text("description", "");
  device.prefix = in.text("prefix", "");
  const bool shown = std::ranges::all_of(device.prefix, [](char c) { return c >= 0x20 && c < 0x7f; });
  if (device.prefix.size() > 256 || !shown) return bad("prefix", "give at most 256 printable ASCII characters");
  POSTERN_TRY(device.log_raw, in.flag("log_raw", false));
  if (device.log_raw && !allow_raw)
    return fail(ErrorCode::Denied, "would write secrets in clear: the configuration must allow raw audit first", "log_raw");
  POSTERN_TRY(device.hmac_accessor, in.flag("hmac_accessor", true));
  POSTERN_TRY(device.elide_list_responses, in.flag("elide_list_responses", false));
  const std::string_view headers = in.text("plain_headers", "");
  for (const std::string_view each : split(headers, ',')) {
    if (const std::string_view name = trim(each); !name.empty()) device.plain_headers.push_back(to_lower(name));
  }
  return {};
}

}  // namespace

Result<RecorderPlan> read_recorder(std::string path, std::string_view type, const RecorderSettings& settings, bool allow_raw) {
  Reader in(settings);
  RecorderPlan plan;
  POSTERN_CHECK(read_device(in, plan.device, allow_raw));
  if (type == "file" || type == "chain") {
    POSTERN_TRY(plan.sink, read_file(in, path, type == "chain"));
  } else if (type == "syslog") {
    POSTERN_TRY(plan.sink, read_syslog(in));
  } else if (type == "socket") {
    POSTERN_TRY(plan.sink, read_socket(in, path));
  } else {
    return bad("type", "give file, chain, syslog or socket");
  }
  POSTERN_CHECK(in.finish());
  plan.device.path = std::move(path);
  plan.device.type = type;
  return plan;
}

Result<std::shared_ptr<Recorder>> open_recorder(const RecorderPlan& plan, BlockPort port, const Clock& clock) {
  if (const auto* file = std::get_if<FileOptions>(&plan.sink)) return FileRecorder::open(*file, std::move(port), clock);
  if (const auto* syslog = std::get_if<SyslogOptions>(&plan.sink)) return SyslogRecorder::open(*syslog, clock);
  return SocketRecorder::open(std::get<SocketOptions>(plan.sink));
}

}  // namespace postern
