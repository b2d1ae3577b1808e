// Waits until everything that began before has ended (as RCU does), for changes that must not meet work prepared under the old state.
//
//   const auto ticket = grace.enter();        // whoever prepares something, before he looks at the state; kept as long as it is under way
//   change_the_state();                       // whoever changes it
//   if (!grace.wait(30s)) ...                 // now nobody who looked before the change is left
//
// Any thread. A ticket may outlive the period. Not for waiting on oneself: the caller of wait() must hold no ticket. Who keeps tickets only
// in case he needs them is asked to let them go when somebody waits (before_waiting).
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

namespace postern {

class GracePeriod {
 public:
  using Ticket = std::shared_ptr<const void>;

  GracePeriod() : m_bell(std::make_shared<Bell>()), m_current(make()), m_askers(std::make_shared<Askers>()) {}

  [[nodiscard]] Ticket enter() const {
    const std::lock_guard lock(m_bell->mutex);
    return m_current;
  }

  /// `let_go` is called at the begin of every wait(), on its thread, until what this answers is dropped; it must not wait itself.
  [[nodiscard]] std::shared_ptr<const void> before_waiting(std::function<void()> let_go) {
    const std::lock_guard lock(m_askers->mutex);
    const auto here = m_askers->list.insert(m_askers->list.end(), std::move(let_go));
    return {&*here, [askers = m_askers, here](const void*) {
              const std::lock_guard leaving(askers->mutex);
              askers->list.erase(here);
            }};
  }

  /// False when at the deadline somebody is still under way; he stays on the list of the next call.
  [[nodiscard]] bool wait(std::chrono::milliseconds at_most) {
    Ticket fresh = make();
    {
      const std::lock_guard lock(m_bell->mutex);
      m_earlier.push_back(m_current);
      fresh.swap(m_current);
    }
    fresh.reset();  // outside of the lock: it may be the last, and rings
    {
      const std::lock_guard lock(m_askers->mutex);
      for (const auto& let_go : m_askers->list) let_go();
    }
    std::unique_lock lock(m_bell->mutex);
    return m_bell->rung.wait_for(lock, at_most, [&] {
      std::erase_if(m_earlier, [](const std::weak_ptr<const void>& epoch) { return epoch.expired(); });
      return m_earlier.empty();
    });
  }

 private:
  struct Bell {
    std::mutex mutex;
    std::condition_variable rung;
  };
  struct Epoch {
    explicit Epoch(std::shared_ptr<Bell> b) : bell(std::move(b)) {}
    std::shared_ptr<Bell> bell;
  };
  [[nodiscard]] Ticket make() const {
    return {new Epoch(m_bell), [](const Epoch* epoch) {
              const std::shared_ptr<Bell> bell = epoch->bell;
              delete epoch;
              const std::lock_guard lock(bell->mutex);  // or the waiter could look just before and sleep just after
              bell->rung.notify_all();
            }};
  }

  struct Askers {
    std::mutex mutex;
    std::list<std::function<void()>> list;
  };

  std::shared_ptr<Bell> m_bell;
  Ticket m_current;
  std::shared_ptr<Askers> m_askers;
  std::vector<std::weak_ptr<const void>> m_earlier;
};

}  // namespace postern
