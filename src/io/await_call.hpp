// A callback as something to wait for, where the callback comes on the caller's own loop: nothing then lies between it and the caller.
//
//   Result<Reply> reply = co_await await_call<Result<Reply>>([&](auto done) { client.ask(request, std::move(done)); });
//
// The caller is on a loop of Loops. `done` is copyable and is called exactly once, from any thread, before the Loops are destroyed. Called
// on that loop it goes on with the caller before it returns; called elsewhere, or while `begin` still runs, the caller goes on with the
// loop's next turn. For what comes from other threads anyway, and for deadlines, there is OneShot (sync.hpp).
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

#include "io/task.hpp"

namespace postern::io {

template <class T, class Begin>
[[nodiscard]] auto await_call(Begin begin) {
  auto initiation = [begin = std::move(begin)](auto handler) mutable {
    using Loop = boost::asio::io_context::executor_type;
    struct Call {
      Loop loop;
      decltype(handler) goes_on;
      bool begun = false;  // the loop's own
    };
    const Executor here = handler.get_executor();
    const auto call = std::make_shared<Call>(Call{*here.template target<Loop>(), std::move(handler)});
    begin([call](T value) {
      if (call->loop.running_in_this_thread() && call->begun) return std::move(call->goes_on)(std::move(value));
      boost::asio::post(call->loop, [call, value = std::move(value)]() mutable { std::move(call->goes_on)(std::move(value)); });
    });
    call->begun = true;
  };
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(T)>(std::move(initiation), boost::asio::use_awaitable);
}

}  // namespace postern::io
