#include "mhs/p1_receiver.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "io/sync.hpp"
#include "mhs/acceptance.hpp"
#include "mhs/kept_transfer.hpp"

namespace postern::mhs {
namespace {

/// A peer that keeps an association open without using it.
constexpr auto kIdle = std::chrono::minutes(30);
/// Of a peer that we gave the turn: until something comes.
constexpr auto kTurnOfPeer = std::chrono::minutes(5);
/// The same: until we ask for it back.
constexpr auto kQuietTurn = std::chrono::seconds(60);
/// From asking for the turn to having it; then what waits goes another way.
constexpr auto kTurn = std::chrono::seconds(60);
/// APDUs that we send before the peer may have the turn back.
constexpr std::size_t kOfOneTurn = 32;
/// How urgently we want our own turn back, as for a normal message; 0 is left to a release.
const int kOwnTurn = 1 + mts::rank_of(mts::Priority::Normal);
/// Octets of an APDU that are taken on the loop itself; above, the disk may be asked, which is a worker's business.
constexpr std::uint64_t kInline = 64U * 1024;

/// Until an association that its peer has left, and that we end, is over.
constexpr auto kEnding = std::chrono::seconds(5);

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

class P1Receiver {
 public:
  P1Receiver(P1Parts& parts, Wire& wire, TransferMode mode) : m_parts(parts), m_wire(wire), m_mode(mode), m_road(road_of(wire.stream())) {}
  /// Of an association that is open.
  P1Receiver(P1Parts& parts, Wire& wire, const Peer& peer, P1Sender::Connection connection) : P1Receiver(parts, wire, peer.mode) {
    m_peer = &peer;
    m_connection = std::move(connection);
    enter_list();
  }
  ~P1Receiver() { stay_away(); }
  P1Receiver(const P1Receiver&) = delete;
  P1Receiver& operator=(const P1Receiver&) = delete;

  io::Task<void> run(osi::AssociationRequested requested) {
    const bool admitted = co_await bind(std::move(requested));
    co_await m_wire.flush();
    if (admitted) ++m_parts.stats.associations;
    if (admitted && requested.dialogue == osi::DialogueMode::TwoWayAlternate) begin_alternate();
    for (;;) {
      const bool idle = !m_open.in;
      const auto wake = !idle ? io::WakeOn::Data : m_visit ? io::WakeOn::Anything : io::WakeOn::DataOrDrain;
      auto event = co_await m_wire.next(m_asked ? *m_asked : io::deadline_in(kIdle), wake);
      if (!event && event.error().field == "call") {
        co_await ask_for_turn();
        continue;
      }
      if (!event && m_asked && event.error().code == ErrorCode::Timeout) {
        stay_away();
        continue;
      }
      if (!event) {
        const bool ours = event.error().code == ErrorCode::Timeout || event.error().field == "drain";
        if (ours) co_await m_wire.abort(osi::RtseAbortReason::TemporaryProblem, "this side closes");
        give_up(std::exchange(m_open, {}));
        co_return;
      }
      co_await handle(*std::move(event));
      if (m_wire.over()) co_return;
    }
  }

 private:
  // ---- two-way alternate: this side sends, too
  void begin_alternate() {
    if (m_parts.desk == nullptr || !m_peer->alternate) return;
    const Status may = may_send_back(*m_peer, m_road, m_mode);
    if (may)
      m_visit = m_parts.desk->open(*m_peer, m_wire.stream().control());
    else
      log::warn("x400.stays_monologue", {{"peer", m_peer->name}, {"reason", may.error()}});
  }
  /// X.218 8.5: the lower number is the more urgent; 0 is left to a release.
  io::Task<void> ask_for_turn() {
    if (m_asked || !m_visit) co_return;
    if (!m_next) m_next = co_await m_parts.desk->next(*m_peer);
    if (!m_next) co_return;
    const auto* message = std::get_if<mts::Message>(&m_next->apdu().value);
    const int priority = 1 + mts::rank_of(message != nullptr ? message->envelope.priority : mts::Priority::Normal);
    if (m_wire->please_turn(priority)) m_asked = io::deadline_in(kTurn);
  }
  io::Task<void> use_turn() {
    P1Sender sender(m_parts.mta, m_parts.workers, *m_peer, m_wire, m_connection);
    m_asked.reset();
    for (std::size_t sent = 0; m_visit && sent < kOfOneTurn && !m_wire.over() && m_wire->open(); ++sent) {
      if (!m_next) m_next = co_await m_parts.desk->next(*m_peer);
      if (!m_next) break;
      Outgoing item = *std::move(m_next);
      m_next.reset();
      co_await m_parts.desk->send(*m_peer, std::move(item), sender);
      if (sender.take_turn_asked()) break;
    }
    if (m_wire.over() || !m_wire->give_turn()) co_return;
    co_await ask_for_turn();
  }
  /// What was to be sent goes another way.
  void stay_away() noexcept {
    if (m_next) m_parts.desk->give_back(*m_next);
    m_next.reset();
    m_asked.reset();
    m_visit.reset();
  }

 public:
  /// Once it is asked for (X.218 8.6): when something waits for it, or the peer does nothing with it.
  io::Task<void> until_turn_is_back() {
    bool asked = false;
    for (;;) {
      const auto patience = asked ? io::deadline_in(kTurnOfPeer) : io::deadline_in(kQuietTurn);
      auto event = co_await m_wire.next(patience, asked ? io::WakeOn::Data : io::WakeOn::Anything);
      if (!event) {
        if (!asked && wants_turn_back(event.error()) && m_wire->please_turn(kOwnTurn)) {
          asked = true;
          continue;
        }
        co_await m_wire.abort(osi::RtseAbortReason::TemporaryProblem, "the peer does not use its turn");
        give_up(std::exchange(m_open, {}));
        co_return;
      }
      if (std::holds_alternative<osi::RtTurnGiven>(*event)) co_return;
      co_await handle(*std::move(event));
      if (m_wire.over()) co_return;
    }
  }

 private:
  static bool wants_turn_back(const Error& woken) { return woken.field == "call" || woken.code == ErrorCode::Timeout; }

  void enter_list() {
    if (m_connection) m_on_list = m_parts.open.enter(m_peer->name, *m_connection, m_wire.stream().control());
  }

  // ---- bind
  io::Task<bool> bind(osi::AssociationRequested requested) {
    const auto refusal = co_await try_bind(requested);
    if (!refusal) co_return true;
    ++m_parts.stats.binds_refused;
    if (!refusal->peer.empty()) m_parts.refused.refused(refusal->peer, refusal->why + " (" + m_road.address + ")");
    log::warn("x400.bind_refused", {{"peer", m_road.address}, {"reason", refusal->why}});
    osi::AssociationRefusal answer;
    answer.rtse_reason = refusal->error == mts::BindError::Busy ? osi::RtseRefuseReason::Busy : osi::RtseRefuseReason::ValidationFailure;
    answer.user_data = bind_error(refusal->error, m_mode);
    static_cast<void>(m_wire->refuse(std::move(answer)));
    co_return false;
  }
  io::Task<std::optional<BindRefusal>> try_bind(const osi::AssociationRequested& requested) {
    const auto* open = std::get_if<asn1::Any>(&requested.data.value);
    if (open == nullptr) co_return BindRefusal{mts::BindError::AuthenticationError, "recovery of a session connection without a bind"};
    const auto argument = read_bind_argument(*open);
    if (!argument) co_return BindRefusal{mts::BindError::AuthenticationError, "no bind of P1: " + argument.error().text()};
    auto answer = co_await judge(*argument);
    if (!answer) co_return answer.error();
    m_connection = requested.connection;
    enter_list();
    osi::AssociationAccept accept;
    accept.data.value = *std::move(answer);
    if (const Status accepted = m_wire->accept(std::move(accept)); !accepted)
      co_return BindRefusal{mts::BindError::Busy, accepted.error().text()};
    m_parts.refused.admitted(m_peer->name);
    log::info("x400.bound", {{"peer", m_peer->name},
                             {"address", m_road.address},
                             {"mode", name_of(m_mode)},
                             {"tls", m_road.tls ? "yes" : "no"},
                             {"credentials", m_peer->strong ? "strong" : "simple"}});
    co_return std::nullopt;
  }
  /// The bind result for a peer that is admitted (m_peer from then on).
  using Answer = tl::expected<asn1::Any, BindRefusal>;
  io::Task<Answer> judge(const mts::Bound<mts::MTABindArgument>& argument) {
    if (!shows_strong(argument.value)) co_return answer_to(argument);
    auto answer = co_await m_parts.workers.run([this, &argument] { return answer_to(argument); });
    if (!answer) co_return tl::unexpected(BindRefusal{mts::BindError::Busy, answer.error().text()});
    co_return *std::move(answer);
  }
  Answer answer_to(const mts::Bound<mts::MTABindArgument>& argument) {
    if (auto refusal = authenticate(argument.value)) return tl::unexpected(*std::move(refusal));
    auto result = bind_result(m_parts.mta, *m_peer, m_mode, argument);
    if (!result) return tl::unexpected(BindRefusal{mts::BindError::Busy, result.error().text(), m_peer->name});
    return *std::move(result);
  }
  BindRefusal locked(BindRefusal refusal, const mts::AuthenticatedArgument* named) const {
    const auto& peers = m_parts.mta.peers;
    const auto meant = [&](const Peer& peer) { return named != nullptr && peer.mta_name == named->name; };
    if (const auto found = std::ranges::find_if(peers, meant); found != peers.end()) refusal.peer = found->name;
    return refusal;
  }
  std::optional<BindRefusal> authenticate(const mts::MTABindArgument& argument) {
    if (shows_strong(argument)) return settle(admit(m_parts.mta, argument, m_road));  // nothing there that could be guessed
    const auto* named = std::get_if<mts::AuthenticatedArgument>(&argument.value);
    auto attempt = m_parts.guesses.begin(named != nullptr ? std::string_view(named->name.octets) : std::string_view(), m_road);
    if (!attempt) return locked(attempt.error(), named);
    const auto peer = admit(m_parts.mta, argument, m_road);
    mhs::settle(*std::move(attempt), peer ? nullptr : &peer.error());
    return settle(peer);
  }
  std::optional<BindRefusal> settle(const tl::expected<const Peer*, BindRefusal>& peer) {
    if (!peer) return peer.error();
    m_peer = *peer;
    return std::nullopt;
  }

  // ---- events
  io::Task<void> handle(osi::AssociationEvent event) {
    if (auto* octets = std::get_if<osi::RtTransferOctets>(&event)) co_return co_await take(std::move(octets->octets));
    if (auto* checkpoint = std::get_if<osi::RtTransferCheckpoint>(&event)) co_return co_await keep(std::move(checkpoint->point));
    if (auto* asked = std::get_if<osi::RtResumeRequested>(&event)) co_return co_await resume(std::move(*asked));
    if (std::holds_alternative<osi::RtTransferEnd>(event)) co_return co_await commit();
    if (std::holds_alternative<osi::RtTurnGiven>(event)) co_return co_await use_turn();
    std::visit(Overloaded{
                   [&](osi::RtTransferBegin& begin) { start(std::move(begin.activity)); },
                   [&](osi::RtTransferStopped& stopped) { stop(stopped); },
                   [&](osi::RtTurnPleased&) { static_cast<void>(m_wire->give_turn()); },
                   [&](osi::ReleaseRequested&) { static_cast<void>(m_wire->answer_release()); },
                   [&](osi::AssociationAborted& aborted) {
                     log::info("x400.association_aborted",
                               {{"peer", peer_text()}, {"by", osi::name_of(aborted.origin)}, {"reason", aborted.text}});
                   },
                   [](auto&) {},
               },
               event);
  }
  std::string peer_text() const { return m_peer != nullptr ? m_peer->name : m_road.address; }

  void start(Bytes activity) {
    m_activity = std::move(activity);
    m_refused = false;
    m_again = 0;
    auto fates = std::make_shared<std::vector<Fate>>();
    // It may be called for another association, where the transfer goes on.
    auto seen = [&parts = m_parts, peer = m_peer, fates](mts::MessageTransferEnvelope& envelope) -> Status {
      POSTERN_TRY(*fates, parts.rules.arrive(envelope, arrival_of(parts, *peer)));
      return {};
    };
    m_open = {};
    m_open.fates = fates;
    m_open.in =
        std::make_unique<TransferIn>(options(), m_parts.staging, make_message_id(m_parts.clock.now(), m_parts.random), std::move(seen));
    m_octets = 0;
  }
  TransferInOptions options() const {
    TransferInOptions out;
    out.limits.content = m_parts.mta.content_limit;
    return out;
  }
  static Arrival arrival_of(const P1Parts& parts, const Peer& peer) {
    return {arrival_from(parts.mta, peer), mts::Time::at(unix_seconds(parts.clock.now()))};
  }
  Arrival arrival() const { return arrival_of(m_parts, *m_peer); }

  io::Task<void> take(Bytes octets) {
    if (m_refused || !m_open.in) co_return;
    if (m_again > 0) {  // taken before the cut
      const auto known = static_cast<std::size_t>(std::min<std::uint64_t>(m_again, octets.size()));
      octets.erase(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(known));
      m_again -= known;
    }
    m_octets += octets.size();
    Status taken;
    if (m_octets <= kInline) {
      taken = m_open.in->append(octets);
    } else {
      auto job = [in = m_open.in.get(), bytes = std::move(octets)] { return done(in->append(bytes)); };
      const auto ran = co_await m_parts.workers.run(std::move(job));
      if (!ran) taken = fail(ran.error());
    }
    if (!taken) refuse(taken.error());
  }
  /// Workers answer with values.
  static Result<bool> done(const Status& status) {
    POSTERN_CHECK(status);
    return true;
  }

  io::Task<void> keep(osi::ResumePoint point) {
    if (m_refused || !m_open.in) co_return;
    const osi::SerialNumber serial = point.serial;
    m_open.add(std::move(point));
    const bool kept = co_await keep_points();
    if (kept) static_cast<void>(m_wire->confirm_checkpoint(serial));
  }
  /// Where the peer may go on, and everything up to there, outlives this process.
  io::Task<bool> keep_points() {
    auto job = [open = &m_open, peer = m_peer->name] { return done(mhs::keep(*open, peer)); };
    const auto kept = co_await m_parts.workers.run(std::move(job));
    if (!kept) refuse(kept.error());
    co_return kept.has_value();
  }

  io::Task<void> commit() {
    if (m_refused || !m_open.in) co_return;
    auto whole = co_await finish();
    m_parts.stats.octets += m_octets;
    const Status accepted = whole ? co_await accept(*std::move(whole)) : Status(fail(whole.error()));
    if (!accepted) co_return refuse(accepted.error());
    m_open = {};
    m_parts.interrupted.note_completed(m_peer->name, m_activity, m_connection);
    static_cast<void>(m_wire->confirm_end());
  }
  io::Task<Result<Incoming>> finish() {
    if (m_octets <= kInline) co_return m_open.in->finish();
    auto job = [in = m_open.in.get()] { return in->finish(); };
    co_return co_await m_parts.workers.run(std::move(job));
  }

  // ---- acceptance
  io::Task<Status> accept(Incoming incoming) {
    note_quirks(incoming);
    POSTERN_CO_TRY(const std::vector<Fate> fates, decide(incoming.apdu));
    const MessageId id = incoming.id;
    const bool staged = incoming.staged != nullptr;
    if (fates.empty()) {  // said in the log; nothing of it is ours to do
      incoming.staged.reset();
      if (staged) forget(id);
      co_return Status();
    }
    auto& count = std::holds_alternative<mts::Message>(incoming.apdu.value) ? m_parts.stats.messages
                  : std::holds_alternative<mts::Probe>(incoming.apdu.value) ? m_parts.stats.probes
                                                                            : m_parts.stats.reports;
    const Origin origin{"x400:peer:" + m_peer->name, CorrelationId(incoming.id.get()), road_text()};
    POSTERN_CO_TRY(Submission submission, submission_of(std::move(incoming), fates, origin, m_parts.clock.now()));
    const Status queued = co_await enqueue(std::move(submission));
    if (queued) ++count;
    if (queued || queued.error().field != kDuplicateField) co_return queued;
    if (staged) forget(id);
    ++m_parts.stats.duplicates;
    log::info("x400.duplicate", {{"peer", m_peer->name}});
    co_return Status();
  }
  Result<std::vector<Fate>> decide(mts::MTSApdu& apdu) {
    if (std::holds_alternative<mts::Message>(apdu.value)) {
      if (m_open.fates->empty()) log::warn("x400.nobody_to_serve", {{"peer", m_peer->name}});
      return *m_open.fates;
    }
    if (auto* probe = std::get_if<mts::Probe>(&apdu.value)) return m_parts.rules.arrive(*probe, arrival());
    std::string why;
    POSTERN_TRY(const auto fate, m_parts.rules.arrive(std::get<mts::Report>(apdu.value), arrival(), why));
    if (fate) return std::vector<Fate>{*fate};
    log::warn("x400.report_ends", {{"peer", m_peer->name}, {"reason", why}});
    return std::vector<Fate>{};
  }
  io::Task<Status> enqueue(Submission submission) {
    io::OneShot<Status> answer(co_await io::this_executor());
    m_parts.spool.enqueue(std::move(submission), answer.setter());
    co_return co_await answer.wait();
  }
  std::string road_text() const { return (m_road.tls ? m_wire.stream().info().version + ", " : "plain, ") + m_road.address; }
  void note_quirks(const Incoming& incoming) {
    if (incoming.quirks.empty()) return;
    m_parts.stats.quirks += incoming.quirks.size();
    const asn1::Quirk& first = incoming.quirks.front();
    log::info("x400.quirks",
              {{"peer", m_peer->name}, {"count", incoming.quirks.size()}, {"first", printable(first.path + ": " + first.what)}});
  }

  // ---- what does not go well
  /// X.228 7.7.4: the sender interrupts or discards, by the reason.
  void refuse(const Error& error) {
    const bool theirs = error.code == ErrorCode::BadInput || error.code == ErrorCode::TooLarge;
    ++m_parts.stats.refused;
    m_refused = true;
    log::warn("x400.transfer_refused", {{"peer", m_peer->name}, {"reason", error}});
    give_up(std::exchange(m_open, {}));
    const auto reason = theirs ? osi::ExceptionReason::UnrecoverableProceduralError : osi::ExceptionReason::ReceivingAbilityJeopardized;
    if (!m_wire->refuse_transfer(reason)) m_wire->abort(osi::RtseAbortReason::TemporaryProblem, "the transfer cannot be taken");
  }
  void stop(const osi::RtTransferStopped& stopped) {
    OpenTransfer open = std::exchange(m_open, {});
    const bool resumable = open.in && stopped.how != osi::RtFailure::Discarded && !open.points.empty() && open.in->back_to_checkpoint();
    if (resumable) open.octets = open.in->safe_octets();
    log::info("x400.transfer_stopped", {{"peer", m_peer->name}, {"resumable", resumable ? "yes" : "no"}});
    if (resumable)
      put_aside(std::move(open));
    else
      give_up(std::move(open));
  }
  void put_aside(OpenTransfer open) {
    std::vector<OpenTransfer> dropped;
    m_parts.interrupted.put(m_peer->name, std::move(open), m_parts.clock.steady(), dropped);
    for (OpenTransfer& each : dropped) give_up(std::move(each));
  }
  void give_up(OpenTransfer open) { mhs::give_up(std::move(open), m_parts.staging, m_parts.workers); }
  /// What was staged and is not wanted. On a worker: it is on disk.
  void forget(const MessageId& id) {
    const auto job = [id, &staging = m_parts.staging] {
      if (const auto forgotten = staging.forget(id); !forgotten) log::warn("x400.staged_left", {{"error", forgotten.error()}});
    };
    if (!m_parts.workers.try_post(job)) log::info("x400.staged_left", {{"reason", "the workers are busy; it goes when it is old"}});
  }
  io::Task<void> resume(osi::RtResumeRequested asked) {
    const auto take = [&] { return m_parts.interrupted.take(m_peer->name, asked, m_connection, m_parts.clock.steady()); };
    auto found = take();
    bool completed = !found && m_parts.interrupted.was_completed(m_peer->name, asked);
    if (!found && !completed) {
      co_await end_left_association(asked);
      found = take();
      completed = !found && m_parts.interrupted.was_completed(m_peer->name, asked);
    }
    if (!found) {
      static_cast<void>(m_wire->refuse_resume(completed ? osi::ResumeRefusal::Completed : osi::ResumeRefusal::Unrecognized));
      co_return;
    }
    osi::ResumePoint point = std::move(found->point);
    if (!found->transfer.in) {
      const Status awake = co_await wake_up(found->transfer, point);
      if (!awake) co_return still_asleep(std::move(found->transfer), awake.error());
    }
    if (!m_wire->accept_resume(point)) co_return give_up(std::move(found->transfer));
    ++m_parts.stats.resumed;
    log::info("x400.transfer_resumed", {{"peer", m_peer->name}, {"octets", point.octets}, {"again", found->again}});
    m_open = std::move(found->transfer);
    m_activity = asked.activity;
    m_octets = point.octets + found->again;
    m_again = found->again;
    m_refused = false;
    // It may be cut again before its next checkpoint: then this one is meant by its new name, or still by the old one.
    point.activity = std::move(asked.activity);
    point.connection = m_connection;
    m_open.add(std::move(point));
    co_await keep_points();
  }
  /// The one that the peer has left, if its end has not shown here: what it held is put aside, or in the spool, when this returns.
  io::Task<void> end_left_association(const osi::RtResumeRequested& asked) {
    if (!asked.connection || asked.connection == m_connection) co_return;
    if (!m_parts.open.end(m_peer->name, *asked.connection)) co_return;
    log::info("x400.association_left", {{"peer", m_peer->name}});
    const SteadyTime until = io::deadline_in(kEnding);
    while (m_parts.open.holds(m_peer->name, *asked.connection) && std::chrono::steady_clock::now() < until)
      co_await io::sleep_for(std::chrono::milliseconds(2));
  }
  /// One that an earlier process left. `point` gets what only the sealed part of it knows.
  io::Task<Status> wake_up(OpenTransfer& transfer, osi::ResumePoint& point) {
    auto job = [open = &transfer, with = options(), &staging = m_parts.staging] { return done(wake(*open, with, staging)); };
    const auto woken = co_await m_parts.workers.run(std::move(job));
    if (!woken) co_return fail(woken.error());
    const auto same = [&](const osi::ResumePoint& each) {
      return each.serial == point.serial && each.activity == point.activity && each.connection == point.connection;
    };
    if (const auto whole = std::ranges::find_if(transfer.points, same); whole != transfer.points.end()) point = *whole;
    co_return Status();
  }
  /// What may pass is no reason to lose what is here: the peer asks again.
  void still_asleep(OpenTransfer transfer, const Error& why) {
    log::warn("x400.resume_failed", {{"peer", m_peer->name}, {"reason", why}});
    ++m_parts.stats.refused;
    if (why.code == ErrorCode::Unavailable || why.code == ErrorCode::Exhausted) {
      put_aside(std::move(transfer));
      return m_wire->abort(osi::RtseAbortReason::TemporaryProblem, "the transfer cannot go on now");
    }
    static_cast<void>(m_wire->refuse_resume(osi::ResumeRefusal::Unrecognized));
    give_up(std::move(transfer));
  }

  P1Parts& m_parts;
  Wire& m_wire;
  const TransferMode m_mode;
  const Road m_road;
  const Peer* m_peer = nullptr;
  std::optional<osi::SessionConnectionIdentifier> m_connection;
  OpenAssociations::Token m_on_list;
  OpenTransfer m_open;
  Bytes m_activity;
  std::uint64_t m_octets = 0;
  std::uint64_t m_again = 0;  ///< Octets of a resumed transfer that are here already.
  bool m_refused = false;     ///< What still comes of this transfer is void.
  // Two-way alternate: while m_visit lives what waits for the peer is ours to send.
  std::shared_ptr<void> m_visit;
  std::optional<Outgoing> m_next;     ///< Waits for the turn.
  std::optional<SteadyTime> m_asked;  ///< The turn was asked for; until when it should be here.
};

}  // namespace

void give_up(OpenTransfer open, StagingArea& staging, io::WorkerPool& workers) {
  if (!open.in && open.asleep.get().empty()) return;
  const auto shared = std::make_shared<OpenTransfer>(std::move(open));
  const auto job = [shared, &staging] {
    const MessageId id = shared->in ? shared->in->id() : shared->asleep;
    shared->in.reset();
    if (const auto forgotten = staging.forget(id); !forgotten) log::warn("x400.staged_left", {{"error", forgotten.error()}});
  };
  if (!workers.try_post(job)) log::info("x400.staged_left", {{"reason", "the workers are busy; it goes when it is old"}});
}

io::Task<void> receive_p1(P1Parts& parts, Wire& wire, osi::AssociationRequested requested, TransferMode mode) {
  P1Receiver receiver(parts, wire, mode);
  co_await receiver.run(std::move(requested));
}

io::Task<void> receive_until_turn(P1Parts& parts, Wire& wire, const Peer& peer, P1Sender::Connection connection) {
  P1Receiver receiver(parts, wire, peer, std::move(connection));
  co_await receiver.until_turn_is_back();
}

}  // namespace postern::mhs
