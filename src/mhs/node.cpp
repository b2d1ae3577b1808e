#include "mhs/node.hpp"

#include <algorithm>
#include <iterator>

#include "base/log.hpp"
#include "io/sync.hpp"
#include "mhs/acceptance.hpp"
#include "mhs/kept_transfer.hpp"
#include "mts/rules_extensions.hpp"

namespace postern::mhs {
namespace {

/// Transfers that were cut and may go on, of all peers together.
constexpr std::size_t kInterrupted = 64;
/// How long an APDU is remembered, so that a peer that missed our confirmation is not given two of it.
constexpr auto kSeen = std::chrono::hours(24 * 7);
/// Of an APDU beyond its content: envelope, report fields.
constexpr std::uint64_t kBesideContent = 33ULL * 1024 * 1024;

}  // namespace

struct Node::Impl {
  explicit Impl(NodeParts with)
      : parts(std::move(with)),
        rules(parts.mta, [mailboxes = &parts.mailboxes](const oraddress::ORAddress& address) { return mailboxes->route_to(address); }),
        own_guesses(parts.clock),
        refused(parts.clock),
        interrupted(kInterrupted, parts.interrupted) {}

  NodeParts parts;
  MtaRules rules;
  P1Stats received;
  PasswordGuesses own_guesses;
  RefusedBinds refused;
  std::unique_ptr<StagingArea> staging;
  InterruptedTransfers interrupted;  ///< Holds what is staged: goes first.
  OpenAssociations open;
  std::shared_ptr<std::atomic<bool>> stopped = std::make_shared<std::atomic<bool>>(false);
  std::optional<P1Parts> p1;
  std::optional<DoorParts> door;
  std::unique_ptr<X400Courier> courier;
  std::shared_ptr<UserDeliveries> deliveries;

  void assemble() {
    PasswordGuesses& guesses = parts.guesses != nullptr ? *parts.guesses : own_guesses;
    p1.emplace(P1Parts{parts.mta, rules, parts.spool, *staging, parts.workers, interrupted, open, received, guesses, refused, parts.random,
                       parts.clock});
    door.emplace(
        DoorParts{*p1, parts.services, parts.transport_selector, parts.transcript, parts.open, parts.budget, strangers_part(parts.budget)});
    courier = std::make_unique<X400Courier>(CourierParts{*p1, parts.mta, rules, parts.mailboxes, parts.store, *staging, parts.spool,
                                                         parts.loops, parts.workers, parts.resolver, parts.random, parts.clock,
                                                         parts.hostname, parts.transcript, parts.lifetimes, parts.schedule});
    p1->desk = &courier->desk();
    deliveries = std::make_shared<UserDeliveries>(
        UserDeliveries::Parts{parts.mailboxes, parts.spool, parts.loops, parts.workers, parts.clock, courier->outcomes(),
                              parts.budget ? delivery_octets(parts.budget->most()) : kDeliveryOctets});
  }
  /// What nobody resumed, what is too old, what was accepted long ago.
  static io::Task<void> keep_house(Impl* self, std::shared_ptr<std::atomic<bool>> stopped) {
    for (;;) {
      co_await io::sleep_for(self->parts.housekeeping);
      if (*stopped) co_return;
      for (OpenTransfer& old : self->interrupted.take_old(self->parts.clock.steady()))
        give_up(std::move(old), *self->staging, self->parts.workers);
      const auto job = [self]() -> Result<bool> {
        POSTERN_TRY(const std::size_t dropped, self->staging->drop_old());
        POSTERN_CHECK(self->forget_old());
        return dropped > 0;
      };
      const auto done = co_await self->parts.workers.run(job);
      if (!done) log::warn("x400.housekeeping", {{"error", done.error()}});
    }
  }
  Status forget_old() {
    const WallTime oldest = parts.clock.now() - kSeen;
    return parts.store.writer().transact([oldest](Database& database) { return forget_seen(database, oldest); });
  }
  /// What an earlier process took may be gone on with by peers that are still ours, within the bounds of interrupted transfers.
  Status take_over() {
    POSTERN_TRY(std::vector<KeptTransfer> left, kept(*staging));
    std::vector<OpenTransfer> dropped;
    for (KeptTransfer& each : left) {
      std::vector<OpenTransfer> displaced;
      if (parts.mta.peer_named(each.peer) != nullptr)
        interrupted.put(each.peer, std::move(each.transfer), parts.clock.steady(), displaced);
      else
        displaced.push_back(std::move(each.transfer));
      std::ranges::move(displaced, std::back_inserter(dropped));
    }
    for (const OpenTransfer& each : dropped) {
      POSTERN_TRY(const bool there, staging->forget(each.asleep));
      static_cast<void>(there);
    }
    if (left.size() > dropped.size()) log::info("x400.may_be_resumed", {{"transfers", left.size() - dropped.size()}});
    return {};
  }
  [[nodiscard]] mts::Submission identified() const {
    const WallTime now = parts.clock.now();
    mts::Submission out;
    out.identifier = new_identifier(parts.mta, parts.random, now);
    out.time = mts::Time::at(unix_seconds(now));
    out.here = here_of(parts.mta);
    return out;
  }
  [[nodiscard]] Arrival arrival() const { return {mts::ArrivalFrom::User, mts::Time::at(unix_seconds(parts.clock.now()))}; }

  io::Task<Status> queue(Incoming incoming, std::vector<Fate> fates, std::string actor, std::vector<CommitStep> steps = {}) {
    incoming.id = make_message_id(parts.clock.now(), parts.random);
    const Origin origin{std::move(actor), CorrelationId(incoming.id.get()), "submission"};
    POSTERN_CO_TRY(Submission submission, submission_of(std::move(incoming), fates, origin, parts.clock.now()));
    std::ranges::move(steps, std::back_inserter(submission.steps));
    io::OneShot<Status> answer(co_await io::this_executor());
    parts.spool.enqueue(std::move(submission), answer.setter());
    co_return co_await answer.wait();
  }
};

Node::Node(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Node::~Node() { stop(); }

Result<std::unique_ptr<Node>> Node::make(NodeParts parts) {
  parts.mta.limits.rtse.apdu = parts.mta.content_limit + kBesideContent;
  parts.staging.content_octets = parts.mta.content_limit + kBesideContent;
  auto impl = std::make_unique<Impl>(std::move(parts));
  POSTERN_TRY(impl->staging, StagingArea::open(impl->parts.staging, impl->parts.store, impl->parts.keeper, impl->parts.clock));
  POSTERN_CHECK(impl->take_over());
  POSTERN_CHECK(impl->forget_old());
  impl->assemble();
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}

void Node::start() {
  m_impl->deliveries->start();  // first: its routes are below those of the courier
  m_impl->courier->start();
  io::spawn(m_impl->parts.loops.at(0), Impl::keep_house(m_impl.get(), m_impl->stopped), "x400.housekeeping");
}
void Node::stop() {
  if (!m_impl) return;
  *m_impl->stopped = true;
  if (m_impl->courier) m_impl->courier->stop();
  if (m_impl->deliveries) m_impl->deliveries->stop();
}

io::Task<void> Node::serve(io::Stream stream) { return serve_association(*m_impl->door, std::move(stream)); }

io::Task<Result<mts::MessageSubmissionResult>> Node::submit(mts::MessageSubmissionEnvelope envelope, Bytes content, std::string actor,
                                                            std::vector<CommitStep> steps) {
  if (const auto critical = mts::critical_function(envelope, mts::understood_here))
    co_return fail(ErrorCode::Unsupported, "a critical extension is not supported here", "extensions");
  if (content.size() > m_impl->parts.mta.content_limit)
    co_return fail(ErrorCode::TooLarge, "more than " + std::to_string(m_impl->parts.mta.content_limit) + " octets", "content");
  const mts::Submission submission = m_impl->identified();
  Incoming incoming;
  auto& message = incoming.apdu.value.emplace<mts::Message>();
  POSTERN_CO_TRY(message.envelope, mts::to_transfer(envelope, submission));
  // to_transfer() has written the trace of our domain; routes and alternates are what is left to decide.
  POSTERN_CO_TRY(std::vector<Fate> fates, m_impl->rules.submitted(message.envelope, m_impl->arrival()));
  incoming.content = as_text(content);
  incoming.content_size = content.size();
  POSTERN_CO_CHECK(co_await m_impl->queue(std::move(incoming), std::move(fates), std::move(actor), std::move(steps)));
  co_return mts::submission_result(envelope, submission);
}

io::Task<Result<mts::ProbeSubmissionResult>> Node::submit_probe(mts::ProbeSubmissionEnvelope envelope, std::string actor) {
  if (const auto critical = mts::critical_function(envelope, mts::understood_here))
    co_return fail(ErrorCode::Unsupported, "a critical extension is not supported here", "extensions");
  const mts::Submission submission = m_impl->identified();
  Incoming incoming;
  auto& probe = incoming.apdu.value.emplace<mts::Probe>();
  POSTERN_CO_TRY(probe, mts::to_transfer(envelope, submission));
  POSTERN_CO_TRY(std::vector<Fate> fates, m_impl->rules.submitted(probe, m_impl->arrival()));
  POSTERN_CO_CHECK(co_await m_impl->queue(std::move(incoming), std::move(fates), std::move(actor)));
  co_return mts::submission_result(envelope, submission);
}

UserDeliveries& Node::deliveries() noexcept { return *m_impl->deliveries; }
const Mta& Node::mta() const noexcept { return m_impl->parts.mta; }
const P1Stats& Node::received() const noexcept { return m_impl->received; }
const CourierStats& Node::sent() const noexcept { return m_impl->courier->stats(); }
std::vector<PeerState> Node::peers() const {
  std::vector<PeerState> out = m_impl->courier->peers();
  for (PeerState& peer : out) peer.refused = m_impl->refused.text_for(peer.name);
  return out;
}

}  // namespace postern::mhs
