// Writing messages: header fields, multiparts, transfer encodings, and edits of a raw header that touch no other byte.
//
// Everything here emits CRLF and lines of at most 998 octets (RFC 5322 2.1.1), folded at 76 where there is white space to fold at.
// No function lets a value break out of its field: CR, LF and NUL in a value are BadInput, whatever they would have meant.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "mime/message.hpp"

namespace postern {

/// "Name: value\r\n", folded before white space so that lines stay within `width` where possible (RFC 5322 2.2.3). The value is
/// taken as it is: encode with encode_header_text() first where it is not ASCII. UTF-8 is written as it is (RFC 6532).
/// BadInput: name not RFC 5322 ftext, control characters in the value, or a word too long for a line of 998.
[[nodiscard]] Result<std::string> fold_field(std::string_view name, std::string_view value, std::size_t width = 76);
[[nodiscard]] Status append_field(std::string& out, std::string_view name, std::string_view value);

/// 26 characters with 144 random bits, starting with "=_", which base64 and quoted-printable text cannot contain. Write it quoted in the
/// parameter.
[[nodiscard]] std::string make_boundary(Random& random);

/// A multipart body from finished entities (header, blank line, body): delimiters around each, closed at the end.
/// BadInput when the boundary is no RFC 2046 boundary or begins a line in one of the entities.
[[nodiscard]] Result<std::string> make_multipart_body(std::span<const std::string_view> entities, std::string_view boundary,
                                                      std::string_view preamble = {});

/// One entity: fields are complete lines with CRLF (fold_field), then the blank line, then the body.
[[nodiscard]] std::string make_entity(std::string_view fields, std::string_view body);

/// Every bare CR, bare LF and CRLF becomes CRLF. For what we or a local user wrote; what came from a peer is refused instead.
[[nodiscard]] std::string normalize_crlf(std::string_view text);
/// No bare CR, no bare LF.
[[nodiscard]] bool has_only_crlf(std::string_view text) noexcept;
/// ASCII without NUL, CRLF only, no line over 998: may travel as 7bit (RFC 2045 2.7).
[[nodiscard]] bool is_7bit(std::string_view body) noexcept;

/// A line that is too long: its number, counted from 1, and its octets without CRLF.
struct LongLine {
  std::size_t number = 0;
  std::size_t octets = 0;
};
/// The first line of more than `limit` octets; nothing when there is none. Looks at a small part of a sound text only.
[[nodiscard]] std::optional<LongLine> find_long_line(std::string_view text, std::size_t limit) noexcept;

/// RFC 2045 6.7. Text: CRLF stays a line break. Binary: every CR and LF is encoded.
enum class LineBreaks { Text, Binary };
[[nodiscard]] std::string encode_quoted_printable(std::string_view data, LineBreaks breaks = LineBreaks::Text);
/// RFC 2045 6.8: lines of 76 characters, each ended by CRLF.
[[nodiscard]] std::string encode_base64_body(std::string_view data);

/// The same entity with every leaf body made 7bit, as RFC 8551 3.1.3 and RFC 3156 5 want it before a detached signature: 8-bit text becomes
/// quoted-printable, other leaves base64, containers lose their 8bit label. An entity that is 7bit already comes back byte for byte.
/// Conflict when an inner entity is itself multipart/signed and 8-bit (changing it would break a stranger's signature), or when the header
/// of an inner part is not ASCII (RFC 6532), which no transfer encoding can help. TooLarge past mime_depth or mime_parts.
[[nodiscard]] Result<std::string> to_7bit(std::string_view entity, const Limits& limits = {});

/// Changes to the header section of a raw message; all other bytes stay what they are.
struct HeaderEdit {
  std::vector<std::string> remove;  ///< Names; every field of that name goes.
  std::string prepend;              ///< Complete fields with CRLF, put in front of everything (trace fields, signatures).
  std::string append;               ///< Complete fields with CRLF, put behind the last field.
};
[[nodiscard]] std::string edit_header(const MessageView& message, const HeaderEdit& edit);
/// The same with a say about each field: those for which `keep` is false go.
template <class Keep>
[[nodiscard]] std::string edit_header_if(const MessageView& message, std::string_view prepend, std::string_view append, Keep keep) {
  std::string out;
  out.reserve(message.raw().size() + prepend.size() + append.size() + 2);
  out += prepend;
  for (const HeaderField& field : message.fields()) {
    if (keep(field)) out += field.raw;
  }
  if (!out.empty() && out.back() != '\n' && !append.empty()) out += "\r\n";
  out += append;
  out += message.raw().substr(message.header_block().size());
  return out;
}

}  // namespace postern
