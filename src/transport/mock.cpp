#include "transport/mock.hpp"

#include <condition_variable>
#include <map>
#include <mutex>

#include "transport/mock_mts.hpp"

namespace postern::transport {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPollTime{30'000};
constexpr milliseconds kLook{1'000};  // the clock may be stepped while somebody waits
constexpr std::size_t kPiece = std::size_t{64} << 10;
constexpr std::size_t kMostContent = std::size_t{64} << 20;

class Mock final : public Transport {
 public:
  explicit Mock(const Clock& clock) : m_clock(clock), m_mts(kMockDomain) {}

  Result<sdk::Identity> identify(const CallOptions&) override {
    return sdk::Identity{"Postern", "mock", POSTERN_VERSION, "for trying out: in memory, nothing leaves this process"};
  }
  Result<sdk::Health> health(const CallOptions&) override;
  Result<sdk::Binding> bind(const sdk::Bind& request, const CallOptions&) override;
  Status unbind(const sdk::Unbind& request, const CallOptions&) override;
  Result<sdk::Submitted> submit(const sdk::Submit& request, ByteView content, const CallOptions&) override;
  Result<sdk::Submitted> probe(const sdk::Probe& request, const CallOptions&) override;
  Status cancel_deferred(const CancelDeferred& request, const CallOptions&) override;
  Result<sdk::EntryList> list(const sdk::List& request, const CallOptions&) override;
  Result<sdk::Summary> summarize(const sdk::Summarize& request, const CallOptions&) override;
  Result<sdk::Fetched> fetch(const sdk::Fetch& request, const sdk::PieceSink& sink, const CallOptions&) override;
  Status remove(const sdk::Delete& request, const CallOptions&) override;
  Status register_user(const sdk::Register& request, const CallOptions&) override;
  Result<sdk::Event> poll(const sdk::Poll& request, const CallOptions& options) override;

 private:
  struct Bound {
    MockName user;
    MockMailbox* box = nullptr;  ///< Mailboxes stay where they are.
    std::uint64_t seen = 0;      ///< Events told of up to here.
  };
  // With m_mutex held.
  [[nodiscard]] Result<Bound*> bound(const sdk::Association& association);
  void deliver_due();

  const Clock& m_clock;
  std::mutex m_mutex;
  std::condition_variable m_changed;
  MockMts m_mts;
  std::map<std::uint64_t, Bound> m_bound;
  std::uint64_t m_last = 0;
};

Result<Mock::Bound*> Mock::bound(const sdk::Association& association) {
  deliver_due();
  const auto found = m_bound.find(association.handle);
  if (found == m_bound.end())
    return fail(ErrorCode::Unavailable, "there is no such association, or it has ended; bind again", "association");
  return &found->second;
}

void Mock::deliver_due() {
  if (m_mts.deliver_due(m_clock.now())) m_changed.notify_all();
}

Result<sdk::Health> Mock::health(const CallOptions&) {
  const std::lock_guard lock(m_mutex);
  return sdk::Health{sdk::HealthState::Good, "ready; a mock, for trying out", static_cast<std::uint32_t>(m_bound.size())};
}

Result<sdk::Binding> Mock::bind(const sdk::Bind& request, const CallOptions&) {
  if (request.role == sdk::Role::P1Mta)
    return fail(ErrorCode::Unsupported, "the mock binds users of P3 and P7 only; set transport.mode to native or sdk for P1", "role");
  const std::lock_guard lock(m_mutex);
  deliver_due();
  POSTERN_TRY(MockName user, m_mts.name_of(request.name, "name"));
  if (m_bound.size() >= kMostMockAssociations)
    return fail(ErrorCode::Exhausted, std::to_string(kMostMockAssociations) + " associations are open; unbind one");
  POSTERN_TRY(MockMailbox* const box, m_mts.mailbox(user));
  const std::uint64_t handle = ++m_last;
  m_bound.emplace(handle, Bound{std::move(user), box, box->last_sequence()});
  return sdk::Binding{{0, handle}, m_mts.domain(), box->count_new()};
}

Status Mock::unbind(const sdk::Unbind& request, const CallOptions&) {
  const std::lock_guard lock(m_mutex);
  POSTERN_CHECK(bound(request.association));
  m_bound.erase(request.association.handle);
  m_changed.notify_all();
  return {};
}

Result<sdk::Submitted> Mock::submit(const sdk::Submit& request, ByteView content, const CallOptions&) {
  if (content.size() > kMostContent)
    return fail(ErrorCode::TooLarge, "has more than " + std::to_string(kMostContent) + " octets", "content");
  const std::lock_guard lock(m_mutex);
  POSTERN_TRY(const Bound* const from, bound(request.association));
  auto out = m_mts.submit(from->user, request.submission, content, m_clock.now());
  m_changed.notify_all();
  return out;
}

Result<sdk::Submitted> Mock::probe(const sdk::Probe& request, const CallOptions&) {
  const std::lock_guard lock(m_mutex);
  POSTERN_TRY(const Bound* const from, bound(request.association));
  auto out = m_mts.probe(from->user, request.submission, m_clock.now());
  m_changed.notify_all();
  return out;
}

Status Mock::cancel_deferred(const CancelDeferred& request, const CallOptions&) {
  const std::lock_guard lock(m_mutex);
  POSTERN_TRY(const Bound* const who, bound(request.association));
  return m_mts.cancel(who->user, request.mts_identifier);
}

Result<sdk::EntryList> Mock::list(const sdk::List& request, const CallOptions&) {
  const std::lock_guard lock(m_mutex);
  POSTERN_TRY(const Bound* const who, bound(request.association));
  return who->box->list(request);
}

Result<sdk::Summary> Mock::summarize(const sdk::Summarize& request, const CallOptions&) {
  const std::lock_guard lock(m_mutex);
  POSTERN_TRY(const Bound* const who, bound(request.association));
  return who->box->summarize(request.filter);
}

Status give(ByteView content, const sdk::PieceSink& sink) {
  for (ByteView rest = content; !rest.empty();) {
    const ByteView piece = rest.first(std::min(rest.size(), kPiece));
    if (!sink || !sink(piece)) return fail(ErrorCode::Conflict, "no more of the content was wanted");
    rest = rest.subspan(piece.size());
  }
  return {};
}

/// The content is handed out without the lock: its taker may do anything, and takes his time.
Result<sdk::Fetched> Mock::fetch(const sdk::Fetch& request, const sdk::PieceSink& sink, const CallOptions&) {
  std::unique_lock lock(m_mutex);
  const auto missing = [&] { return fail(ErrorCode::NotFound, "there is no entry " + std::to_string(request.sequence), "sequence"); };
  POSTERN_TRY(const Bound* who, bound(request.association));
  const MockEntry* const found = who->box->find(request.sequence);
  if (found == nullptr) return missing();
  sdk::Fetched out{shown(found->entry, request.wanted), found->report, 0};
  if (const auto content = request.content ? found->content : nullptr) {
    lock.unlock();
    POSTERN_CHECK(give(*content, sink));
    out.content_size = content->size();
    lock.lock();
    POSTERN_TRY(who, bound(request.association));
  }
  MockEntry* const still = who->box->find(request.sequence);
  if (still != nullptr) still->entry.status = sdk::EntryStatus::Processed;
  return out;
}

Status Mock::remove(const sdk::Delete& request, const CallOptions&) {
  const std::lock_guard lock(m_mutex);
  POSTERN_TRY(const Bound* const who, bound(request.association));
  return who->box->remove(request.sequences);
}

Status Mock::register_user(const sdk::Register& request, const CallOptions&) {
  const std::lock_guard lock(m_mutex);
  POSTERN_CHECK(bound(request.association));
  return fail(ErrorCode::Unsupported, "the mock keeps no auto-actions, defaults or passwords; set transport.mode to native or sdk");
}

sdk::Event event_of(const MockEntry& entry) {
  const bool is_report = entry.report.has_value();
  return {is_report ? sdk::EventKind::Reported : sdk::EventKind::Message, entry.entry.sequence, entry.report, {}};
}

Result<sdk::Event> Mock::poll(const sdk::Poll& request, const CallOptions& options) {
  const SteadyTime deadline = m_clock.steady() + options.timeout.value_or(kPollTime);
  std::unique_lock lock(m_mutex);
  for (;;) {
    POSTERN_TRY(Bound* const who, bound(request.association));
    if (const MockEntry* const next = who->box->next_event(who->seen)) {
      who->seen = next->entry.sequence;
      return event_of(*next);
    }
    const auto left = std::chrono::ceil<milliseconds>(deadline - m_clock.steady());
    if (left <= milliseconds(0)) return sdk::Event{};
    const auto due = m_mts.next_due();
    const auto until_due = due ? std::max(milliseconds(1), *due - m_clock.now()) : kLook;
    m_changed.wait_for(lock, std::min({left, until_due, kLook}));
  }
}

}  // namespace

std::unique_ptr<Transport> make_mock(const Clock& clock) { return std::make_unique<Mock>(clock); }

}  // namespace postern::transport
