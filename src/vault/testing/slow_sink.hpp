// An audit device that records when a test says so, and rings from the test's thread.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "vault/audit.hpp"

namespace postern::vault::testing {

class SlowSink final : public AuditSink {
 public:
  Status write(std::string_view /*line*/) override { return fail(ErrorCode::Internal, "nobody may wait here"); }
  Result<std::uint64_t> offer(std::string_view /*line*/) override { return ++m_offered; }
  Result<bool> has_come_to(std::uint64_t position) const override {
    if (m_broken) return fail(ErrorCode::Unavailable, "broken on purpose");
    return m_recorded >= position;
  }
  void ring_when_further(std::function<void()> bell) override {
    const std::lock_guard lock(m_mutex);
    m_bells.push_back(std::move(bell));
  }
  void record_all() { record(m_offered); }
  void record(std::uint64_t position) {
    m_recorded = position;
    ring();
  }
  void fail_silently(bool broken = true) { m_broken = broken; }
  [[nodiscard]] std::uint64_t offered() const { return m_offered; }
  /// Those who want to be rung.
  [[nodiscard]] std::size_t bells() const {
    const std::lock_guard lock(m_mutex);
    return m_bells.size();
  }

 private:
  void ring() {
    std::vector<std::function<void()>> bells;
    {
      const std::lock_guard lock(m_mutex);
      bells.swap(m_bells);
    }
    for (const auto& bell : bells) bell();
  }

  std::atomic<std::uint64_t> m_offered{0}, m_recorded{0};
  std::atomic<bool> m_broken{false};
  mutable std::mutex m_mutex;
  std::vector<std::function<void()>> m_bells;
};

/// A broker with that device alone.
inline void open_only(AuditBroker& broker, std::shared_ptr<SlowSink> sink) {
  AuditDeviceOptions device;
  device.path = "slow/";
  device.type = "file";
  device.salt = SecretBytes(Bytes(32, 1));
  if (!broker.add(std::move(device), std::move(sink))) throw std::logic_error("the device was not taken");
}

}  // namespace postern::vault::testing
