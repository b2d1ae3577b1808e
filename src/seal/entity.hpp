// A message cut into what belongs to the message and what belongs to its MIME entity, and put together again (RFC 8551 3.1, RFC 3156 3).
//
// Sealing moves the entity (Content-* fields and body) inside; opening moves the inner entity out again. The message's own fields
// (Received, From, To, Subject, ...) keep their bytes and their order and stay outside. MIME-Version belongs to neither: it is written new.
#pragma once

#include <string>
#include <string_view>

#include "base/limits.hpp"
#include "mime/message.hpp"

namespace postern {

/// Content-* and MIME-Version: structural fields in the words of RFC 9788 1.1.
[[nodiscard]] bool is_structural_field(const HeaderField& field) noexcept;

/// The field as it came, with its CRLF even where the message ended without one.
[[nodiscard]] std::string whole_field(const HeaderField& field);

struct CutMessage {
  std::string entity_fields;  ///< Content-* fields, complete lines; never empty: RFC 2045 5.2 defaults are written out.
  std::string_view body;      ///< Borrows from the message.
};

/// BadInput when the header is unsafe to rewrite (bare CR or LF, NUL, a line that is no field) or has two of one Content-* field, which two
/// readers could read in two ways. The message's own fields are the business of header_protection.hpp.
[[nodiscard]] Result<CutMessage> cut_message(const MessageView& message);

/// `fields`, then MIME-Version, then the entity (its fields, an empty line, its body).
[[nodiscard]] std::string join_message(std::string_view fields, std::string_view entity);

/// The value of Content-Type with one more parameter, or with none of that name when `value` is empty; the other fields as they are.
[[nodiscard]] std::string with_type_parameter(std::string_view entity_fields, std::string_view name, std::string_view value);

/// Entities as RFC 8551 3.1.1 and RFC 3156 5 want them before protection: CRLF line ends, 7bit,
/// and no line that relays or mailboxes change (trailing white space, "From "). Errors as to_7bit().
[[nodiscard]] Result<std::string> canonical_entity(std::string_view entity, const Limits& limits);

}  // namespace postern
