// Header protection (RFC 9788): the author's header fields travel inside the protected part too, so that a signature covers them and
// encryption can hide some of them.
//
// Writing: which fields are copied in, which stay outside in which form. Reading: what an opened or verified payload says about its
// header, and the message's fields restored from it. A payload is trusted here only after its integrity was checked by the caller.
//
// Does not write legacy display elements (RFC 9788 2.1.2): they would change the body for everybody.
// Does not read the older draft forms (message/rfc822 wrapping, protected-headers="v1").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mime/message.hpp"
#include "seal/profile.hpp"

namespace postern {

struct ProtectedHeader {
  std::string outer;  ///< The message's own fields as they stay outside.
  std::string inner;  ///< Fields that go in front of the payload's Content-* fields.
  std::string hp;     ///< Value of the hp parameter: "clear", "cipher", or empty when no copies were asked for.
};

/// Copies the author's fields (never Bcc, never trace or authentication fields). `encrypting` selects hp="cipher" with HP-Outer fields
/// (RFC 9788 2.2) and allows hiding.
[[nodiscard]] Result<ProtectedHeader> protect_header(const MessageView& message, const HeaderProtection& options, bool encrypting);

/// What a verified payload said about the header.
struct HeaderFacts {
  std::string hp;                     ///< "", "clear" or "cipher".
  std::vector<std::string> altered;   ///< Names of fields whose outer value differs from the signed copy, in the payload's order.
  std::vector<std::string> restored;  ///< Names of fields put back from inside (restore_header only).
  [[nodiscard]] bool is_protected() const noexcept { return !hp.empty(); }
};

/// Compares the signed copies in `payload` with the message's fields.
[[nodiscard]] HeaderFacts compare_header(const MessageView& message, std::string_view payload, const Limits& limits);

struct RestoredHeader {
  std::string fields;  ///< The message's own fields with hidden ones put back.
  HeaderFacts facts;
};
/// After decryption: fields that the sender obscured (their HP-Outer is what stands outside, RFC 9788 4.3) get their inner value back. A
/// field that was changed on its way, and From in any case, stays as it came and is reported as altered.
[[nodiscard]] RestoredHeader restore_header(const MessageView& message, std::string_view payload, const Limits& limits);

/// The payload inside a signed or plain entity: goes through multipart/signed to its first part (RFC 9788 1.1, "Cryptographic Payload").
[[nodiscard]] std::string_view payload_of(std::string_view entity, const Limits& limits);
/// The entity without the copies: only its structural fields, hp parameter removed. For delivery after the protection has been taken off.
[[nodiscard]] std::string strip_copies(std::string_view entity, const Limits& limits);

}  // namespace postern
