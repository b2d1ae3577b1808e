#include "seal/payload.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "mime/writer.hpp"
#include "seal/entity.hpp"

namespace postern {
namespace {

/// RFC 8551 3.1.3 and RFC 3156 5 want 7bit. What holds a stranger's signed 8-bit part is left alone (Conflict of to_7bit).
Status make_canonical(Payload& payload, const Limits& limits) {
  auto canonical = canonical_entity(payload.entity, limits);
  if (canonical) {
    payload.entity = *std::move(canonical);
    return {};
  }
  if (canonical.error().code != ErrorCode::Conflict) return fail(std::move(canonical).error());
  payload.eight_bit = true;
  return {};
}

/// Content made elsewhere may have LF line ends; then its header has them too. Binary bodies under a CRLF header stay as they are.
std::string with_crlf(std::string_view entity) {
  const auto first = entity.find('\n');
  const bool bare = first != std::string_view::npos && (first == 0 || entity[first - 1] != '\r');
  return bare ? normalize_crlf(entity) : std::string(entity);
}

/// At least one header field and none that is broken, or an empty header (RFC 2045 5.2: plain text then).
Status expect_entity(std::string_view entity, const Limits& limits) {
  POSTERN_TRY(const MessageView view, MessageView::parse(entity, limits));
  POSTERN_CHECK(view.refuse_unsafe_header());
  if (view.fields().empty() && !entity.starts_with("\r\n")) return fail(ErrorCode::BadInput, "the protected content is no MIME entity");
  return {};
}

}  // namespace

Status expect_unprotected(const MessageView& message) {
  const Protection protection = classify(message).protection;
  if (!is_protected(protection)) return {};
  return fail(ErrorCode::Conflict, "the message is " + std::string(name_of(protection)) + " already; pass it on untouched");
}

Status expect_unencrypted(const MessageView& message) {
  const Protection protection = classify(message).protection;
  if (!is_encrypted(protection)) return {};
  return fail(ErrorCode::Conflict, "the message is " + std::string(name_of(protection)) + " already; pass it on untouched");
}

Result<Payload> make_payload(const MessageView& message, const HeaderProtection& header, bool encrypting, const SealContext& context) {
  const bool sealed = is_protected(classify(message).protection);
  POSTERN_TRY(const CutMessage cut, cut_message(message));
  // A payload under somebody's signature cannot take copies of header fields.
  POSTERN_TRY(ProtectedHeader fields, protect_header(message, sealed ? HeaderProtection{.copy_fields = false} : header, encrypting));
  Payload out;
  out.fields = std::move(fields.outer);
  const std::string entity_fields = sealed ? cut.entity_fields : with_type_parameter(cut.entity_fields, "hp", fields.hp);
  out.entity = make_entity(fields.inner + entity_fields, cut.body);
  if (!sealed) POSTERN_CHECK(make_canonical(out, context.limits));
  return out;
}

Result<std::string> multipart_entity(std::string_view type_value, std::vector<std::string_view> parts, Random& random) {
  const std::string boundary = make_boundary(random);
  POSTERN_TRY(const std::string body, make_multipart_body(parts, boundary));
  return make_entity("Content-Type: " + std::string(type_value) + ";\r\n boundary=\"" + boundary + "\"\r\n", body);
}

std::string base64_entity(std::string_view fields, ByteView content) {
  return make_entity(std::string(fields) + "Content-Transfer-Encoding: base64\r\n", encode_base64_body(as_text(content)));
}

Result<Restored> restore_message(const MessageView& outer, std::string_view raw_entity, const Limits& limits) {
  const std::string entity = with_crlf(raw_entity);
  POSTERN_CHECK(expect_entity(entity, limits));
  RestoredHeader header = restore_header(outer, payload_of(entity, limits), limits);
  Restored out;
  out.message = join_message(header.fields, strip_copies(entity, limits));
  out.header = std::move(header.facts);
  const auto view = MessageView::parse(out.message, limits);
  if (view) out.inner = classify(*view).protection;
  return out;
}

std::vector<Mailbox> from_mailboxes(const MessageView& message) {
  if (message.count("From") != 1) return {};
  const auto list = parse_address_list(message.find("From")->value);
  std::vector<Mailbox> out;
  if (list) {
    for (const NamedMailbox& named : list->mailboxes()) out.push_back(named.mailbox);
  }
  return out;
}

bool any_address_matches(const std::vector<std::string>& addresses, const std::vector<Mailbox>& mailboxes) {
  return std::any_of(mailboxes.begin(), mailboxes.end(), [&](const Mailbox& mailbox) {
    const std::string wanted = mailbox.text();
    return std::any_of(addresses.begin(), addresses.end(), [&](const std::string& address) { return iequals(address, wanted); });
  });
}

}  // namespace postern
