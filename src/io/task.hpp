// Coroutines of the shells: one type name, and the few things every coroutine asks of its loop.
//
// A Task runs on the loop where it was spawned and stays there. Habits that keep coroutines safe here: pass values, never references
// to temporaries; never write a capturing lambda that is itself a coroutine unless the lambda object outlives it; what a coroutine
// borrows (a buffer, a Stream) must live in the frame of its caller.
//
// Two faults of GCC 12 to write around, both silent (a wild pointer at run time):
// 1. Never `co_await` in the condition of if, while or switch: where the function's outermost block declares no variable, the frame is laid
//    out wrongly. Name the result first (POSTERN_CO_TRY and POSTERN_CO_CHECK do):
//      const bool rang = co_await bell.wait(deadline);
//      if (rang) ...
// 2. Never convert a temporary in a co_await expression: `co_await f([x] { ... })` where f takes a std::function, or `co_await f({a, b})`
//    where f takes a struct, may be copied bit by bit. Name it first:
//      std::function<void()> work = [x] { ... };
//      co_await f(std::move(work));
//    A temporary of the parameter's own type, and one that a template takes as it is, are safe.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <string_view>

#include "base/clock.hpp"

namespace postern::io {

template <class T>
using Task = boost::asio::awaitable<T>;

/// Names a loop (see Loops). Cheap to copy; the Loops object must outlive every use.
using Executor = boost::asio::any_io_executor;

/// "Wait as long as it takes"; doors never use it for a peer.
inline constexpr SteadyTime kNoDeadline = SteadyTime::max();

/// The deadline that is `span` from now.
[[nodiscard]] inline SteadyTime deadline_in(std::chrono::steady_clock::duration span) { return std::chrono::steady_clock::now() + span; }

/// The loop that runs the caller.
[[nodiscard]] Task<Executor> this_executor();
/// Lets other work of the loop go first.
[[nodiscard]] Task<void> yield();
[[nodiscard]] Task<void> sleep_until(SteadyTime when);
[[nodiscard]] inline Task<void> sleep_for(std::chrono::steady_clock::duration span) { return sleep_until(deadline_in(span)); }

/// Starts a coroutine on a loop; callable from any thread. An exception that leaves it is our own bug: it ends that coroutine, is logged
/// as "io.task_failed" with `name`, and the loop goes on.
void spawn(const Executor& where, Task<void> task, std::string_view name);

}  // namespace postern::io
