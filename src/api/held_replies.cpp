#include "api/held_replies.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace postern::api {

namespace asio = boost::asio;
using State = vault::AuditReceipt::State;

namespace {
/// How often is looked after devices that hang; they know their deadline themselves.
constexpr std::chrono::milliseconds kWatch{250};
}  // namespace

io::Task<bool> HeldReplies::recorded(vault::AuditReceipt receipt) {
  const auto begin = [this, &receipt](auto handler) {
    // A std::function wants what it holds to be copyable.
    const auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    hold(std::move(receipt), [shared](bool recorded) { std::move (*shared)(recorded); });
  };
  const bool recorded = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(bool)>(begin, asio::use_awaitable);
  co_return recorded;
}

void HeldReplies::hold(vault::AuditReceipt receipt, std::function<void(bool)> go_on) {
  m_held.push_back({std::move(receipt), std::move(go_on)});
  watch();
  if (std::exchange(m_asked, true)) return;
  // Behind what is ready now: other connections of this turn put their lines into the same batch.
  asio::post(m_loop, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->ask();
  });
}

void HeldReplies::ask() {
  m_asked = false;
  if (m_held.empty()) return;
  // The newest line: when it is away, so are those before it.
  m_held.back().receipt.ring_when_further([weak = weak_from_this(), loop = m_loop] {
    asio::post(loop, [weak] {
      if (const auto self = weak.lock()) self->look();
    });
  });
}

void HeldReplies::look() {
  std::vector<std::pair<std::function<void(bool)>, bool>> ready;
  std::vector<Held> waiting;
  for (Held& each : m_held) {
    const State state = each.receipt.look();
    if (state == State::Waiting)
      waiting.push_back(std::move(each));
    else
      ready.emplace_back(std::move(each.go_on), state == State::Recorded);
  }
  m_held = std::move(waiting);
  if (!m_held.empty() && !m_asked) ask();
  for (const auto& [go_on, recorded] : ready) go_on(recorded);  // which may hold the next reply
}

void HeldReplies::watch() {
  if (std::exchange(m_watched, true)) return;
  m_timer.expires_after(kWatch);
  m_timer.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = error ? nullptr : weak.lock();
    if (!self) return;
    self->m_watched = false;
    if (self->m_held.empty()) return;
    self->watch();
    self->look();
  });
}

}  // namespace postern::api
