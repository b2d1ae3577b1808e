// fetch, and what a submission takes out of the mailbox.
#include <algorithm>

#include "ipm/notification.hpp"
#include "ms/delivery.hpp"
#include "ms/oids.hpp"
#include "ms/session_errors.hpp"
#include "ms/store_session.hpp"
#include "mts/extensions.hpp"

namespace postern::ms {

using asn1::Any;
using detail::refuse;
using detail::storage_error;

namespace {

/// The entry's own content: for a forwarded message, taken out of what it came in.
Result<Bytes> own_content(Mailbox& mailbox, const EntryRow& row) {
  POSTERN_TRY(Bytes stored, mailbox.content(row.number));
  if (row.part.empty()) return stored;
  return content_of_part(stored, row.part);
}

}  // namespace

Result<std::vector<Any>> StoreSession::content_values(const EntryRow& row, const AttributeInfo& info) {
  std::vector<Any> out;
  if (!row.has_content) return out;
  POSTERN_TRY(Bytes content, own_content(m_mailbox, row));
  if (info.type == att::content) {
    POSTERN_TRY(Any any, asn1::to_any(mts::Content(std::move(content))));
    out.push_back(std::move(any));
    return out;
  }
  const auto object = asn1::decode<ipm::InformationObject>(content);  // body: of what can be read only
  if (!object || object->ipm() == nullptr) return out;
  POSTERN_TRY(Any any, asn1::to_any(object->ipm()->body, schema(asn1::Of<ipm::Body>{}), asn1::EncodeRules::Lenient));
  out.push_back(std::move(any));
  return out;
}

// ---- restrictions of the bind (X.413 7.1.1.4): they are about contents
namespace {

bool contains(const std::vector<asn1::Oid>& allowed, const asn1::Oid& each) { return std::ranges::find(allowed, each) != allowed.end(); }

Result<std::vector<asn1::Oid>> identifiers(EntryView& entry, const AttributeType& type) {
  std::vector<asn1::Oid> out;
  POSTERN_TRY(const std::vector<Any> values, entry.values(*find_attribute(type)));
  for (const Any& each : values)
    if (auto oid = asn1::from_any<asn1::Oid>(each)) out.push_back(*std::move(oid));
  return out;
}

bool returns_content(const EntryInformationSelection& selection) {
  return std::ranges::any_of(selection, [](const AttributeSelection& each) { return !find_attribute(each.type)->listed(); });
}

OperationError restricted(FetchRestrictionProblem problem, FetchRestriction restriction) {
  return {FetchRestrictionError{{{problem, std::move(restriction)}}}, {}};
}

}  // namespace

std::optional<OperationError> StoreSession::check_restrictions(EntryView& entry, const EntryInformationSelection& selection,
                                                               const OverrideRestrictions& overrides) {
  if (!m_options.fetch_restrictions || !returns_content(selection) || !entry.row().has_content) return std::nullopt;
  const Restrictions& restrictions = *m_options.fetch_restrictions;
  if (restrictions.allowed_content_types && !overrides.test(OverrideRestriction::ContentTypes)) {
    const auto types = identifiers(entry, att::content_type);
    if (!types) return storage_error(types.error());
    for (const asn1::Oid& each : *types)
      if (!contains(*restrictions.allowed_content_types, each)) return restricted(FetchRestrictionProblem::ContentTypeProblem, {each});
  }
  if (restrictions.allowed_eits && !overrides.test(OverrideRestriction::Eits)) {
    auto types = identifiers(entry, att::delivered_eits);
    if (!types) return storage_error(types.error());
    std::erase_if(*types, [&](const asn1::Oid& each) { return contains(*restrictions.allowed_eits, each); });
    if (!types->empty()) return restricted(FetchRestrictionProblem::EitProblem, {MSEits(*types)});
  }
  return std::nullopt;
}

// ---- fetch
namespace {

std::optional<OperationError> too_long(const EntryInformation& entry, const Restrictions& restrictions) {
  if (!restrictions.maximum_attribute_length || !entry.attributes) return std::nullopt;
  const std::int64_t most = *restrictions.maximum_attribute_length;
  for (const Attribute& attribute : *entry.attributes)
    for (const Any& value : attribute.attribute_values)
      if (static_cast<std::int64_t>(value.ber.size()) > most) return restricted(FetchRestrictionProblem::MaximumLengthProblem, {most});
  return std::nullopt;
}

/// X.413 6.2.2.5, X.420 19.2: a message is processed when its content or body was fetched, a report when its envelope was.
RetrievalStatus status_after(const EntryRow& row, const EntryInformation& entry) {
  const auto has = [&](const AttributeType& type) {
    return entry.attributes && std::ranges::find(*entry.attributes, type, &Attribute::attribute_type) != entry.attributes->end();
  };
  const bool all = row.type == EntryType::DeliveredReport ? has(att::report_delivery_envelope) : has(att::content) || has(att::body);
  return all ? RetrievalStatus::Processed : RetrievalStatus::Listed;
}

}  // namespace

Answer<StoreSession::Fetched> StoreSession::fetch_entry(EntryView& entry, const FetchArgument& argument,
                                                        const OverrideRestrictions& overrides) {
  POSTERN_MS_ANSWER(const EntryInformationSelection wanted, selection(argument.requested_attributes, false));
  if (auto wrong = check_restrictions(entry, wanted, overrides)) return refuse(*std::move(wrong));
  POSTERN_MS_ANSWER(EntryInformation found, information(entry, wanted));
  if (m_options.fetch_restrictions && !overrides.test(OverrideRestriction::AttributeLength))
    if (auto wrong = too_long(found, *m_options.fetch_restrictions)) return refuse(*std::move(wrong));
  const RetrievalStatus status = status_after(entry.row(), found);
  return Fetched{std::move(found), status};
}

Answer<FetchResult> StoreSession::fetch_precise(const FetchArgument& argument, SequenceNumber number) {
  POSTERN_MS_STORED(const auto row, m_mailbox.find(number));
  if (!row) return refuse(SequenceNumberError{{{SequenceNumberProblem::NoSuchEntry, number}}});
  const EntryView::LoadDetails load = [&](SequenceNumber each) { return m_mailbox.details(each); };
  EntryView entry(*row, load);
  POSTERN_MS_ANSWER(Fetched fetched, fetch_entry(entry, argument, {}));
  if (fetched.status > row->status)
    if (const Status kept = m_mailbox.raise_status(std::span(&number, 1), fetched.status); !kept)
      return refuse(storage_error(kept.error()));
  FetchResult out;
  out.entry_information = std::move(fetched.information);
  return out;
}

Answer<FetchResult> StoreSession::fetch_search(const FetchArgument& argument, const Selector& from) {
  POSTERN_MS_ANSWER(CompiledSelector selector, compile(from, m_options.version_1994));
  selector.limit = std::min(selector.limit.value_or(m_options.largest_list), m_options.largest_list);
  FetchResult out;
  std::optional<SequenceNumber> first;
  std::vector<SequenceNumber> others;
  const auto visit = [&](EntryView& entry) -> Result<bool> {
    const SequenceNumber number = entry.row().number;
    if (first && others.size() + 1 == *selector.limit) return out.next = number, false;
    if (first)
      others.push_back(number);
    else
      first = number;
    return true;
  };
  if (const Status done = for_each_selected(m_mailbox, selector, false, visit); !done) return refuse(storage_error(done.error()));
  if (!first) return out;
  FetchArgument one = argument;
  POSTERN_MS_STORED(const auto row, m_mailbox.find(*first));
  if (!row) return refuse(SequenceNumberError{{{SequenceNumberProblem::NoSuchEntry, *first}}});
  const EntryView::LoadDetails load = [&](SequenceNumber each) { return m_mailbox.details(each); };
  EntryView entry(*row, load);
  POSTERN_MS_ANSWER(Fetched fetched, fetch_entry(entry, one, selector.overrides));
  if (fetched.status > row->status)
    if (const Status kept = m_mailbox.raise_status(std::span(&*first, 1), fetched.status); !kept)
      return refuse(storage_error(kept.error()));
  out.entry_information = std::move(fetched.information);
  if (!others.empty()) out.list = std::move(others);
  return out;
}

Answer<FetchResult> StoreSession::fetch(const FetchArgument& argument) {
  if (auto wrong = check(argument.entry_class, argument.fetch_extensions)) return refuse(*std::move(wrong));
  if (const SequenceNumber* number = std::get_if<SequenceNumber>(&argument.item.value)) return fetch_precise(argument, *number);
  return fetch_search(argument, std::get<Selector>(argument.item.value));
}

// ---- submission
namespace {

/// X.413 9: the entry becomes a body part of the message that forwards it.
Result<Bytes> with_forwarded(ByteView content, ByteView forwarded) {
  POSTERN_TRY(ipm::InformationObject outer, asn1::decode<ipm::InformationObject>(content));
  POSTERN_TRY(ipm::InformationObject inner, asn1::decode<ipm::InformationObject>(forwarded));
  auto* message = std::get_if<ipm::IPM>(&outer.value);
  if (message == nullptr || inner.ipm() == nullptr) return fail(ErrorCode::BadInput, "only interpersonal messages are forwarded");
  ipm::MessageBodyPart part;
  part.data = *inner.ipm();
  message->body.push_back(ipm::BodyPart{asn1::Box<ipm::MessageBodyPart>(std::move(part))});
  return asn1::encode_as_taken(outer);
}

}  // namespace

Answer<mts::MessageSubmissionArgument> StoreSession::prepare(const MSMessageSubmissionArgument& argument) {
  const auto& options = argument.submission_options;
  if (options && options->object_entry_class && *options->object_entry_class != EntryClass::Submission)
    return refuse(EntryClassError{*options->object_entry_class, {EntryClassProblem::UnsupportedEntryClass}});
  mts::MessageSubmissionArgument out = argument;
  const auto request = mts::extension<mts::StandardExtension::ForwardingRequest>(out.envelope.extensions);
  if (!request) return refuse(InvalidParametersError{}, request.error().text());
  if (!*request) return out;
  POSTERN_MS_STORED(const auto row, m_mailbox.find(**request));
  if (!row || !row->has_content) return refuse(SequenceNumberError{{{SequenceNumberProblem::NoSuchEntry, **request}}});
  POSTERN_MS_STORED(const Bytes forwarded, own_content(m_mailbox, *row));
  auto content = with_forwarded(out.content.octets, forwarded);
  if (!content) return refuse(InvalidParametersError{}, content.error().text());
  out.content.octets = *std::move(content);
  mts::erase(out.envelope.extensions, mts::StandardExtension::ForwardingRequest);
  return out;
}

}  // namespace postern::ms
