#include "ipm/compose.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "ipm/file_transfer.hpp"

namespace postern::ipm {

namespace {

tl::unexpected<Error> wrong(std::string_view field, std::string what) {
  return fail(ErrorCode::BadInput, std::move(what), std::string(field));
}

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

// ---- parties
Result<std::vector<ORDescriptor>> descriptors(const std::vector<Party>& parties, std::string_view field, bool named) {
  std::vector<ORDescriptor> out;
  for (const Party& each : parties) {
    if (named && !each.name) return wrong(field, "needs an O/R address, so that an answer can reach it");
    POSTERN_TRY(ORDescriptor made, descriptor(each));
    out.push_back(std::move(made));
  }
  return out;
}

NotificationRequests requests_of(const Recipient& recipient) {
  NotificationRequests out;
  if (recipient.receipt_notification) out.set(NotificationRequest::Rn);
  if (recipient.receipt_notification || recipient.non_receipt_notification) out.set(NotificationRequest::Nrn);
  if (recipient.return_of_message) out.set(NotificationRequest::IpmReturn);
  return out;
}

Result<RecipientSpecifier> specifier(const Recipient& recipient, std::string_view field) {
  if (!recipient.party.name) return wrong(field, "a recipient needs an O/R address");
  RecipientSpecifier out;
  POSTERN_TRY(out.recipient, descriptor(recipient.party));
  out.notification_requests = requests_of(recipient);
  // X.420 7.1.2: the message comes back with a non-receipt notification or not at all.
  if (recipient.return_of_message && !out.notification_requests.test(NotificationRequest::Nrn))
    return wrong(field, "asks for the message's return without a non-receipt notification: ask for both");
  out.reply_requested = recipient.reply_requested;
  if (recipient.precedence) {
    out.recipient_extensions.emplace();
    POSTERN_CHECK(set_extension(*out.recipient_extensions, id_rex_precedence(), static_cast<Precedence>(*recipient.precedence)));
  }
  return out;
}
Result<std::vector<RecipientSpecifier>> specifiers(const std::vector<Recipient>& recipients, std::string_view field) {
  std::vector<RecipientSpecifier> out;
  for (const Recipient& each : recipients) {
    POSTERN_TRY(RecipientSpecifier made, specifier(each, field));
    out.push_back(std::move(made));
  }
  return out;
}

// ---- heading
/// What of the text T.61 has, '?' for the rest, at most 128 characters: for readers that do not know the extended subject.
std::string teletex_approximation(std::string_view utf8) {
  std::string out;
  for (std::size_t i = 0; i < utf8.size();) {
    std::size_t length = 1;
    while (i + length < utf8.size() && (static_cast<unsigned char>(utf8[i + length]) & 0xC0U) == 0x80) ++length;
    const std::string octets = asn1::from_utf8(asn1::Alphabet::Teletex, utf8.substr(i, length)).value_or("?");
    if (out.size() + octets.size() > static_cast<std::size_t>(ub_subject_field)) break;
    out += octets;
    i += length;
  }
  return out;
}

Status put_subject(const std::string& subject, Heading& heading) {
  if (subject.empty()) return {};
  if (!is_utf8(subject)) return wrong("subject", "not UTF-8");
  const auto limit = static_cast<std::size_t>(ub_extended_subject_length);
  if (characters(subject) > limit)
    return wrong("subject", "has " + std::to_string(characters(subject)) + " characters; " + std::to_string(limit) + " are allowed");
  heading.subject = teletex_approximation(subject);
  const auto octets = asn1::from_utf8(asn1::Alphabet::Teletex, subject);
  if (octets && *octets == heading.subject->octets) return {};
  POSTERN_TRY(const UniversalOrBMPString extended, UniversalOrBMPString::from_utf8(subject));
  return set_heading_extension<HeadingExtensionType::ExtendedSubject>(heading, extended);
}

Status put_extensions(const Draft& draft, Heading& heading) {
  if (draft.auto_submitted) POSTERN_CHECK(set_heading_extension<HeadingExtensionType::AutoSubmitted>(heading, *draft.auto_submitted));
  if (draft.languages.empty()) return {};
  Languages languages;
  for (const std::string& each : draft.languages) {
    if (each.size() != 2 && each.size() != 5) return wrong("languages", "'" + printable(each) + "' is not like 'de' or 'de-CH'");
    languages.emplace_back(each);
  }
  return set_heading_extension<HeadingExtensionType::Languages>(heading, languages);
}

std::optional<asn1::UtcTime> time_of(const std::optional<std::int64_t>& seconds) {
  return seconds ? std::optional(asn1::UtcTime::at(*seconds)) : std::nullopt;
}

/// Everything but the blind copy recipients.
Result<Heading> heading_of(const Draft& draft) {
  if (draft.this_ipm.user_relative_identifier.octets.empty()) return wrong("this_ipm", "the local identifier is empty: make one up");
  Heading out;
  out.this_ipm = draft.this_ipm;
  POSTERN_TRY(out.originator, descriptor(draft.originator));
  POSTERN_TRY(out.primary_recipients, specifiers(draft.primary, "primary"));
  POSTERN_TRY(out.copy_recipients, specifiers(draft.copy, "copy"));
  if (!draft.authorizing_users.empty()) {
    POSTERN_TRY(out.authorizing_users, descriptors(draft.authorizing_users, "authorizing_users", false));
  }
  if (!draft.reply_recipients.empty()) {
    POSTERN_TRY(out.reply_recipients, descriptors(draft.reply_recipients, "reply_recipients", true));
  }
  out.replied_to_ipm = draft.replied_to;
  out.obsoleted_ipms = draft.obsoleted;
  out.related_ipms = draft.related;
  out.expiry_time = time_of(draft.expiry_time);
  out.reply_time = time_of(draft.reply_time);
  out.importance = draft.importance;
  out.sensitivity = draft.sensitivity;
  POSTERN_CHECK(put_subject(draft.subject, out));
  POSTERN_CHECK(put_extensions(draft, out));
  return out;
}

// ---- body
/// GraphicString by default has the characters of ASCII only.
asn1::GraphicString graphic(std::string_view utf8) {
  std::string out;
  for (const char c : utf8) {
    const auto value = static_cast<unsigned char>(c);
    if (value >= 0x20 && value < 0x7F) out += c;
    if (value >= 0xC0) out += '_';
  }
  return out;
}
DateAndTimeAttribute date_and_time(std::int64_t seconds) { return {asn1::GeneralizedTime::at(seconds)}; }

FileAttributes attributes_of(const FilePart& file) {
  FileAttributes out;
  out.pathname.emplace();
  out.pathname->value.emplace<0>(Pathname{graphic(file.name)});
  if (file.created) out.date_and_time_of_creation = date_and_time(*file.created);
  if (file.modified) out.date_and_time_of_last_modification = date_and_time(*file.modified);
  out.object_size = ObjectSizeAttribute{static_cast<std::int64_t>(file.octets.size())};
  return out;
}
std::optional<EnvironmentParameter> environment_of(const FilePart& file) {
  if (!file.application && file.description.empty()) return std::nullopt;
  EnvironmentParameter out;
  if (file.application) out.application_reference = GeneralIdentifier{*file.application};
  if (!file.description.empty()) out.user_visible_string = {graphic(file.description)};
  return out;
}

Result<BodyPart> body_part(const TextPart& text, const ComposeOptions&) {
  return text_body_part(text.utf8, text.form.value_or(smallest_form(text.utf8)));
}
Result<BodyPart> body_part(const FilePart& file, const ComposeOptions& options) { return file_body_part(file, options.files); }
Result<BodyPart> body_part(const ForwardedPart& forwarded, const ComposeOptions&) {
  // X.420 7.3.7: the envelope is there only where the time is.
  if (forwarded.envelope && !forwarded.delivery_time) return wrong("parts", "a forwarded message's envelope needs its delivery time");
  return BodyPart{asn1::Box<MessageBodyPart>({{time_of(forwarded.delivery_time), forwarded.envelope}, forwarded.message})};
}
Result<BodyPart> body_part(const BodyPart& part, const ComposeOptions&) { return part; }

Result<Body> body_of(const Draft& draft, const ComposeOptions& options) {
  Body out;
  for (const Part& each : draft.parts) {
    POSTERN_TRY(BodyPart made, std::visit([&](const auto& part) { return body_part(part, options); }, each));
    out.push_back(std::move(made));
  }
  return out;
}

// ---- copies
Result<Copy> copy_of(IPM message, const std::vector<const Recipient*>& recipients) {
  Copy out{std::move(message), {}, {}};
  for (const Recipient* each : recipients) out.recipients.push_back(*each->party.name);
  // What we write ourselves keeps to every constraint; what is forwarded goes on as it came.
  POSTERN_CHECK(asn1::encode(out.message.heading));
  InformationObject object{std::move(out.message)};
  POSTERN_TRY(out.content, asn1::encode_as_taken(object));
  out.message = std::get<IPM>(std::move(object.value));
  return out;
}

std::vector<const Recipient*> shown_recipients(const Draft& draft) {
  std::vector<const Recipient*> out;
  for (const auto* list : {&draft.primary, &draft.copy})
    for (const Recipient& each : *list) out.push_back(&each);
  return out;
}

Result<std::vector<Copy>> copies_of(const Draft& draft, const IPM& message) {
  std::vector<Copy> out;
  if (const auto shown = shown_recipients(draft); !shown.empty()) {
    POSTERN_TRY(Copy open, copy_of(message, shown));
    out.push_back(std::move(open));
  }
  for (const Recipient& each : draft.blind_copy) {
    IPM hidden = message;
    POSTERN_TRY(RecipientSpecifier made, specifier(each, "blind_copy"));
    hidden.heading.blind_copy_recipients = {std::move(made)};
    POSTERN_TRY(Copy blind, copy_of(std::move(hidden), {&each}));
    out.push_back(std::move(blind));
  }
  if (out.empty()) return wrong("primary", "a message needs at least one recipient");
  return out;
}

}  // namespace

Result<ORDescriptor> descriptor(const Party& party) {
  ORDescriptor out;
  out.formal_name = party.name;
  if (!party.free_form_name.empty()) {
    auto name = asn1::from_utf8(asn1::Alphabet::Teletex, party.free_form_name);
    if (!name) return wrong("free_form_name", name.error().what);
    out.free_form_name = *std::move(name);
  }
  if (!party.telephone.empty()) {
    auto number = asn1::from_utf8(asn1::Alphabet::Printable, party.telephone);
    if (!number) return wrong("telephone", number.error().what);
    out.telephone_number = *std::move(number);
  }
  return out;
}

Result<BodyPart> file_body_part(const FilePart& file, FileForm form) {
  if (form == FileForm::BilaterallyDefined) return BodyPart{BilaterallyDefinedBodyPart(file.octets)};
  if (file.name.empty()) return wrong("name", "a file needs a name, so that its recipient can save it");
  FileTransferParameters parameters;
  parameters.environment = environment_of(file);
  parameters.file_attributes = attributes_of(file);
  POSTERN_TRY(ExtendedBodyPart part, extended_body_part(BodyPartType::FileTransfer, parameters, file_data(file.octets)));
  return BodyPart{std::move(part)};
}

Result<Composed> compose(const Draft& draft, const ComposeOptions& options) {
  IPM message;
  POSTERN_TRY(message.heading, heading_of(draft));
  POSTERN_TRY(message.body, body_of(draft, options));
  Composed out;
  out.types = encoded_information_types(message.body);
  POSTERN_TRY(out.copies, copies_of(draft, message));
  // A blind copy recipient's precedence is an extension that only that copy has: one type covers them all.
  out.content_type = mts::BuiltInContentType::InterpersonalMessaging1984;
  for (const Copy& each : out.copies) out.content_type = std::max(out.content_type, content_type_of({each.message}));
  return out;
}

}  // namespace postern::ipm
