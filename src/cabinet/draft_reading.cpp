// From a draft that lies here back to what was asked for, so that it can be changed and composed anew.
#include "cabinet/draft.hpp"
#include "ipm/read.hpp"
#include "oraddress/or_text.hpp"

namespace postern::cabinet {
namespace {

std::vector<std::string> addresses_of(const std::optional<std::vector<ipm::ORDescriptor>>& list) {
  std::vector<std::string> out;
  for (const ipm::ORDescriptor& each : list.value_or(std::vector<ipm::ORDescriptor>()))
    if (each.formal_name) out.push_back(oraddress::write(*each.formal_name));
  return out;
}

Result<HeadingOptions> options_of(const ipm::Heading& heading) {
  using ipm::HeadingExtensionType;
  HeadingOptions out;
  out.sensitivity = heading.sensitivity;
  out.expires = seconds_of(heading.expiry_time);
  out.reply_by = seconds_of(heading.reply_time);
  out.replied_to = heading.replied_to_ipm;
  out.obsoletes = heading.obsoleted_ipms;
  out.related = heading.related_ipms;
  out.reply_recipients = addresses_of(heading.reply_recipients);
  out.authorizing_users = addresses_of(heading.authorizing_users);
  POSTERN_TRY(out.auto_submitted, ipm::heading_extension<HeadingExtensionType::AutoSubmitted>(heading));
  POSTERN_TRY(const auto languages, ipm::heading_extension<HeadingExtensionType::Languages>(heading));
  for (const auto& each : languages.value_or(ipm::Languages())) out.languages.push_back(each.octets);
  return out;
}

/// compose() writes the text first; everything else goes out again as it is.
void put_body(const ipm::InformationObject& object, Request& out) {
  const ipm::Body& body = object.ipm()->body;
  const ipm::MessageView view = ipm::read(object);
  const bool has_text = !view.parts.empty() && view.parts.front().kind == ipm::PartKind::Text;
  if (has_text) out.text = view.parts.front().text;
  for (std::size_t n = has_text ? 1 : 0; n < body.size(); ++n) out.attachments.emplace_back(body[n]);
}

void put_recipients(const Item& item, Request& out) {
  for (const Recipient& each : item.recipients)
    (each.kind == RecipientKind::To ? out.to : each.kind == RecipientKind::Cc ? out.cc : out.bcc).push_back(each.address);
  const Recipient& one = item.recipients.front();  // they are asked the same
  out.recipients.report = one.report;
  out.recipients.receipt = one.receipt ? ReceiptRequest::Receipt : one.non_receipt ? ReceiptRequest::NonReceipt : ReceiptRequest::None;
  out.recipients.return_message = one.return_message;
  out.recipients.reply_requested = one.reply_requested;
  out.recipients.precedence = one.precedence;
  out.recipients.alternate = one.alternate;
}

}  // namespace

std::optional<std::int64_t> seconds_of(const std::optional<asn1::UtcTime>& time) {
  if (!time) return std::nullopt;
  const auto seconds = time->unix_seconds();
  return seconds ? std::optional(*seconds) : std::nullopt;
}

Result<Request> request_of(const Item& item, ByteView content) {
  Request out;
  if (item.recipients.empty()) return fail(ErrorCode::IntegrityFailed, "a draft without recipients", "id");
  put_recipients(item, out);
  out.importance = item.importance, out.priority = item.priority, out.flags = item.flags;
  out.deferred_until = item.deferred_until, out.latest_delivery = item.latest_delivery;
  if (item.has_own_content_identifier) out.content_identifier = item.content_identifier;
  if (item.pass_through) {
    out.content = GivenContent{item.content_type, Bytes(content.begin(), content.end())};
    return out;
  }
  const auto object = asn1::decode<ipm::InformationObject>(content);
  if (!object || object->ipm() == nullptr)
    return fail(ErrorCode::IntegrityFailed, "the draft's content is not what was composed here", "id");
  out.subject = item.subject;
  POSTERN_TRY(out.heading, options_of(object->ipm()->heading));
  put_body(*object, out);
  return out;
}

}  // namespace postern::cabinet
