// For tests: runs a coroutine on a loop and waits for it. The lambda that makes the coroutine lives until the end of the statement, so
// capturing is fine:  run_on(loops.at(0), [&]() -> io::Task<void> { ... }());
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <future>

#include "io/loops.hpp"

namespace postern::io::testing {

template <class T>
T run_on(const Executor& where, Task<T> task) {
  std::promise<T> promise;
  auto future = promise.get_future();
  boost::asio::co_spawn(where, std::move(task), [&promise](const std::exception_ptr& failure, auto... value) {
    if (failure)
      promise.set_exception(failure);
    else
      promise.set_value(std::move(value)...);
  });
  return future.get();
}

/// Loops that run already.
struct RunningLoops : Loops {
  explicit RunningLoops(std::size_t count = 1) : Loops(count) { start(); }
  template <class T>
  T run(Task<T> task) {
    return run_on(at(0), std::move(task));
  }
};

inline SteadyTime soon() { return deadline_in(std::chrono::seconds(10)); }
inline SteadyTime in_ms(int ms) { return deadline_in(std::chrono::milliseconds(ms)); }

}  // namespace postern::io::testing
