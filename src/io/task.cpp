#include "io/task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <string>

#include "base/log.hpp"

namespace postern::io {

namespace asio = boost::asio;

Task<Executor> this_executor() { co_return co_await asio::this_coro::executor; }

Task<void> yield() {
  const Executor here = co_await asio::this_coro::executor;
  co_await asio::post(here, asio::use_awaitable);
}

Task<void> sleep_until(SteadyTime when) {
  asio::steady_timer timer(co_await asio::this_coro::executor, when);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

void spawn(const Executor& where, Task<void> task, std::string_view name) {
  asio::co_spawn(where, std::move(task), [name = std::string(name)](const std::exception_ptr& failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      log::error("io.task_failed", {{"task", name}, {"what", e.what()}});
    } catch (...) {
      log::error("io.task_failed", {{"task", name}});
    }
  });
}

}  // namespace postern::io
