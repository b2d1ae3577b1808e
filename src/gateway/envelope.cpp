#include "gateway/envelope.hpp"

namespace postern::gateway {
namespace {

std::uint8_t bits_of(const smtp::Notify& notify) {
  return static_cast<std::uint8_t>((notify.never ? kNotifyNever : 0) | (notify.success ? kNotifySuccess : 0) |
                                   (notify.failure ? kNotifyFailure : 0) | (notify.delay ? kNotifyDelay : 0));
}

smtp::Notify notify_of(std::uint8_t bits) {
  return {(bits & kNotifyNever) != 0, (bits & kNotifySuccess) != 0, (bits & kNotifyFailure) != 0, (bits & kNotifyDelay) != 0};
}

/// RFC 3461 4.2: type ";" xtext; RFC 6533 3 for the utf-8 type.
std::string orcpt_text(const smtp::OriginalRecipient& original) {
  return original.type + ";" +
         (original.type == "utf-8" ? smtp::utf8_addr_xtext_encode(original.address) : smtp::xtext_encode(original.address));
}

std::optional<smtp::OriginalRecipient> orcpt_of(const std::string& text) {
  const auto semicolon = text.find(';');
  if (semicolon == std::string::npos) return std::nullopt;
  std::string type = text.substr(0, semicolon);
  const std::string encoded = text.substr(semicolon + 1);
  auto address = type == "utf-8" ? smtp::utf8_addr_decode(encoded) : smtp::xtext_decode(encoded);
  if (!address) return std::nullopt;
  return smtp::OriginalRecipient{std::move(type), *std::move(address)};
}

}  // namespace

Envelope to_spool(const smtp::Envelope& envelope) {
  Envelope out;
  out.reverse_path = address_of(envelope.from);
  out.envid = smtp::xtext_encode(envelope.parameters.envid);
  out.ret = static_cast<DsnReturn>(envelope.parameters.ret);
  out.body = static_cast<BodyType>(envelope.parameters.body);
  out.smtputf8 = envelope.parameters.smtputf8;
  out.requiretls = envelope.parameters.requiretls;
  return out;
}

QueuedRecipient to_spool(const smtp::RcptParameters& parameters, std::string address, std::string route) {
  QueuedRecipient out;
  out.address = std::move(address);
  out.route = std::move(route);
  out.notify = bits_of(parameters.notify);
  if (parameters.orcpt) out.orcpt = orcpt_text(*parameters.orcpt);
  return out;
}

Result<ReversePath> reverse_path_of(const Envelope& envelope) {
  if (envelope.reverse_path.empty()) return ReversePath();
  POSTERN_TRY(auto mailbox, Mailbox::parse(envelope.reverse_path, Utf8::Allow));
  return ReversePath(std::move(mailbox));
}

smtp::MailParameters mail_parameters_of(const Envelope& envelope) {
  smtp::MailParameters out;
  out.body = static_cast<smtp::BodyType>(envelope.body);
  out.smtputf8 = envelope.smtputf8;
  out.requiretls = envelope.requiretls;
  out.ret = static_cast<smtp::DsnReturn>(envelope.ret);
  if (auto envid = smtp::xtext_decode(envelope.envid)) out.envid = *std::move(envid);
  return out;
}

Result<smtp::OutgoingRecipient> to_smtp(const DueRecipient& recipient, bool smtputf8) {
  POSTERN_TRY(auto mailbox, Mailbox::parse(recipient.address, smtputf8 ? Utf8::Allow : Utf8::Refuse));
  return smtp::OutgoingRecipient{ForwardPath(std::move(mailbox)), {notify_of(recipient.notify), orcpt_of(recipient.orcpt)}};
}

}  // namespace postern::gateway
