// Bridges between threads and coroutines: a value that arrives once (OneShot) and a bell that may ring often (Notifier).
//
//   OneShot<Result<Receipt>> receipt(co_await this_executor());
//   spool.enqueue(std::move(submission), receipt.setter());     // the writer thread calls the setter
//   const Result<Receipt> got = co_await receipt.wait();
//
// Whoever may still call a setter or ring a Notifier must be stopped (joined) before the Loops object is destroyed.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "io/task.hpp"

namespace postern::io {

/// A flag with one waiter on one loop. `set` may come from any thread, before or after the wait begins.
class Signal {
 public:
  /// `where` is the loop of the coroutine that will wait.
  explicit Signal(const Executor& where);
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void set() noexcept;
  /// True when set; false when the deadline passed first. At most one coroutine waits at a time, on the loop given above.
  [[nodiscard]] Task<bool> wait(SteadyTime deadline = kNoDeadline);
  /// Takes the flag back, so that it can be waited for again. Only on the loop of the waiter.
  void reset() noexcept;

 private:
  struct State;
  std::shared_ptr<State> m_state;
};

/// One value from any thread to one coroutine.
template <class T>
class OneShot {
  struct Slot {
    explicit Slot(const Executor& where) : signal(where) {}
    std::optional<T> value;
    Signal signal;
  };

 public:
  explicit OneShot(const Executor& where) : m_slot(std::make_shared<Slot>(where)) {}

  /// A copyable function object for callback interfaces. Call it exactly once; it keeps the slot alive, so that a coroutine that gave up
  /// (deadline) leaves nothing dangling.
  [[nodiscard]] auto setter() const {
    return [slot = m_slot](T value) {
      slot->value.emplace(std::move(value));
      slot->signal.set();
    };
  }
  /// The value, once.
  [[nodiscard]] Task<T> wait() const {
    auto slot = m_slot;
    (void)co_await slot->signal.wait();
    co_return std::move(*slot->value);
  }
  /// The value, or nothing when the deadline passed first.
  [[nodiscard]] Task<std::optional<T>> wait_until(SteadyTime deadline) const {
    auto slot = m_slot;
    const bool came = co_await slot->signal.wait(deadline);
    if (!came) co_return std::nullopt;
    co_return std::move(slot->value);
  }

 private:
  std::shared_ptr<Slot> m_slot;
};

/// A bell: rings from any thread wake the one waiting coroutine; rings while nobody waits are remembered as one.
class Notifier {
 public:
  explicit Notifier(const Executor& where) : m_signal(where) {}

  void ring() noexcept { m_signal.set(); }
  /// True when it rang since the last wait, false when the deadline passed first.
  [[nodiscard]] Task<bool> wait(SteadyTime deadline) {
    const bool rang = co_await m_signal.wait(deadline);
    if (rang) m_signal.reset();
    co_return rang;
  }

 private:
  Signal m_signal;
};

}  // namespace postern::io
