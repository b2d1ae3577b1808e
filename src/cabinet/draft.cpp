#include "cabinet/draft.hpp"

#include <algorithm>
#include <charconv>

#include "asn1/utc_time_range.hpp"
#include "base/text.hpp"
#include "crypto/hash.hpp"
#include "ipm/compose.hpp"
#include "ipm/encoded_types.hpp"
#include "ipm/keys.hpp"
#include "ipm/read.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"

namespace postern::cabinet {
namespace {

constexpr std::size_t kContentIdentifier = 16;  // X.411 ub-content-id-length

std::string sha256_of(ByteView content) { return hex_encode(sha256(content)); }

Result<std::string> canonical_text(const std::string& address, std::string_view field) {
  POSTERN_TRY(const oraddress::ORName name, name_in(address, field));
  auto canonical = oraddress::canonical(name);
  if (!canonical) return fail(ErrorCode::BadInput, canonical.error().text(), std::string(field));
  return oraddress::write(*canonical);
}

Status add_recipients(Item& item, const std::vector<std::string>& addresses, RecipientKind kind, const Request& request) {
  for (const std::string& each : addresses) {
    Recipient one;
    POSTERN_TRY(one.address, canonical_text(each, name_of(kind)));
    one.kind = kind;
    one.report = request.recipients.report;
    one.receipt = request.recipients.receipt == ReceiptRequest::Receipt;
    one.non_receipt = request.recipients.receipt != ReceiptRequest::None;
    one.return_message = request.recipients.return_message;
    one.reply_requested = request.recipients.reply_requested;
    one.precedence = request.recipients.precedence;
    if (!request.recipients.alternate.empty()) {
      POSTERN_TRY(one.alternate, canonical_text(request.recipients.alternate, "alternate"));
    }
    item.recipients.push_back(std::move(one));
  }
  return {};
}

Status check_times(const Request& request, std::int64_t now) {
  const std::pair<std::string_view, const std::optional<std::int64_t>&> times[] = {{"expires", request.heading.expires},
                                                                                   {"reply_by", request.heading.reply_by},
                                                                                   {"deferred_until", request.deferred_until},
                                                                                   {"latest_delivery", request.latest_delivery}};
  for (const auto& [field, time] : times)
    if (time && !asn1::is_in_utc_time(*time))
      return fail(ErrorCode::BadInput, "is outside of 1950 to 2049, which is what an X.400 date can say", std::string(field));
  if (request.latest_delivery && *request.latest_delivery <= now)
    return fail(ErrorCode::BadInput, "has passed: give a time to come", "latest_delivery");
  // X.411 8.2.1.1.1.13: what may not be delivered before one time and not after an earlier one is never delivered.
  if (request.latest_delivery && request.deferred_until && *request.latest_delivery <= *request.deferred_until)
    return fail(ErrorCode::BadInput, "is not after the time before which nothing is delivered (deferred_until)", "latest_delivery");
  return {};
}

Status check_options(const Request& request) {
  constexpr std::size_t kMostPrecedence = ipm::ub_precedence;
  if (request.recipients.precedence && *request.recipients.precedence > kMostPrecedence)
    return fail(ErrorCode::BadInput, "must be 0 to 127 (X.420 B.2.2)", "precedence");
  // X.420 7.1.2: the message comes back with a non-receipt notification or not at all.
  if (request.recipients.return_message && request.recipients.receipt == ReceiptRequest::None)
    return fail(ErrorCode::BadInput, "comes with a non-receipt notification: ask for that as well (receipt)", "return_message");
  const std::string& identifier = request.content_identifier;
  if (identifier.size() > kContentIdentifier || asn1::first_foreign_octet(asn1::Alphabet::Printable, identifier))
    return fail(ErrorCode::BadInput, "must be at most 16 characters of PrintableString (X.411 8.2.1.1.1.35)", "content_identifier");
  return {};
}

/// What of an item is the same however its content comes about.
Result<Item> begun(const Request& request, const std::string& user, const MessageId& id, WallTime now) {
  Item out;
  out.id = id;
  out.folder = folder::kDrafts;
  out.created = out.changed = unix_millis(now);
  out.from = user;
  out.has_own_content_identifier = !request.content_identifier.empty();
  // The random end of the ULID: reports name it (X.411 8.2.1.1.1.35), so a message is found whose MTS identifier nobody heard.
  out.content_identifier =
      out.has_own_content_identifier ? request.content_identifier : id.get().substr(id.get().size() - kContentIdentifier);
  out.priority = request.priority, out.importance = request.importance, out.flags = request.flags;
  out.sensitivity = request.heading.sensitivity, out.expires = request.heading.expires, out.reply_by = request.heading.reply_by;
  out.deferred_until = request.deferred_until, out.latest_delivery = request.latest_delivery;
  POSTERN_CHECK(add_recipients(out, request.to, RecipientKind::To, request));
  POSTERN_CHECK(add_recipients(out, request.cc, RecipientKind::Cc, request));
  POSTERN_CHECK(add_recipients(out, request.bcc, RecipientKind::Bcc, request));
  if (out.recipients.empty()) return fail(ErrorCode::BadInput, "at least one recipient is needed", "to");
  for (const Recipient& each : out.recipients) out.to.push_back(each.address);
  POSTERN_CHECK(check_times(request, unix_seconds(now)));
  POSTERN_CHECK(check_options(request));
  return out;
}

void add_copy(Composed& out, Bytes content, std::vector<std::uint32_t> recipients) {
  Copy copy;
  copy.size = content.size();
  copy.sha256 = sha256_of(content);
  copy.recipients = std::move(recipients);
  out.item.copies.push_back(std::move(copy));
  out.contents.push_back(std::move(content));
}

std::vector<std::uint32_t> everybody(const Item& item) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t n = 0; n < item.recipients.size(); ++n) out.push_back(n);
  return out;
}

// ---- pass-through
Status check_content_type(const std::string& type) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(type.data(), type.data() + type.size(), number);
  const bool is_number =
      error == std::errc{} && end == type.data() + type.size() && number >= 0 && number <= 32'767;  // ub-built-in-content-type
  if (is_number || asn1::Oid::parse(type)) return {};
  return fail(ErrorCode::BadInput, "must be the number of a built-in content type (2, 22, ...) or an object identifier", "content.type");
}

/// An interpersonal message keeps its own identifier, so that notifications find it.
void note_ipm(Item& item, ByteView content) {
  const auto object = asn1::decode<ipm::InformationObject>(content);
  const ipm::IPM* message = object ? object->ipm() : nullptr;
  if (message == nullptr) return;
  item.subject = ipm::subject_of(message->heading);
  item.ipm_identifier = printable(message->heading.this_ipm.user_relative_identifier.octets);
  if (message->heading.this_ipm.user) item.ipm_user = oraddress::write(*message->heading.this_ipm.user);
}

Result<Composed> passed_through(const Request& request, Item item) {
  const GivenContent& given = *request.content;
  if (request.heading != HeadingOptions())
    return fail(ErrorCode::BadInput, "has a heading of its own: leave out sensitivity, times, references and the like", "content");
  if (!request.subject.empty() || !request.text.empty() || !request.attachments.empty())
    return fail(ErrorCode::BadInput, "stands in place of subject, text and attachments", "content");
  POSTERN_CHECK(check_content_type(given.type));
  if (given.octets.empty()) return fail(ErrorCode::BadInput, "is empty", "content");
  item.content_type = given.type;
  item.pass_through = true;
  if (given.type == "2" || given.type == "22") note_ipm(item, given.octets);
  Composed out{std::move(item), {}};
  add_copy(out, given.octets, everybody(out.item));
  return out;
}

// ---- composed here
Result<std::vector<ipm::Recipient>> recipients_of(const Item& item, RecipientKind kind) {
  std::vector<ipm::Recipient> out;
  for (const Recipient& each : item.recipients) {
    if (each.kind != kind) continue;
    ipm::Recipient one;
    POSTERN_TRY(one.party.name, name_in(each.address, name_of(kind)));
    one.receipt_notification = each.receipt;
    one.non_receipt_notification = each.non_receipt;
    one.return_of_message = each.return_message;
    one.reply_requested = each.reply_requested;
    one.precedence = each.precedence;
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<ipm::Part> parts_of(const Request& request) {
  std::vector<ipm::Part> out;
  if (parts_before_attachments(request) > 0) out.push_back(ipm::TextPart{request.text});
  out.insert(out.end(), request.attachments.begin(), request.attachments.end());
  return out;
}

Result<std::vector<ipm::Party>> parties_of(const std::vector<std::string>& addresses, std::string_view field) {
  std::vector<ipm::Party> out;
  for (const std::string& each : addresses) {
    POSTERN_TRY(out.emplace_back().name, name_in(each, field));
  }
  return out;
}

Status put(const HeadingOptions& heading, ipm::Draft& out) {
  out.sensitivity = heading.sensitivity;
  out.expiry_time = heading.expires;
  out.reply_time = heading.reply_by;
  out.replied_to = heading.replied_to;
  out.obsoleted = heading.obsoletes;
  out.related = heading.related;
  out.languages = heading.languages;
  out.auto_submitted = heading.auto_submitted;
  POSTERN_TRY(out.reply_recipients, parties_of(heading.reply_recipients, "reply_recipients"));
  POSTERN_TRY(out.authorizing_users, parties_of(heading.authorizing_users, "authorizing_users"));
  return {};
}

Result<ipm::Draft> draft_of(const Request& request, const Item& item) {
  ipm::Draft out;
  out.this_ipm = ipm_identifier_of(item);
  POSTERN_TRY(out.originator.name, name_in(item.from, "user"));
  POSTERN_TRY(out.primary, recipients_of(item, RecipientKind::To));
  POSTERN_TRY(out.copy, recipients_of(item, RecipientKind::Cc));
  POSTERN_TRY(out.blind_copy, recipients_of(item, RecipientKind::Bcc));
  out.subject = request.subject;
  out.importance = request.importance;
  POSTERN_CHECK(put(request.heading, out));
  out.parts = parts_of(request);
  return out;
}

std::vector<std::string> types_of(const mts::EncodedInformationTypes& types) {
  std::vector<std::string> out;
  // X.411 annex A: {id-eit n} is the built-in type of bit n.
  for (std::uint8_t bit = 0; bit <= static_cast<std::uint8_t>(mts::BuiltInEncodedInformationType::MixedMode); ++bit)
    if (types.built_in_encoded_information_types.test(static_cast<mts::BuiltInEncodedInformationType>(bit)))
      out.push_back("2.6.3.4." + std::to_string(bit));
  if (types.extended_encoded_information_types)
    for (const asn1::Oid& each : *types.extended_encoded_information_types) out.push_back(each.text());
  return out;
}

/// Places of those who get this copy.
std::vector<std::uint32_t> places_of(const std::vector<oraddress::ORName>& names, const Item& item) {
  std::vector<std::uint32_t> out;
  for (const oraddress::ORName& name : names) {
    const std::string text = oraddress::write(name);
    for (std::uint32_t n = 0; n < item.recipients.size(); ++n)
      if (item.recipients[n].address == text && std::ranges::find(out, n) == out.end()) {
        out.push_back(n);
        break;
      }
  }
  return out;
}

Result<Composed> composed_here(const Request& request, Item item) {
  item.subject = request.subject;
  item.ipm_user = item.from;
  item.ipm_identifier = item.id.get();
  POSTERN_TRY(const ipm::Draft draft, draft_of(request, item));
  POSTERN_TRY(ipm::Composed message, ipm::compose(draft));
  item.content_type = std::to_string(static_cast<std::int64_t>(message.content_type));
  item.encoded_types = types_of(message.types);
  Composed out{std::move(item), {}};
  for (ipm::Copy& each : message.copies) add_copy(out, std::move(each.content), places_of(each.recipients, out.item));
  return out;
}

std::string content_type_text(const mts::ContentType& type) {
  if (const auto* built_in = std::get_if<mts::BuiltInContentType>(&type.value)) return std::to_string(static_cast<std::int64_t>(*built_in));
  return std::get<mts::ExtendedContentType>(type.value).text();
}

}  // namespace

Result<oraddress::ORName> name_in(const std::string& address, std::string_view field) {
  auto parsed = oraddress::parse(address);
  if (!parsed) return fail(ErrorCode::BadInput, parsed.error().text(), std::string(field));
  oraddress::ORName out;
  static_cast<oraddress::ORAddress&>(out) = *std::move(parsed);
  return out;
}

ipm::IPMIdentifier ipm_identifier_of(const Item& item) {
  ipm::IPMIdentifier out;
  if (auto user = name_in(item.ipm_user, ""); user) out.user = *std::move(user);
  out.user_relative_identifier = asn1::PrintableString(item.ipm_identifier.substr(0, kMostOfLocalIdentifier));
  return out;
}

std::size_t parts_before_attachments(const Request& request) { return !request.text.empty() || request.attachments.empty() ? 1 : 0; }

Result<Composed> compose(const Request& request, const std::string& user, const MessageId& id, WallTime now) {
  POSTERN_TRY(Item item, begun(request, user, id, now));
  if (request.content) return passed_through(request, std::move(item));
  return composed_here(request, std::move(item));
}

namespace {

/// The stored copy and the approval are this room's, and done by then: the MTS is asked for what is left.
sdk::Strategy mts_strategy(sdk::Strategy strategy) {
  const bool ours = strategy == sdk::Strategy::WithStoredCopy || strategy == sdk::Strategy::Quarantine;
  return ours ? sdk::Strategy::Immediate : strategy;
}

}  // namespace

sdk::Submission submission_of(const Item& item, const Copy& copy) {
  sdk::Submission out;
  out.strategy = mts_strategy(item.strategy.value_or(sdk::Strategy::Immediate));
  out.priority = item.priority;
  out.flags = item.flags;
  out.originator = item.from;
  out.content_type = item.content_type;
  out.content_identifier = item.content_identifier;
  out.deferred_until = item.deferred_until;
  out.latest_delivery = item.latest_delivery;
  out.encoded_types = item.encoded_types;
  for (const std::uint32_t n : copy.recipients) {
    sdk::Recipient one;
    one.address = item.recipients.at(n).address;
    one.report = item.recipients.at(n).report;
    one.alternate = item.recipients.at(n).alternate;
    out.recipients.push_back(std::move(one));
  }
  out.content_size = copy.size;
  return out;
}

Result<Composed> composed_of(const mts::MessageSubmissionArgument& notification, const Item& about, const MessageId& id, WallTime now) {
  const auto& envelope = notification.envelope;
  Composed out;
  Item& item = out.item;
  item.id = id;
  item.kind = Kind::Notification;
  item.state = State::Queued;
  item.folder = folder::kOutbox;
  item.created = item.changed = unix_millis(now);
  item.from = oraddress::write(envelope.originator_name);
  item.subject = about.subject;
  item.subject_message = about.id.get();
  item.content_type = content_type_text(envelope.content_type);
  item.content_identifier = id.get().substr(id.get().size() - kContentIdentifier);
  item.priority = static_cast<sdk::Priority>(envelope.priority);
  item.strategy = sdk::Strategy::Immediate;
  if (envelope.original_encoded_information_types) item.encoded_types = types_of(*envelope.original_encoded_information_types);
  for (const auto& each : envelope.per_recipient_fields) {
    Recipient one;
    one.address = oraddress::write(each.recipient_name);
    one.report = sdk::ReportRequest::None;
    item.to.push_back(one.address);
    item.recipients.push_back(std::move(one));
  }
  add_copy(out, notification.content.octets, everybody(item));
  return out;
}

std::string name_of_mts(const std::string& identifier) { return "mts " + identifier; }
std::string name_of_content(const std::string& content_identifier) { return "content " + content_identifier; }
std::string name_of_ipm(const ipm::IPMIdentifier& identifier) { return "ipm " + ipm::key_of(identifier); }
std::string name_of_ipm_local(const ipm::IPMIdentifier& identifier) { return "ipm local " + ipm::key_of_local(identifier); }

std::vector<std::string> names_of(const Item& item) {
  std::vector<std::string> out{name_of_content(item.content_identifier)};
  if (!item.ipm_identifier.empty()) {
    const ipm::IPMIdentifier identifier = ipm_identifier_of(item);
    out.push_back(name_of_ipm(identifier));
    out.push_back(name_of_ipm_local(identifier));
  }
  for (const Copy& each : item.copies)
    if (!each.mts_identifier.empty()) out.push_back(name_of_mts(each.mts_identifier));
  return out;
}

}  // namespace postern::cabinet
