// A callback as something to wait for, cheaper than a OneShot (sync.hpp): without a timer, and so without a deadline.
//
//   Result<Reply> reply = co_await await_call<Result<Reply>>([&](auto done) { client.ask(request, std::move(done)); });
//
// The caller is on a loop of Loops. `done` is copyable and is called exactly once, from any thread, before the Loops are destroyed. The
// caller goes on with a later turn of its loop, never inside `done`: whoever calls that may hold what the caller needs next.
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
    };
    const Executor here = handler.get_executor();
    const auto call = std::make_shared<Call>(Call{*here.template target<Loop>(), std::move(handler)});
    begin([call](T value) {
      boost::asio::post(call->loop, [call, value = std::move(value)]() mutable { std::move(call->goes_on)(std::move(value)); });
    });
  };
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(T)>(std::move(initiation), boost::asio::use_awaitable);
}

}  // namespace postern::io
