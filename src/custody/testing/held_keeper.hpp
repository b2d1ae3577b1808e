// A keeper whose rotate() and list() wait until the test lets them go; list() answers as much as the test wants.
#pragma once

#include <condition_variable>
#include <mutex>

#include "custody/testing/forwarding_keeper.hpp"

namespace postern::custody::testing {

class HeldKeeper final : public ForwardingKeeper {
 public:
  using ForwardingKeeper::ForwardingKeeper;
  ~HeldKeeper() override { release(); }

  Result<std::vector<KeyName>> list() override {
    pass();
    return std::vector<KeyName>(names, KeyName(std::string(100, 'n')));
  }
  Result<KeyInfo> rotate(const KeyName& name) override {
    pass();
    return ForwardingKeeper::rotate(name);
  }
  void hold() {
    const std::lock_guard lock(m_mutex);
    m_held = true;
  }
  void release() {
    const std::lock_guard lock(m_mutex);
    m_held = false;
    m_change.notify_all();
  }
  [[nodiscard]] std::size_t begun() {
    const std::lock_guard lock(m_mutex);
    return m_begun;
  }
  /// Until `count` calls have begun; false after a long time.
  [[nodiscard]] bool await_begun(std::size_t count) {
    std::unique_lock lock(m_mutex);
    return m_change.wait_for(lock, std::chrono::seconds(20), [&] { return m_begun >= count; });
  }
  std::size_t names = 1;  ///< Before it is used.

 private:
  void pass() {
    std::unique_lock lock(m_mutex);
    ++m_begun;
    m_change.notify_all();
    m_change.wait(lock, [this] { return !m_held; });
  }
  std::mutex m_mutex;
  std::condition_variable m_change;
  bool m_held = false;
  std::size_t m_begun = 0;
};

}  // namespace postern::custody::testing
