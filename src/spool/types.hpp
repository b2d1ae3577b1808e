// What goes into the spool, what comes out of it, and what can be seen of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "audit/record.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "store/content_store.hpp"
#include "store/mailbox.hpp"
#include "store/staging.hpp"

namespace postern {

/// Routes of the X.400 side begin with it; they have a courier of their own.
inline constexpr std::string_view kX400RoutePrefix = "x400:";
/// Below it: routes of users of X.400 who come for their mail themselves (P3).
inline constexpr std::string_view kX400UserRoutePrefix = "x400:user:";

/// One queued copy of a message: a content and the recipients who get it. The same number as its content.
using ItemId = ContentId;

enum class RecipientState : std::uint8_t {
  Queued = 0,       ///< Waiting for an attempt, or in one.
  Held = 1,         ///< Waits for an operator (release) or for what the reason says.
  Quarantined = 2,  ///< The stored content failed its integrity check: kept as evidence until removed. Released, it is checked again.
  Delivered = 3,    ///< The next hop took responsibility.
  Bounced = 4,      ///< Refused for good.
  Expired = 5,      ///< Given up after the schedule's end.
  Removed = 6,      ///< Deleted by an operator.
};
/// "queued", "held", "quarantined", "delivered", "bounced", "expired", "removed".
[[nodiscard]] std::string_view name_of(RecipientState state) noexcept;
[[nodiscard]] std::optional<RecipientState> recipient_state_from_name(std::string_view name) noexcept;
[[nodiscard]] constexpr bool is_finished(RecipientState state) noexcept { return state >= RecipientState::Delivered; }

/// RFC 3461 4.1 NOTIFY as bits; 0: not given.
inline constexpr std::uint8_t kNotifyNever = 1, kNotifySuccess = 2, kNotifyFailure = 4, kNotifyDelay = 8;
enum class DsnReturn : std::uint8_t { None = 0, Full = 1, Headers = 2 };                ///< RFC 3461 4.3 RET
enum class BodyType : std::uint8_t { SevenBit = 0, EightBitMime = 1, BinaryMime = 2 };  ///< RFC 6152, RFC 3030

/// Facts of the whole message.
struct Envelope {
  std::string reverse_path;  ///< Without angle brackets; empty for the null path.
  std::string envid;         ///< RFC 3461 4.4 ENVID as received (xtext); empty: none.
  DsnReturn ret = DsnReturn::None;
  BodyType body = BodyType::SevenBit;
  bool smtputf8 = false;    ///< RFC 6531
  bool requiretls = false;  ///< RFC 8689
  bool opened = false;      ///< A copy was decrypted here: what it says must not go back to whoever stands in the reverse path.
  CorrelationId correlation;
  WallTime accepted{};
  std::string facts = "{}";  ///< JSON object for the live page and the API: verdicts and the like. Not interpreted here.
};

struct QueuedRecipient {
  std::string address;  ///< Forward path without brackets.
  std::string route;    ///< The queue's grouping key, not interpreted here: one per next hop ("smtp:relay:25", "mx:example.com").
  std::uint8_t notify = 0;
  std::string orcpt;                              ///< RFC 3461 4.2 as received; empty: none.
  RecipientState state = RecipientState::Queued;  ///< Queued or Held.
  std::string reason;                             ///< For Held: one sentence for operators.
};

/// The content of a copy that is written to the disk while its end is still being made (Variant::late). Any thread.
class LateContent {
 public:
  void set(std::shared_ptr<const std::string> content) {
    const std::lock_guard lock(m_mutex);
    m_content = std::move(content);
  }
  /// Null: it is not there, or not in memory.
  [[nodiscard]] std::shared_ptr<const std::string> get() const {
    const std::lock_guard lock(m_mutex);
    return m_content;
  }

 private:
  mutable std::mutex m_mutex;
  std::shared_ptr<const std::string> m_content;
};

/// One copy of the message. Several when recipients get it sealed in different ways.
struct Variant {
  std::string content;                            ///< Exact bytes, CRLF.
  std::optional<SealedContent> sealed;            ///< seal_content() of the same, if already done on another thread.
  std::shared_ptr<StagedContent> staged;          ///< In place of both: taken in pieces, finished (store/staging.hpp).
  std::string seal;                               ///< How it is protected, for people: "smime sign+encrypt".
  std::vector<QueuedRecipient> recipients;        ///< May be empty when there are mailbox additions.
  std::vector<MailboxAddition> mailboxes;         ///< Local owners who get this copy with the same commit.
  KeyName storage_key = key_names::kMailStorage;  ///< Wraps the copy's data key; a tenant has its own.
  /// Set: `content` is what SpoolOptions::finish makes the copy of whenever it is read. In memory it is finished once, by Spool::finish().
  std::shared_ptr<LateContent> late = nullptr;
};

/// What else happens in the transaction that writes a submission or report; on the writer thread, so it must be quick. An error fails the
/// whole. Run a second time when the transaction had to be (store/writer.hpp), so it must not use up what it needs.
using CommitStep = std::function<Status(Database&, ItemId)>;

/// One accepted message: all of it becomes durable, or nothing.
struct Submission {
  MessageId message;
  Envelope envelope;
  std::vector<Variant> variants;
  std::vector<AuditRecord> audit;
  std::vector<CommitStep> steps = {};  ///< With the item of the first variant.
};

/// One recipient as the courier needs it.
struct DueRecipient {
  std::uint32_t index = 0;  ///< Within the item; for the report.
  std::string address;
  std::uint8_t notify = 0;
  std::string orcpt;
  unsigned attempts = 0;  ///< Made so far.
};

/// What the courier sends.
struct QueueItem {
  ItemId item;
  MessageId message;
  std::shared_ptr<const Envelope> envelope;
  std::string seal;
  std::string route;
  std::vector<DueRecipient> recipients;               ///< Those due on this route.
  std::shared_ptr<const std::string> content;         ///< Null for one that was staged: Spool::reader().
  KeyName storage_key = key_names::kMailStorage;      ///< What its content is sealed under; so is what is written about it.
  std::shared_ptr<const LateContent> late = nullptr;  ///< In place of `content`; while nothing is in it, Spool::load() finishes the copy.
  std::string unfinished = {};                        ///< Why the stored copy cannot be finished; `content` is null then.
  bool finished = false;                              ///< `content` is not what is stored: it was finished (Variant::late).
};

/// One unit of work: recipients of one item on one route that are due together. Whoever has it must report() or give_back().
struct Work {
  ItemId item;
  std::string route;
  std::vector<std::uint32_t> recipients;
  std::shared_ptr<const QueueItem> loaded;  ///< Set when the message is still in memory; otherwise call Spool::load() on a worker.
};

enum class Outcome : std::uint8_t { Delivered, Deferred, Bounced, Expired, Held };

struct RecipientResult {
  std::uint32_t index = 0;
  Outcome outcome = Outcome::Delivered;
  std::string reply;                   ///< The next hop's last reply, or what went wrong; for operators and DSNs.
  std::chrono::milliseconds delay{0};  ///< For Deferred: until the next attempt (spool/schedule.hpp).
  std::string route = {};              ///< For Held: what a release takes up; empty: the route it was on.
  std::string road = {};               ///< Why the connection was trusted ("TLSv1.3 verified by DANE (3 1 1)"); empty: there was none.
};

/// What became of one Work. Everything in it happens in one transaction.
struct DeliveryReport {
  ItemId item;
  MessageId message;
  std::vector<RecipientResult> results;  ///< One for each recipient of the Work; one without is due again at once.
  std::vector<AuditRecord> audit;
  std::vector<MailboxAddition> mailboxes;  ///< Local delivery: these become owners of the item's content.
  std::vector<Submission> follow_ups;      ///< Bounces and other reports (RFC 3464) that this outcome causes.
  std::vector<CommitStep> steps = {};      ///< With this item.
  bool patient = false;                    ///< Whoever is told of the commit can wait some milliseconds for others that share it.
};

/// Routes that begin with `prefix` are those of people who come for their mail when it suits them. It rests on disk until then, however
/// much it is: in memory is only what is being looked at or handed over. Empty: there are none.
struct RestingRoutes {
  std::string prefix;
  std::size_t units = 4096;       ///< In memory, of all of them together.
  std::size_t route_units = 256;  ///< Of these, at most so many of one route; a page when it is handed out.
};

/// Which recipients a listing or an operator's verb is about: all given parts must match. Nothing given: every unfinished recipient.
struct QueueSelector {
  std::optional<MessageId> message;
  std::optional<ItemId> item;
  std::string address;  ///< Exactly.
  std::string route;    ///< Exactly.
  std::optional<RecipientState> state;
};

struct QueueEntry {
  MessageId message;
  ItemId item;
  std::uint32_t index = 0;
  std::string sender, address, route, reason, last_reply, seal;
  RecipientState state = RecipientState::Queued;
  unsigned attempts = 0;
  std::optional<WallTime> next_attempt;  ///< For Queued; may lie in the past: due now, or in an attempt.
  WallTime accepted{};
  std::uint64_t size = 0;
};

/// The position behind an entry of a listing.
struct QueueCursor {
  std::int64_t item = 0;
  std::int64_t index = -1;
};

enum class QueueVerb { Hold, Release, Retry, Remove };

/// An operator's act on the queue. Hold: Queued -> Held. Release: Held or Quarantined -> Queued, due now. Retry: Queued -> due now.
/// Remove: anything unfinished -> Removed, without a bounce. A recipient in an attempt finishes it first: a delivery is never undone.
struct QueueChange {
  QueueVerb verb = QueueVerb::Hold;
  QueueSelector selector;
  std::string reason;
  std::string actor;  ///< For the audit record that is written with it.
  CorrelationId correlation;
  /// Hold and Release: those of the changed recipients that are on `from_route` are on `to_route` from now on. Empty: nobody moves.
  std::string from_route = {}, to_route = {};
};

/// One message of the live page: still in the queue, or one of the last finished ones. Has addresses: for the operator's eyes only.
struct FlowRecipient {
  std::string address, route, reply, seal;
  RecipientState state = RecipientState::Queued;
  unsigned attempts = 0;
  std::string road = {};  ///< RecipientResult::road of the last attempt.
};
struct FlowEntry {
  MessageId message;
  std::string sender;
  std::string facts;  ///< Envelope::facts.
  std::uint64_t size = 0;
  WallTime accepted{};
  std::optional<WallTime> finished;
  std::vector<FlowRecipient> recipients;
  std::uint64_t more = 0;  ///< Recipients behind those; Spool::recent() cuts long lists.
};
/// Of a message in Spool::recent(): as many as limits.recipients lets in by default. An MTA before us may bring a hundred times as many.
constexpr std::size_t kFlowRecipients = 100;

struct SpoolStats {
  std::uint64_t queued = 0, held = 0, quarantined = 0;   ///< Recipients now.
  std::uint64_t messages = 0;                            ///< Messages now.
  std::uint64_t ready = 0, deferred = 0, in_flight = 0;  ///< Units of work in memory now.
  std::uint64_t parked = 0;                              ///< Recipients that wait on disk: memory is full, after a restart, or they rest.
  std::uint64_t cached_bytes = 0;                        ///< Contents still in memory.
  std::uint64_t accepted = 0, delivered = 0, deferrals = 0, bounced = 0, expired = 0, removed = 0;  ///< Since the start.
  std::uint64_t waiting_reports = 0;  ///< Reports that could not be written yet (disk full); retried.
  std::optional<WallTime> oldest;     ///< Acceptance of the oldest message in the queue.
};

}  // namespace postern
