#include "mhs/forwarder.hpp"

#include <atomic>

#include "base/log.hpp"

namespace postern::mhs {

struct Forwarder::State {
  explicit State(Parts with) : parts(with) {}
  Parts parts;
  std::atomic<int> asked{0};  ///< Looks that were asked for and not begun.
  std::atomic<bool> stopping{false};
};

namespace {

using Pending = StoreMailboxes::Pending;

bool is_final(const Error& error) {
  return error.code == ErrorCode::BadInput || error.code == ErrorCode::TooLarge || error.code == ErrorCode::Unsupported;
}

/// True: it waits no longer.
io::Task<bool> submit_one(Forwarder::Parts& parts, Pending pending) {
  const std::string actor = "x400:user:" + pending.user.address;
  std::vector<CommitStep> taken{StoreMailboxes::taken(pending.n)};
  const auto submitted =
      co_await parts.node.submit(std::move(pending.argument.envelope), std::move(pending.argument.content.octets), actor, std::move(taken));
  if (submitted) co_return true;
  const bool final = is_final(submitted.error());
  log::warn(final ? "x400.forward_dropped" : "x400.forward_waits", {{"n", pending.n}, {"reason", submitted.error()}});
  if (!final) co_return false;
  const auto drop = [&parts, n = pending.n] { return parts.mailboxes.drop(n); };
  const auto dropped = co_await parts.workers.run(drop);
  co_return dropped.has_value();
}

/// As long as something moves: a look sees a page.
io::Task<void> look_once(Forwarder::Parts& parts) {
  for (bool moved = true; moved;) {
    moved = false;
    const auto read = [&parts] { return parts.mailboxes.pending(); };
    auto waiting = co_await parts.workers.run(read);
    if (!waiting) {
      log::warn("x400.forwards_unread", {{"reason", waiting.error()}});
      co_return;
    }
    for (Pending& each : *waiting) {
      const bool gone = co_await submit_one(parts, std::move(each));
      moved = moved || gone;
    }
  }
}

}  // namespace

Forwarder::Forwarder(Parts parts) : m_state(std::make_shared<State>(parts)) {}

void Forwarder::stop() { m_state->stopping = true; }

void Forwarder::look() {
  if (m_state->stopping || m_state->asked.fetch_add(1) > 0) return;
  const auto run = [](std::shared_ptr<State> state) -> io::Task<void> {
    for (int seen = state->asked; !state->stopping; seen = state->asked) {
      co_await look_once(state->parts);
      if (state->asked.fetch_sub(seen) == seen) break;  // nothing came meanwhile
    }
  };
  io::spawn(m_state->parts.loops.at(0), run(m_state), "x400.forwarder");
}

}  // namespace postern::mhs
