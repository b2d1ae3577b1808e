// A message seen as header fields and body, byte for byte (RFC 5322 2.1).
//
// DKIM, ARC and the rule "never rewrite what is signed" need the bytes as they came, so this view copies and repairs nothing.
// It is total: any bytes within the limits give a view, and what is wrong with them is in defects(). A door that must refuse
// bare CR, bare LF or NUL asks refuse_unsafe_header(); nobody else has to.
//
//   POSTERN_TRY(const MessageView message, MessageView::parse(raw, limits));
//   if (const HeaderField* from = message.find("From")) use(from->unfolded());
//
// Does not handle: the mbox "From " line (it shows up as a field without a name), decoding (encoded_word.hpp, tree.hpp),
// meaning of field values (address.hpp).
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "base/result.hpp"

namespace postern {

/// One header field. All views borrow from the message.
struct HeaderField {
  std::string_view
      name;  ///< As written, without the white space RFC 5322 4.5 allows before the colon. Empty: not a field at all (see defects).
  std::string_view raw;    ///< The whole field with its folds and its final line end: what DKIM "simple" signs.
  std::string_view value;  ///< Everything after the colon, folds included, without the final line end.

  /// RFC 5322 2.2.3: the value on one line (line ends removed, their white space kept), without white space at both ends.
  [[nodiscard]] std::string unfolded() const;
  [[nodiscard]] bool is(std::string_view other) const noexcept;  ///< Names compare without case.
};

enum class HeaderDefectKind {
  BareCr,             ///< CR without LF; stays part of the value.
  BareLf,             ///< LF without CR; taken as a line end, since most software downstream takes it so.
  Nul,                ///< A zero byte.
  NoColon,            ///< A line that is neither a field nor a continuation.
  BadName,            ///< RFC 5322 2.2: a name has printable ASCII characters other than the colon only.
  LooseContinuation,  ///< The header section begins with a folded line.
  LongLine,           ///< RFC 5322 2.1.1: more than 998 octets; accepted up to Limits::line_accepted.
  EightBit,           ///< Octets over 127 that are not UTF-8 (RFC 6532 3.1 allows UTF-8 only).
  NoBlankLine,        ///< The message ends inside the header section; the body is empty.
};
/// The stable name in JSON and logs ("bare_cr").
[[nodiscard]] std::string_view name_of(HeaderDefectKind kind) noexcept;

struct HeaderDefect {
  HeaderDefectKind kind;
  std::size_t field_number = 0;  ///< Counted from 1 at the top; 0 when it belongs to no field.
  std::string field_name;        ///< Printable form, at most 64 characters.
  std::size_t offset = 0;        ///< Of the offending octet in the message.

  /// For people: "field 3 (Subject): bare LF at offset 211".
  [[nodiscard]] std::string text() const;
};

/// Borrows `raw` for its whole life. Cheap to move, immutable, safe to share between threads.
class MessageView {
 public:
  /// TooLarge when a limit is passed: header_bytes, header_fields, line_accepted (in the header section only), message_bytes;
  /// the error's field is the limit's name. One defect of each kind per field is kept, at most 100 in all.
  [[nodiscard]] static Result<MessageView> parse(std::string_view raw, const Limits& limits = {});

  /// A temporary string would be gone before the view is used.
  template <class Text>
    requires std::same_as<Text, std::string>
  static Result<MessageView> parse(Text&& raw, const Limits& limits = {}) = delete;

  [[nodiscard]] std::string_view raw() const noexcept { return m_raw; }
  /// All fields with their line ends, without the blank line.
  [[nodiscard]] std::string_view header_block() const noexcept { return m_raw.substr(0, m_header_size); }
  /// Everything behind the blank line; empty when there is none.
  [[nodiscard]] std::string_view body() const noexcept { return m_raw.substr(m_body_offset); }
  [[nodiscard]] const std::vector<HeaderField>& fields() const noexcept { return m_fields; }
  [[nodiscard]] const std::vector<HeaderDefect>& defects() const noexcept { return m_defects; }

  /// The first (topmost) field of that name, or null.
  [[nodiscard]] const HeaderField* find(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
  /// Unfolded value of the first field of that name, or empty.
  [[nodiscard]] std::string value(std::string_view name) const;

  /// BadInput naming field and octet when the header section has a bare CR, a bare LF, a NUL or a line that is no field: such a
  /// message can mean different things to different software, and no door should take it.
  [[nodiscard]] Status refuse_unsafe_header() const;

 private:
  std::string_view m_raw;
  std::size_t m_header_size = 0;
  std::size_t m_body_offset = 0;
  std::vector<HeaderField> m_fields;
  std::vector<HeaderDefect> m_defects;
};

/// RFC 5322 3.6.8 field-name: printable ASCII other than the colon, at least one.
[[nodiscard]] bool is_field_name(std::string_view name) noexcept;

/// RFC 5322 2.2.3, as HeaderField::unfolded() does it.
[[nodiscard]] std::string unfold(std::string_view value);

}  // namespace postern
