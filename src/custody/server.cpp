#include "custody/server.hpp"

#include <deque>
#include <mutex>

#include "base/log.hpp"
#include "custody/pool.hpp"

namespace postern::custody {
namespace {
constexpr auto kLookAtHeld = std::chrono::milliseconds(250);
/// A busy gate leaves no such pauses: what comes after one comes alone.
constexpr auto kPause = std::chrono::microseconds(100);
/// Of what came behind a lone signature; more is no company, it is load.
constexpr std::size_t kBehind = 4;
}  // namespace

struct KeeperServer::Impl {
  Impl(Channel end, ServerParts parts, ServerOptions given)
      : channel(std::move(end)),
        role(parts.role),
        options(given),
        dispatcher(std::move(parts)),
        pool(dispatcher, options, bell, channel),
        spin(options.spin) {
    progress->server = this;
  }
  ~Impl() {
    const std::lock_guard lock(progress->mutex);
    progress->server = nullptr;
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] Status serve();
  [[nodiscard]] Status take_greeting(ByteView body);
  [[nodiscard]] Status take_frames();
  [[nodiscard]] Status take_request(ByteView body);
  void take_slow(ByteView body);
  [[nodiscard]] bool goes_behind_own(const RequestHead& head, ByteView body);
  void give_own_away();
  [[nodiscard]] Status run_own();
  [[nodiscard]] Result<bool> read_some();
  [[nodiscard]] Status write_out();
  [[nodiscard]] bool may_read() const { return out.bytes() < options.unsent && pool.has_room() && held.size() < options.requests; }
  void rest();

  void settle_held();
  void ask_for_audit();
  [[nodiscard]] bool settle_asleep() noexcept;

  Channel channel;
  const Role role;
  const ServerOptions options;
  Dispatcher dispatcher;
  // What audit devices ring, perhaps after this has gone.
  struct Progress {
    Bell bell;
    std::atomic<bool> rung{false};
    std::mutex mutex;
    Impl* server = nullptr;  ///< Under the mutex.
    void lines_are_recorded();
  };
  std::shared_ptr<Progress> progress = std::make_shared<Progress>();
  Bell& bell = progress->bell;
  Pool pool;
  std::deque<HeldReply> held;  ///< Wait for audit, the oldest first. Lent with `out`, as is the next.
  bool asked = false;          ///< Devices were asked to ring.
  FrameReader in;
  Outbox out;
  Spin spin;
  bool greeted = false, ended = false;
  bool rested = false;           ///< The last sleep was a long one.
  std::optional<Pool::Job> own;  ///< A request of this turn that this thread runs, when it has passed on the others.
  bool starved = false;          ///< Frames may be there that found no room.
  std::size_t behind_own = 0;    ///< What of this turn was passed on since.
  std::uint64_t last_id = 0;
  SteadyTime greet_until;
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> quick{0}, pooled{0}, made_alone{0}, sent_asleep{0};
};

Status KeeperServer::Impl::take_greeting(ByteView body) {
  POSTERN_TRY(const Greeting theirs, read_greeting(body));
  const Welcome welcome = answer_to(theirs, Greeting::own());
  out.add(write_welcome(welcome));
  greeted = welcome.accepted;
  if (welcome.accepted) return {};
  (void)out.flush(channel);
  return fail(ErrorCode::Conflict, welcome.text);
}

Status KeeperServer::Impl::take_request(ByteView body) {
  Reader reader(body);
  POSTERN_TRY(const RequestHead head, read_request_head(reader));
  // Rising ids: no two requests can share one, and a reply can never be taken for another's.
  if (head.id <= last_id) return fail(ErrorCode::BadInput, "was used before", "id");
  last_id = head.id;
  if (own && goes_behind_own(head, body)) return {};
  POSTERN_TRY(QuickOutcome outcome, dispatcher.run_if_quick(body));
  const bool done = outcome.frame || outcome.held;
  (done ? quick : pooled).fetch_add(1, std::memory_order_relaxed);
  if (outcome.frame) out.add(*std::move(outcome.frame));
  if (outcome.held) held.push_back(*std::move(outcome.held));
  if (!done) take_slow(body);
  return {};
}

/// A signature that somebody waits for, and nobody for anything else: to wake a worker for it would take longer than what came with it has
/// to wait.
void KeeperServer::Impl::take_slow(ByteView body) {
  if (rested && pool.is_idle() && held.empty() && dispatcher.is_brief(body)) {
    own = Pool::job_of(body);
    behind_own = 0;
  } else {
    pool.add(body);
  }
}

/// False: this turn is a turn like others, whose lines of audit are to share a write, say; so is the signature then.
bool KeeperServer::Impl::goes_behind_own(const RequestHead& head, ByteView body) {
  if (head.call == static_cast<std::uint8_t>(Call::Vault) || ++behind_own > kBehind) {
    give_own_away();
    return false;
  }
  pooled.fetch_add(1, std::memory_order_relaxed);
  pool.add(body, dispatcher.is_brief(body) ? Pool::Place::Aside : Pool::Place::Anywhere);
  return true;
}

void KeeperServer::Impl::give_own_away() {
  pool.add(own->body);
  own.reset();
}

/// Workers send their replies themselves meanwhile.
Status KeeperServer::Impl::run_own() {
  if (!own) return {};
  while (!pool.may_sleep(&out)) POSTERN_CHECK(write_out());
  made_alone.fetch_add(1, std::memory_order_relaxed);
  Result<WipedBytes> reply = pool.answer(*std::exchange(own, std::nullopt));
  pool.take_back();
  POSTERN_CHECK(reply);
  out.add(*std::move(reply));
  return write_out();
}

/// Lines are recorded in the order in which they were taken: when the oldest waits, so do the others.
void KeeperServer::Impl::settle_held() {
  using State = vault::AuditReceipt::State;
  while (!held.empty()) {
    const State state = held.front().receipt.look();
    if (state == State::Waiting) return;
    HeldReply reply = std::move(held.front());
    held.pop_front();
    out.add(dispatcher.release(std::move(reply), state == State::Recorded));
  }
}

/// Once for all that came in this turn: many lines share one write and one wake-up.
void KeeperServer::Impl::ask_for_audit() {
  if (progress->rung.exchange(false)) asked = false;
  if (held.empty() || asked) return;
  asked = true;
  held.back().receipt.ring_when_further([shared = progress] { shared->lines_are_recorded(); });
}

/// On a device's thread, or on the channel's own.
void KeeperServer::Impl::Progress::lines_are_recorded() {
  const std::lock_guard lock(mutex);
  if (server != nullptr && server->settle_asleep()) return;
  rung = true;
  bell.ring();
}

/// While the channel's thread sleeps, replies go out without it. False: it has to look itself.
bool KeeperServer::Impl::settle_asleep() noexcept {
  try {
    const bool sent = pool.send_asleep([this] {
      asked = false;
      settle_held();
      return held.empty();
    });
    if (sent) sent_asleep.fetch_add(1, std::memory_order_relaxed);
    return sent;
  } catch (const std::exception& error) {
    log::error("custody.reply.failed", {{"error", error.what()}});
    channel.shut_down();  // a reply is lost, and whoever waits for it should know
    return false;
  }
}

/// What is whole, as long as there is room for it.
Status KeeperServer::Impl::take_frames() {
  while (true) {
    starved = greeted && !may_read();
    if (starved) break;
    POSTERN_TRY(const std::optional<ByteView> body, in.next(greeted ? kMaxFrame : kMaxGreeting));
    if (!body) break;
    POSTERN_CHECK(greeted ? take_request(*body) : take_greeting(*body));
  }
  in.clear_read();  // no plaintext waits here for the next request
  return {};
}

/// Whether something came.
Result<bool> KeeperServer::Impl::read_some() {
  if (!may_read()) return false;
  const ByteSpan room = in.room();
  const Channel::Outcome outcome = channel.receive(room);
  ended = outcome.moved == Channel::Moved::Ended;
  if (outcome.moved != Channel::Moved::Some) return false;
  in.received(outcome.bytes);
  return true;
}

Status KeeperServer::Impl::write_out() {
  POSTERN_CHECK(pool.collect(out));
  settle_held();
  ask_for_audit();
  if (out.empty()) return {};
  ended = ended || out.flush(channel) == Channel::Moved::Ended;
  pool.set_unsent(out.bytes());
  return {};
}

void KeeperServer::Impl::rest() {
  const short reads = may_read() ? POLLIN : 0;
  const short writes = out.empty() ? 0 : POLLOUT;
  if (starved && reads != 0) return;  // room came meanwhile, and whole frames wait for it
  // Devices that hang know their deadline themselves; it is looked at now and then.
  const SteadyTime until = held.empty() ? SteadyTime::max() : std::chrono::steady_clock::now() + kLookAtHeld;
  if (!pool.may_sleep(reads != 0 ? &out : nullptr)) return;  // from here on what is held belongs to whoever has the outbox
  std::array<pollfd, 2> on{{{channel.fd(), static_cast<short>(reads | writes), 0}, {bell.fd(), POLLIN, 0}}};
  const SteadyTime asleep = std::chrono::steady_clock::now();
  wait(on, greeted ? until : greet_until);
  rested = std::chrono::steady_clock::now() - asleep >= kPause;
  pool.take_back();
  if (on[1].revents != 0) bell.clear();
  // Without interest in reading, a gate that went away shows only like this.
  if (reads == 0 && (on[0].revents & (POLLHUP | POLLERR)) != 0) ended = true;
}

Status KeeperServer::Impl::serve() {
  greet_until = std::chrono::steady_clock::now() + options.greeting;
  SteadyTime spin_until = SteadyTime::min();
  bool spinning = false;
  while (!stopping && !ended) {
    // Frames that found no room earlier may find it now.
    POSTERN_CHECK(take_frames());
    POSTERN_TRY(const bool came, read_some());
    if (came) {
      if (std::exchange(spinning, false)) spin.was_worth_it(true);
      POSTERN_CHECK(take_frames());
    }
    POSTERN_CHECK(write_out());
    rested = false;
    POSTERN_CHECK(run_own());
    const auto now = std::chrono::steady_clock::now();
    if (!greeted && now >= greet_until) return fail(ErrorCode::Timeout, "the other side did not greet");
    if (came) {
      spinning = spin.worth_it();
      spin_until = now + spin.longest();
      continue;
    }
    if (ended || (starved && may_read()) || (spinning && now < spin_until)) continue;
    if (std::exchange(spinning, false)) spin.was_worth_it(false);
    rest();
  }
  return {};
}

KeeperServer::KeeperServer(Channel channel, ServerParts parts, ServerOptions options)
    : m_impl(std::make_unique<Impl>(std::move(channel), std::move(parts), options)) {}
KeeperServer::~KeeperServer() = default;

Status KeeperServer::run() {
  Impl& impl = *m_impl;
  log::info("custody.channel.open", {{"role", name_of(impl.role)}});
  Status status;
  try {
    status = impl.serve();
  } catch (const std::exception& error) {
    status = fail(ErrorCode::Exhausted, error.what());
  }
  impl.pool.stop();
  impl.channel.shut_down();
  if (status) {
    log::info("custody.channel.closed", {{"role", name_of(impl.role)}});
  } else {
    log::warn("custody.channel.refused", {{"role", name_of(impl.role)}, {"error", status.error()}});
  }
  return status;
}

void KeeperServer::stop() noexcept {
  m_impl->stopping = true;
  m_impl->bell.ring();
}

ServerCounts KeeperServer::counts() const noexcept {
  return {m_impl->quick, m_impl->pooled, m_impl->pool.expired(), m_impl->made_alone, m_impl->sent_asleep};
}

}  // namespace postern::custody
