#include "mhs/wire.hpp"

#include <algorithm>
#include <array>

#include "base/log.hpp"

namespace postern::mhs {
namespace {

constexpr std::size_t kReadOctets = 64U * 1024;
thread_local std::array<Byte, kReadOctets> t_buffer;  // consumed before the next await

/// The peer has to take what we say within this time, or the connection counts as lost.
constexpr auto kWriteTime = std::chrono::seconds(60);
constexpr auto kLastWords = std::chrono::seconds(2);

bool is_last(const osi::AssociationEvent& event) {
  return std::holds_alternative<osi::AssociationRefused>(event) || std::holds_alternative<osi::AssociationReleased>(event) ||
         std::holds_alternative<osi::AssociationAborted>(event);
}

}  // namespace

io::Task<Result<osi::AssociationEvent>> Wire::next(SteadyTime deadline, io::WakeOn wake) {
  if (m_over) co_return fail(ErrorCode::Unavailable, "the association is over");
  count();  // what the last event brought is the caller's no more
  for (;;) {
    co_await flush();
    if (auto event = m_association.next_event()) {
      if (is_last(*event)) {
        co_await flush();
        m_over = true;
        m_stream.close();
      }
      co_return *std::move(event);
    }
    if (m_association.wants_close() && !m_lost) {
      m_stream.close();
      m_lost = true;
      m_association.network_lost("closed by this side", std::chrono::steady_clock::now());
      continue;
    }
    if (m_lost) co_return fail(ErrorCode::Unavailable, "the association is over");
    if (!m_association.wants_input() && m_association.deadline() == SteadyTime::max())
      co_return fail(ErrorCode::Conflict, "the association waits for this side");
    POSTERN_CO_CHECK(co_await fill(deadline, wake));
  }
}

ContentShare* Wire::share() noexcept {
  if (m_association.open()) m_before.reset();
  return m_before ? m_before.get() : m_share.get();
}

/// X.217 9.3 (A-ABORT), X.228 (RTAB, temporary problem): an APDU that is not whole has no invocation yet that could be rejected.
void Wire::count() {
  ContentShare* const mine = share();
  if (mine == nullptr || m_no_room || mine->settle_at(m_association.octets_held())) return;
  m_no_room = true;
  log::warn(
      "x400.memory_used_up",
      {{"address", m_stream.peer().text()},
       {"octets", m_association.octets_held()},
       {"reason", m_before ? "callers who have not bound hold together the eighth of x400.inflight_bytes that is theirs; raise it, or "
                             "look for the address that calls so often"
                           : "all associations together hold what x400.inflight_bytes allows; raise it, or look for the "
                             "user who sends so much at once"}});
  m_association.abort(osi::RtseAbortReason::TemporaryProblem, "no memory is left for what the peer sends");
}

/// What lies there; false: nothing does.
bool Wire::read() {
  const auto got = m_stream.try_read(t_buffer);
  if (got && !*got) return false;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (got && **got > 0) {
    m_association.feed(ByteView(t_buffer).first(**got), now);
    count();
  } else {
    m_lost = true;
    m_association.network_lost(got ? "the peer closed the connection" : got.error().what, now);
  }
  return true;
}

/// Reads once, or lets a deadline pass. An error is about the caller's wishes only; what happens to the connection the association is told.
io::Task<Status> Wire::fill(SteadyTime deadline, io::WakeOn wake) {
  const SteadyTime until = std::min(deadline, m_association.deadline());
  if (!m_association.wants_input()) {
    co_await io::sleep_until(until);
  } else {
    const Status readable = co_await m_stream.wait_readable(until, wake);
    if (!readable && (readable.error().field == "drain" || readable.error().field == "call")) co_return readable;
    const bool late = !readable && readable.error().code == ErrorCode::Timeout;
    // What lies there when the association's own time is over has not stalled: this side may have been busy, not the peer.
    const bool came = (!late || until < deadline) && read();
    if (came ? std::chrono::steady_clock::now() < m_association.deadline() : !late) co_return Status();
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now >= m_association.deadline()) {
    m_association.tick(now);
    co_return Status();
  }
  if (now >= deadline) co_return fail(ErrorCode::Timeout, "nothing came in time");
  co_return Status();
}

io::Task<void> Wire::flush() {
  for (Bytes output = m_association.take_output(); !output.empty(); output = m_association.take_output()) {
    if (m_lost) continue;
    const Status written = co_await m_stream.write_all(output, io::deadline_in(kWriteTime));
    if (written) continue;
    m_lost = true;
    m_association.network_lost(written.error().what, std::chrono::steady_clock::now());
  }
}

io::Task<void> Wire::abort(osi::RtseAbortReason reason, std::string_view text) {
  if (m_over) co_return;
  m_association.abort(reason, std::string(text));
  const Bytes output = m_association.take_output();
  if (!m_lost && !output.empty()) {
    const Status ignored = co_await m_stream.write_all(output, io::deadline_in(kLastWords));
    static_cast<void>(ignored);
  }
  m_over = true;
  m_stream.close();
}

}  // namespace postern::mhs
