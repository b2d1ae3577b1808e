// General text to and from UTF-8 (X.420 annex B "general text"; ISO 2022, ISO International Register of coded character sets).
//
// Known: ISO 646 (registrations 1, 2, 6), the right-hand parts of ISO 8859 (100, 101, 109, 110, 126, 127, 138, 144, 148, 157, 166, 179,
// 199, 203, 226), UTF-8 (190, 191, 192, 196). Escape sequences between them are followed; what has no character comes out as U+FFFD, and
// counted.
#pragma once

#include "ipm/extended_body.hpp"

namespace postern::ipm {

struct PlainText {
  std::string utf8;      ///< Lines end with LF.
  std::size_t lost = 0;  ///< Octets that stand for no known character.
  std::string remark;    ///< Names what was not understood; empty when all was.
};
[[nodiscard]] PlainText general_text_to_utf8(const GeneralTextParameters& parameters, std::string_view octets);
/// IA5, teletex or videotex text by their alphabets, tolerant in the same way.
[[nodiscard]] PlainText text_to_utf8(asn1::Alphabet alphabet, std::string_view octets);

/// Lines end with CR LF in what is sent, whichever way they ended.
[[nodiscard]] std::string with_crlf(std::string_view text);
/// The smallest repertoire that holds the text.
enum class TextForm { Ia5, Latin1, Utf8 };
[[nodiscard]] TextForm smallest_form(std::string_view utf8);
/// A body part that holds the text: ia5-text, general text with ISO 8859-1 {1, 6, 100}, or general text with UTF-8 {196}. Lines end with CR
/// LF in it. BadInput where the text is not UTF-8, or does not fit the form.
[[nodiscard]] Result<BodyPart> text_body_part(std::string_view utf8, TextForm form);

}  // namespace postern::ipm
