#include "io/sync.hpp"

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace postern::io {

namespace asio = boost::asio;

// The waiter sleeps on a timer of its loop, so that the suspended coroutine belongs to the loop and is freed with it.
struct Signal::State {
  enum Phase : int { Idle, Waiting, Set };

  explicit State(const Executor& where) : timer(where) {}
  asio::steady_timer timer;  // touched on its loop only
  std::atomic<int> phase{Idle};
};

Signal::Signal(const Executor& where) : m_state(std::make_shared<State>(where)) {}
Signal::~Signal() = default;

void Signal::set() noexcept {
  if (m_state->phase.exchange(State::Set) != State::Waiting) return;
  asio::post(m_state->timer.get_executor(), [state = m_state] { state->timer.cancel(); });
}

Task<bool> Signal::wait(SteadyTime deadline) {
  const auto state = m_state;
  int idle = State::Idle;
  state->phase.compare_exchange_strong(idle, State::Waiting);
  // A cancel that was posted for an earlier wait may wake this one: look again.
  while (state->phase.load() != State::Set && std::chrono::steady_clock::now() < deadline) {
    boost::system::error_code ignored;
    state->timer.expires_at(deadline);
    co_await state->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  int waiting = State::Waiting;
  const bool gave_up = state->phase.compare_exchange_strong(waiting, State::Idle);
  co_return !gave_up;
}

void Signal::reset() noexcept { m_state->phase.store(State::Idle); }

}  // namespace postern::io
