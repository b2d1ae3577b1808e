// A coroutine on a loop, awaited by a thread that has none.
#pragma once

#include <exception>
#include <future>
#include <memory>
#include <optional>

#include "base/result.hpp"
#include "io/loops.hpp"
#include "io/task.hpp"

namespace postern::transport {

/// How long beyond its own deadline a task may take before nobody waits for it any more: loops that were stopped keep what runs on them.
inline constexpr std::chrono::seconds kPatience{5};

namespace detail {
template <class T>
io::Task<void> keep_promise(io::Task<T> task, std::shared_ptr<std::promise<T>> promise) {
  std::exception_ptr failure;
  try {
    promise->set_value(co_await std::move(task));
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) promise->set_exception(failure);
}
}  // namespace detail

/// Not on a loop. Timeout: the task, which should have ended at `deadline`, has not. It must own what it uses.
template <class T>
[[nodiscard]] Result<T> run_on(io::Executor where, io::Task<T> task, SteadyTime deadline) {
  const auto promise = std::make_shared<std::promise<T>>();
  auto result = promise->get_future();
  io::spawn(where, detail::keep_promise(std::move(task), promise), "x400.transport");
  if (result.wait_until(deadline + kPatience) != std::future_status::ready)
    return fail(ErrorCode::Timeout, "it did not come to an end in time");
  return result.get();
}

}  // namespace postern::transport
