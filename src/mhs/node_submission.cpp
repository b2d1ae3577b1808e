#include "mhs/node_submission.hpp"

#include "asn1/ber.hpp"
#include "mhs/acceptance.hpp"
#include "oraddress/compare.hpp"

namespace postern::mhs {
namespace {

constexpr std::string_view kTooLate = "the message is not deferred, or is on its way";

struct Queued {
  MessageId id;
  ItemId item;
};

Result<Queued> find(Store& store, const std::string& name) {
  const auto reader = store.reader();
  POSTERN_TRY(Statement found, reader->prepare("SELECT id, first_item FROM message WHERE envid = ?"));
  POSTERN_TRY(const bool any, found.bind_all(name).step());
  if (!any) return fail(ErrorCode::NotFound, "no message of this identifier waits here");
  return Queued{MessageId(std::string(found.text(0))), ItemId(found.integer(1))};
}

/// The envelope of a message in the queue, without its content.
Result<mts::MessageTransferEnvelope> envelope_of(Spool& spool, ItemId item) {
  POSTERN_TRY(ContentReader reader, spool.reader(item));
  Bytes front(kStoredFrame);
  POSTERN_TRY(const std::size_t begun, reader.read(front));
  POSTERN_TRY(const StoredFrame frame, parse_stored_frame(ByteView(front).first(begun)));
  if (frame.kind != StoredKind::Message) return fail(ErrorCode::NotFound, "the identifier is not that of a message");
  Bytes head(frame.head);
  POSTERN_TRY(const std::size_t got, reader.read(head));
  return asn1::decode<mts::MessageTransferEnvelope>(ByteView(head).first(got));
}

}  // namespace

Status NodeSubmission::open() const {
  const std::uint64_t queued = m_parts.spool.messages();
  if (queued < m_parts.most_queued) return {};
  return fail(ErrorCode::Exhausted, std::to_string(queued) + " messages are in the queue: postern queue list says why they wait");
}

io::Task<Result<mts::MessageSubmissionResult>> NodeSubmission::submit(mts::MessageSubmissionEnvelope envelope, Bytes content,
                                                                      std::string actor) {
  if (m_node == nullptr) co_return fail(ErrorCode::Unavailable, "the MTA is not started yet");
  co_return co_await m_node->submit(std::move(envelope), std::move(content), std::move(actor));
}

io::Task<Result<mts::ProbeSubmissionResult>> NodeSubmission::submit_probe(mts::ProbeSubmissionEnvelope envelope, std::string actor) {
  if (m_node == nullptr) co_return fail(ErrorCode::Unavailable, "the MTA is not started yet");
  co_return co_await m_node->submit_probe(std::move(envelope), std::move(actor));
}

io::Task<Status> NodeSubmission::cancel(mts::MTSIdentifier identifier, oraddress::ORAddress user, std::string actor) {
  auto job = [this, identifier = std::move(identifier), user = std::move(user), actor = std::move(actor)]() mutable {
    return cancel_now(identifier, user, std::move(actor));
  };
  const auto done = co_await m_parts.workers.run(std::move(job));
  if (!done) co_return fail(done.error());
  co_return Status();
}

/// X.411 8.2.1.3. Somebody else's message is as unknown as one that never was.
Result<bool> NodeSubmission::cancel_now(const mts::MTSIdentifier& identifier, const oraddress::ORAddress& user, std::string actor) const {
  POSTERN_TRY(const Queued queued, find(m_parts.store, text_of(identifier)));
  POSTERN_TRY(const mts::MessageTransferEnvelope envelope, envelope_of(m_parts.spool, queued.item));
  if (!oraddress::equivalent(envelope.originator_name, user))
    return fail(ErrorCode::NotFound, "no message of this identifier waits here for this user");
  const auto until = mts::deferred_until(envelope);
  if (!until || *until <= unix_seconds(m_parts.clock.now())) return fail(ErrorCode::Conflict, std::string(kTooLate));
  QueueChange change;
  change.verb = QueueVerb::Remove;
  change.selector.message = queued.id;
  change.reason = "deferred delivery was cancelled";
  change.actor = std::move(actor);
  change.correlation = CorrelationId(queued.id.get());
  POSTERN_TRY(const std::uint64_t removed, m_parts.spool.change_now(std::move(change)));
  if (removed == 0) return fail(ErrorCode::Conflict, std::string(kTooLate));
  return true;
}

}  // namespace postern::mhs
