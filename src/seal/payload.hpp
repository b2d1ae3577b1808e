// The steps S/MIME and OpenPGP share: the payload to protect, and the message put together again. Inside this room only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mime/address.hpp"
#include "seal/detect.hpp"
#include "seal/header_protection.hpp"
#include "seal/profile.hpp"

namespace postern {

struct Payload {
  std::string fields;      ///< The message's own fields, as they stay outside.
  std::string entity;      ///< What gets protected: canonical, 7bit unless `eight_bit`.
  bool eight_bit = false;  ///< A signed 8-bit entity is inside, which must not be rewritten.
};

/// Cuts the message, copies header fields in, makes the entity canonical. A message that is signed already and is to be encrypted goes in
/// as it is.
[[nodiscard]] Result<Payload> make_payload(const MessageView& message, const HeaderProtection& header, bool encrypting,
                                           const SealContext& context);

/// Conflict when the message is protected in a way that forbids signing (or encrypting) it once more.
[[nodiscard]] Status expect_unprotected(const MessageView& message);
[[nodiscard]] Status expect_unencrypted(const MessageView& message);

/// "Content-Type: multipart/...; ..." with its parts; `type_value` without boundary.
[[nodiscard]] Result<std::string> multipart_entity(std::string_view type_value, std::vector<std::string_view> parts, Random& random);
/// A leaf entity with a base64 body.
[[nodiscard]] std::string base64_entity(std::string_view fields, ByteView content);

struct Restored {
  std::string message;
  HeaderFacts header;
  Protection inner = Protection::None;
};
/// The message around an opened entity: inner MIME fields replace the outer ones, hidden header fields come back. BadInput when `entity` is
/// no MIME entity. The caller has checked whatever integrity there is: header copies are believed as much as the body.
[[nodiscard]] Result<Restored> restore_message(const MessageView& outer, std::string_view entity, const Limits& limits);

/// The mailboxes of the one From field; empty when there is none, more than one, or it cannot be read.
[[nodiscard]] std::vector<Mailbox> from_mailboxes(const MessageView& message);
/// Whether one of the addresses is one of the mailboxes (domain without case; the local part without case too: RFC 8550 3 leaves it open,
/// and certificates often differ from headers in it).
[[nodiscard]] bool any_address_matches(const std::vector<std::string>& addresses, const std::vector<Mailbox>& mailboxes);

}  // namespace postern
