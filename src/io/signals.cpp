#include "io/signals.hpp"

#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

namespace postern::io {

struct Signals::Impl {
  explicit Impl(const Executor& where) : set(where, SIGTERM, SIGINT, SIGHUP) {}
  boost::asio::signal_set set;
};

Signals::Signals(const Executor& where) : m_impl(std::make_unique<Impl>(where)) {}
Signals::~Signals() = default;

Task<ProcessSignal> Signals::next() {
  const int number = co_await m_impl->set.async_wait(boost::asio::use_awaitable);
  if (number == SIGHUP) co_return ProcessSignal::Reload;
  co_return number == SIGTERM ? ProcessSignal::Terminate : ProcessSignal::Interrupt;
}

}  // namespace postern::io
