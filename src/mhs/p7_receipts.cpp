#include "mhs/p7_receipts.hpp"

#include "ms/oids.hpp"

namespace postern::mhs {
namespace {

using ms::SequenceNumber;
using Submission = std::optional<mts::MessageSubmissionArgument>;

/// A value of an attribute; nullopt where it is not there. What is there and cannot be read is an error.
template <class T>
Result<std::optional<T>> read_value(const ms::EntryInformation& entry, const asn1::Oid& type) {
  const asn1::Any* value = value_of(entry, type);
  if (value == nullptr) return std::optional<T>();
  POSTERN_TRY(T read, asn1::from_any<T>(*value));
  return std::optional<T>(std::move(read));
}

/// Without values of its own (X.413 8.2: what is summarized is counted, and stays as new as it was).
ms::SummarizeArgument about(SequenceNumber number) {
  ms::SummarizeArgument out;
  out.selector.range.emplace().value = ms::NumberRange{number, number};
  out.summary_requests.emplace({ms::att::entry_type, ms::att::retrieval_status});
  return out;
}

template <class T>
std::optional<T> only_value(const ms::SummarizeResult& result, std::size_t request) {
  if (!result.summaries || result.summaries->size() <= request) return std::nullopt;
  const ms::Summary& summary = (*result.summaries)[request];
  if (!summary.present || summary.present->size() != 1) return std::nullopt;
  const auto value = asn1::from_any<T>(summary.present->front().value);
  return value ? std::optional<T>(*value) : std::nullopt;
}

/// Whether it is a message that nobody has opened. A child entry is none by itself: its parent is what was received.
io::Task<Result<std::optional<ms::RetrievalStatus>>> message_status(P7Client& client, SequenceNumber number, std::chrono::seconds each) {
  POSTERN_CO_TRY(const ms::SummarizeResult result, co_await client.summarize(about(number), io::deadline_in(each)));
  const bool is_message = only_value<ms::EntryType>(result, 0) == ms::EntryType::DeliveredMessage;
  co_return is_message ? only_value<ms::RetrievalStatus>(result, 1) : std::nullopt;
}

io::Task<Result<ms::EntryInformation>> fetch(P7Client& client, SequenceNumber number, ms::EntryInformationSelection attributes,
                                             std::chrono::seconds each) {
  ms::FetchArgument argument;
  argument.item.value.emplace<SequenceNumber>(number);
  argument.requested_attributes = std::move(attributes);
  POSTERN_CO_TRY(ms::FetchResult result, co_await client.fetch(std::move(argument), io::deadline_in(each)));
  if (!result.entry_information) co_return fail(ErrorCode::NotFound, "there is no entry of this number");
  co_return *std::move(result.entry_information);
}

ms::EntryInformationSelection selected(std::initializer_list<asn1::Oid> types) {
  ms::EntryInformationSelection out;
  for (const asn1::Oid& each : types) out.push_back({each, {}, {}});
  return out;
}

Result<std::optional<ipm::IPM>> message_of(const ms::EntryInformation& entry, const mts::MessageDeliveryEnvelope& envelope) {
  POSTERN_TRY(const auto content, read_value<mts::Content>(entry, ms::att::content));
  if (!content) return std::optional<ipm::IPM>();
  return ipm::delivered_message(envelope.other_fields, content->octets);
}

Result<Submission> receipt_of(const ms::EntryInformation& entry, const NotificationWish& wish) {
  POSTERN_TRY(const auto envelope, read_value<mts::MessageDeliveryEnvelope>(entry, ms::att::message_delivery_envelope));
  if (!envelope) return Submission();
  POSTERN_TRY(const auto message, message_of(entry, *envelope));
  if (!message) return Submission();
  return ipm::receipt_submission({wish.user, envelope->other_fields, *message}, {.time = wish.now});
}

io::Task<Notice> send(P7Client& client, Notice notice, mts::MessageSubmissionArgument submission, NotificationWish wish,
                      std::chrono::seconds each) {
  if (!wish.send) co_return notice;
  auto result = co_await client.submit(std::move(submission), io::deadline_in(each));
  if (result)
    notice.result = *std::move(result);
  else
    notice.error = std::move(result).error();
  co_return notice;
}

/// What is owed if this entry goes unopened. The heading says so by itself; the content is fetched only where it is asked back, and that it
/// then counts as opened harms nobody.
io::Task<Result<Submission>> non_receipt_of(P7Client& client, SequenceNumber number, NotificationWish wish, std::chrono::seconds each) {
  POSTERN_CO_TRY(const auto status, co_await message_status(client, number, each));
  if (status != ms::RetrievalStatus::Listed) co_return Submission();  // opened; or new, and then the store refuses (X.413 8.5)
  const auto facts = selected({ms::att::message_delivery_envelope, ms::id_hat(0)});
  POSTERN_CO_TRY(const ms::EntryInformation entry, co_await fetch(client, number, facts, each));
  POSTERN_CO_TRY(const auto envelope, read_value<mts::MessageDeliveryEnvelope>(entry, ms::att::message_delivery_envelope));
  POSTERN_CO_TRY(const auto heading, read_value<ipm::Heading>(entry, ms::id_hat(0)));
  if (!envelope || !heading) co_return Submission();
  ipm::IPM message{*heading, {}};
  const ipm::Subject subject{wish.user, envelope->other_fields, message};
  POSTERN_CO_TRY(Submission owed, ipm::non_receipt_submission(subject, discarded(*heading, wish.now)));
  if (!owed || !ipm::returns_message(subject)) co_return owed;
  POSTERN_CO_TRY(const ms::EntryInformation whole, co_await fetch(client, number, selected({ms::att::content}), each));
  POSTERN_CO_TRY(auto returned, message_of(whole, *envelope));
  if (!returned) co_return fail(ErrorCode::BadInput, "what the store has is not the message that its heading is of", "content");
  message = *std::move(returned);
  co_return ipm::non_receipt_submission(subject, discarded(*heading, wish.now));
}

}  // namespace

const asn1::Any* value_of(const ms::EntryInformation& entry, const asn1::Oid& type) {
  if (!entry.attributes) return nullptr;
  for (const ms::Attribute& each : *entry.attributes)
    if (each.attribute_type == type && !each.attribute_values.empty()) return &each.attribute_values.front();
  return nullptr;
}

io::Task<Result<OpenedEntry>> open_entry(P7Client& client, SequenceNumber number, ms::EntryInformationSelection attributes,
                                         NotificationWish wish, std::chrono::seconds each) {
  const auto status = co_await message_status(client, number, each);
  OpenedEntry out;
  POSTERN_CO_TRY(out.entry, co_await fetch(client, number, std::move(attributes), each));
  Notice notice{number, true, {}, {}};
  if (!status) {
    notice.error = Error(status.error()).context("the store does not say whether the message was opened before");
    if (wish.send) out.notice = std::move(notice);
    co_return out;
  }
  const bool is_first = *status && **status != ms::RetrievalStatus::Processed;
  if (!is_first && !(wish.opened_again && *status)) co_return out;
  auto owed = receipt_of(out.entry, wish);
  if (!owed) notice.error = std::move(owed).error();
  if (owed && *owed) notice = co_await send(client, std::move(notice), **std::move(owed), std::move(wish), each);
  if (!owed || *owed) out.notice = std::move(notice);
  co_return out;
}

io::Task<Result<std::vector<Notice>>> discard_entries(P7Client& client, std::vector<SequenceNumber> numbers, NotificationWish wish,
                                                      std::chrono::seconds each) {
  std::vector<std::pair<SequenceNumber, mts::MessageSubmissionArgument>> owed;
  for (const SequenceNumber number : wish.send ? numbers : std::vector<SequenceNumber>()) {
    POSTERN_CO_TRY(Submission submission, co_await non_receipt_of(client, number, wish, each));
    if (submission) owed.emplace_back(number, *std::move(submission));
  }
  ms::DeleteArgument argument;
  argument.items.value = std::move(numbers);
  POSTERN_CO_CHECK(co_await client.remove(std::move(argument), io::deadline_in(each)));
  std::vector<Notice> out;
  for (auto& [number, submission] : owed) out.push_back(co_await send(client, {number, false, {}, {}}, std::move(submission), wish, each));
  co_return out;
}

}  // namespace postern::mhs
