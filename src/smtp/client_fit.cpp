// Whether a message can be said to a server at all, and with which parameters.
#include <algorithm>

#include "smtp/client_state.hpp"

namespace postern::smtp {

namespace {

RecipientResult local(LocalCause cause, Reply reply) { return {Delivery::PermanentFailure, std::move(reply), cause, false}; }

bool needs_utf8(const OutgoingMessage& message) {
  const auto utf8 = [](const OutgoingRecipient& recipient) { return recipient.path.mailbox().needs_utf8(); };
  if (message.from.mailbox() && message.from.mailbox()->needs_utf8()) return true;
  return std::any_of(message.recipients.begin(), message.recipients.end(), utf8);
}

std::optional<RecipientResult> fit_body(OutgoingMessage& message, const ContentFacts& facts, const Capabilities& capabilities,
                                        std::size_t line_limit) {
  const bool long_line = line_limit != 0 && facts.longest_line > line_limit;
  const bool binary = facts.bare_line_end || facts.nul || long_line;
  if (message.parameters.body == BodyType::BinaryMime) {
    if (capabilities.chunking && capabilities.binary_mime) return std::nullopt;
    // RFC 3030 3: "a binary message may not be sent" to a server without BINARYMIME; one that only says it is binary may.
    if (binary)
      return local(LocalCause::NeedsBinaryMime, {554, {5, 6, 3}, "The message is binary and the next server does not offer BINARYMIME"});
  }
  // RFC 5321 2.3.8 and 4.5.3.1.6: never emitted, whoever wrote it.
  if (facts.bare_line_end || facts.nul)
    return local(LocalCause::BadContent, {554, {5, 6, 11}, "The message holds a bare CR, a bare LF or a NUL and cannot be sent"});
  if (long_line)
    return local(LocalCause::BadContent,
                 {554, {5, 6, 0}, "The message has a line of more than " + std::to_string(line_limit) + " octets and cannot be sent"});
  if (facts.eight_bit && !capabilities.eight_bit_mime)
    return local(LocalCause::Needs8BitMime, {554, {5, 6, 3}, "The message has 8-bit content and the next server takes 7 bits only"});
  const bool say_eight = facts.eight_bit || message.parameters.body != BodyType::SevenBit;
  message.parameters.body = say_eight && capabilities.eight_bit_mime ? BodyType::EightBitMime : BodyType::SevenBit;
  return std::nullopt;
}

}  // namespace

Extensions extensions_of(const Capabilities& capabilities) noexcept {
  Extensions out;
  out.size = capabilities.size.has_value();
  out.eight_bit_mime = capabilities.eight_bit_mime;
  out.binary_mime = capabilities.chunking && capabilities.binary_mime;
  out.smtputf8 = capabilities.smtputf8;
  out.dsn = capabilities.dsn;
  out.auth = !capabilities.auth.empty();
  out.requiretls = capabilities.requiretls;
  return out;
}

std::optional<RecipientResult> fit_message(OutgoingMessage& message, const Capabilities& capabilities, bool tls, std::size_t line_limit) {
  MailParameters& parameters = message.parameters;
  const ContentFacts facts = inspect_content(message.content);
  if (auto result = fit_body(message, facts, capabilities, line_limit)) return result;
  // RFC 6531 3.5: without SMTPUTF8 on offer the message "MUST NOT" go there when it needs it, and may when it does not.
  const bool utf8 = needs_utf8(message) || (parameters.smtputf8 && facts.eight_bit_header);
  if (utf8 && !capabilities.smtputf8)
    return local(LocalCause::NeedsSmtpUtf8, {553, {5, 6, 7}, "The message needs SMTPUTF8 and the next server does not offer it"});
  parameters.smtputf8 = utf8 || parameters.smtputf8;
  // RFC 8689 4.2.1: "the SMTP client MUST ... ensure that the server supports REQUIRETLS" over TLS, or not send.
  if (parameters.requiretls && !tls)
    return local(LocalCause::NeedsRequireTls, {550, {5, 7, 10}, "The sender asked for REQUIRETLS and the connection has no TLS"});
  if (parameters.requiretls && !capabilities.requiretls)
    return local(LocalCause::NeedsRequireTls, {550, {5, 7, 30}, "The sender asked for REQUIRETLS and the next server does not offer it"});
  parameters.size = message.content.size();
  // RFC 1870 6.1; 0 means no fixed maximum (RFC 1870 4).
  if (const std::uint64_t limit = capabilities.size.value_or(0); limit != 0 && message.content.size() > limit)
    return local(LocalCause::TooLarge, {552,
                                        {5, 3, 4},
                                        "The message has " + std::to_string(message.content.size()) + " octets and the next server takes " +
                                            std::to_string(limit)});
  return std::nullopt;
}

RecipientResult result_of(const Reply& reply) {
  RecipientResult out;
  out.reply = reply;
  if (reply.code / 100 == 2) {
    out.delivery = Delivery::Accepted;
  } else if (reply.permanent()) {
    out.delivery = Delivery::PermanentFailure;
  } else if (!reply.transient()) {
    out.cause = LocalCause::Protocol;  // 3xx where none belongs
  }
  return out;
}

}  // namespace postern::smtp
