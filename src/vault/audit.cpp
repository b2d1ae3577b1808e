#include "vault/audit.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/log.hpp"
#include "base/text.hpp"
#include "vault/audit_line.hpp"

namespace postern::vault {
namespace {

constexpr std::size_t kSalt = 32;
constexpr std::size_t kPath = 256, kPrefixBytes = 256;
/// A thread's buffer that a huge request made larger than this is given back.
constexpr std::size_t kKeptBuffer = 256U * 1024;

struct OpenDevice {
  OpenDevice(AuditDeviceOptions given, std::shared_ptr<AuditSink> to)
      : look(std::move(given)), masks(std::move(look.salt)), sink(std::move(to)) {}
  AuditDeviceOptions look;
  AuditMaskPool masks;
  std::shared_ptr<AuditSink> sink;
  std::atomic<std::uint64_t> written{0}, failed{0};
  std::atomic<bool> failing{false};
};
using Devices = std::vector<std::shared_ptr<OpenDevice>>;

std::string_view without_slash(std::string_view path) noexcept {
  if (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

bool is_shown(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

Status check(const AuditDeviceOptions& options) {
  const std::string_view path = without_slash(options.path);
  if (path.empty() || path.size() > kPath || !is_shown(path))
    return fail(ErrorCode::BadInput, "give 1 to 256 printable characters", "path");
  if (options.prefix.size() > kPrefixBytes || !is_shown(options.prefix))
    return fail(ErrorCode::BadInput, "give at most 256 printable ASCII characters", "prefix");
  if (options.salt.size() != kSalt) return fail(ErrorCode::BadInput, "an audit device needs a salt of 32 bytes", "salt");
  return {};
}

/// The line in a buffer of this thread; valid until the thread's next line.
std::string& line_buffer() {
  thread_local std::string buffer;
  buffer.clear();
  return buffer;
}

void give_back(std::string& buffer, bool raw) noexcept {
  if (raw) wipe(buffer);
  if (buffer.capacity() > kKeptBuffer) std::string().swap(buffer);
}

/// Says once that a device fails and once that it works again; a line in the log for each lost line would help nobody.
void note(OpenDevice& device, const Status& status) {
  (status ? device.written : device.failed).fetch_add(1, std::memory_order_relaxed);
  if (device.failing.load(std::memory_order_relaxed) == !status) return;
  if (device.failing.exchange(!status) == !status) return;
  if (status)
    log::info("vault.audit.device_works_again", {{"device", device.look.path}});
  else
    log::error("vault.audit.device_failed", {{"device", device.look.path}, {"error", status.error()}});
}

/// Where it stands afterwards; 0: recorded.
Result<std::uint64_t> hand_over(AuditSink& sink, std::string_view line, bool wait) {
  if (!wait) return sink.offer(line);
  POSTERN_CHECK(sink.write(line));
  return 0;
}

Result<std::uint64_t> write_line(OpenDevice& device, const AuditExchange& exchange, void (AuditLine::*entry)(), bool wait) {
  std::string& buffer = line_buffer();
  device.masks.use([&](AuditMask& mask) {
    AuditLine line(buffer, mask, device.look, exchange);
    (line.*entry)();
  });
  Result<std::uint64_t> position = hand_over(*device.sink, buffer, wait);
  give_back(buffer, device.look.log_raw);
  note(device, position ? Status() : Status(fail(position.error())));
  return position;
}

}  // namespace

struct AuditBroker::Impl {
  mutable std::mutex mutex;
  std::shared_ptr<const Devices> devices = std::make_shared<const Devices>();
  std::atomic<bool> none_allowed{false};

  [[nodiscard]] std::shared_ptr<const Devices> current() const {
    const std::lock_guard lock(mutex);
    return devices;
  }
  [[nodiscard]] static std::shared_ptr<OpenDevice> find(const Devices& in, std::string_view path) {
    const auto found = std::ranges::find_if(in, [&](const auto& each) { return without_slash(each->look.path) == without_slash(path); });
    return found == in.end() ? nullptr : *found;
  }
  Status record(const AuditExchange& exchange, void (AuditLine::*entry)(), AuditReceipt* receipt) const;
};

AuditEcho::~AuditEcho() {
  for (Part& part : m_parts) wipe(part.text);
}

AuditReceipt::State AuditReceipt::look() const {
  bool recorded = m_recorded;
  for (const Waiting& each : m_waiting) {
    const Result<bool> there = each.sink->has_come_to(each.position);
    if (there && !*there) return State::Waiting;
    recorded = recorded || there.has_value();
  }
  return recorded || m_waiting.empty() ? State::Recorded : State::Failed;
}

void AuditReceipt::ring_when_further(const std::function<void()>& bell) const {
  for (const Waiting& each : m_waiting) {
    const Result<bool> there = each.sink->has_come_to(each.position);
    if (there && !*there) return each.sink->ring_when_further(bell);  // one after the other: all must be done in the end
  }
  bell();
}

void AuditReceipt::add(const std::shared_ptr<AuditSink>& sink, std::uint64_t position) {
  if (position == 0) {
    m_recorded = true;
    return;
  }
  for (Waiting& each : m_waiting) {
    if (each.sink == sink) return (void)(each.position = std::max(each.position, position));
  }
  m_waiting.push_back({sink, position});
}

AuditBroker::AuditBroker() : m_impl(std::make_unique<Impl>()) {}
AuditBroker::~AuditBroker() = default;

Status AuditBroker::add(AuditDeviceOptions options, std::shared_ptr<AuditSink> sink) {
  POSTERN_CHECK(check(options));
  if (!sink) return fail(ErrorCode::BadInput, "an audit device needs a sink", "type");
  const std::lock_guard lock(m_impl->mutex);
  if (Impl::find(*m_impl->devices, options.path)) return fail(ErrorCode::Conflict, "path already in use", "path");
  auto next = std::make_shared<Devices>(*m_impl->devices);
  next->push_back(std::make_shared<OpenDevice>(std::move(options), std::move(sink)));
  m_impl->devices = std::move(next);
  return {};
}

void AuditBroker::remove(std::string_view path) {
  auto next = std::make_shared<Devices>();
  std::shared_ptr<const Devices> before;  // dies after the lock: closing a sink may take a moment
  const std::lock_guard lock(m_impl->mutex);
  before = m_impl->devices;
  std::ranges::copy_if(*before, std::back_inserter(*next),
                       [&](const auto& each) { return without_slash(each->look.path) != without_slash(path); });
  m_impl->devices = std::move(next);
}

void AuditBroker::clear() noexcept {
  static const auto kNone = std::make_shared<const Devices>();
  std::shared_ptr<const Devices> before = kNone;
  const std::lock_guard lock(m_impl->mutex);
  m_impl->devices.swap(before);
}

void AuditBroker::allow_none(bool allowed) noexcept { m_impl->none_allowed = allowed; }

Status AuditBroker::Impl::record(const AuditExchange& exchange, void (AuditLine::*entry)(), AuditReceipt* receipt) const {
  const std::shared_ptr<const Devices> open = current();
  if (open->empty()) {
    if (none_allowed) return {};
    return fail(ErrorCode::Unavailable, "no audit device is there, and operations without audit are not allowed: configure one");
  }
  std::size_t taken = 0;
  for (const auto& device : *open) {
    const Result<std::uint64_t> position = write_line(*device, exchange, entry, receipt == nullptr);
    if (!position) continue;
    ++taken;
    if (receipt != nullptr) receipt->add(device->sink, *position);
  }
  if (taken == 0) return fail(ErrorCode::Unavailable, "no audit device took the line, so nothing is done: see the log for the devices");
  return {};
}

Status AuditBroker::record_request(const AuditExchange& exchange, AuditReceipt* receipt) {
  return m_impl->record(exchange, &AuditLine::write_request, receipt);
}
Status AuditBroker::record_response(const AuditExchange& exchange, AuditReceipt* receipt) {
  return m_impl->record(exchange, &AuditLine::write_response, receipt);
}

Result<std::string> AuditBroker::hash(std::string_view path, std::string_view input) const {
  const auto device = Impl::find(*m_impl->current(), path);
  if (!device) return fail(ErrorCode::NotFound, "unknown audit backend", "path");
  std::string out;
  device->masks.use([&](AuditMask& mask) { mask.append(out, input); });
  return out;
}

std::vector<AuditBroker::Device> AuditBroker::devices() const {
  const auto now = m_impl->current();  // others may change the list meanwhile
  std::vector<Device> out;
  for (const auto& each : *now)
    out.push_back({each->look.path, each->look.type, each->look.description, each->written.load(), each->failed.load()});
  return out;
}

}  // namespace postern::vault
