// How one value stands in text: its variants, its escapes. Shared by reader and writer; see or_text.hpp for the notation.
#pragma once

#include "oraddress/attribute.hpp"

namespace postern::oraddress {

/// What a value in text says: one attribute whose alphabet was chosen, or the variants that were written out.
struct ReadValue {
  Attributes variants;
  bool chosen = false;
};
/// `text` has its separators' escapes removed. BadInput without the attribute's name.
[[nodiscard]] Result<ReadValue> read_value(Keyword keyword, std::string_view type, std::string_view text);

/// All variants of one attribute (equal keyword and type), in the order of Form. With `bare`, one variant is written without asterisks.
[[nodiscard]] std::string value_text(std::span<const Attribute> variants, bool ascii, bool bare);
/// Whether reading the bare text chooses just this alphabet.
[[nodiscard]] bool reads_back_bare(const Attribute& attribute);
/// Characters that mean something in a value as {ddd}, and spaces at its ends.
[[nodiscard]] std::string escaped(std::string_view utf8, bool ascii);
/// {ddd} below 128 as the characters they are; BadInput at an octet of T.61.
[[nodiscard]] Result<std::string> unescaped(std::string_view text);

/// The attribute in a wider alphabet; it must have the variant.
[[nodiscard]] Attribute widened(const Attribute& attribute, Form form);

/// Attributes that choose their alphabet together: the parts of a personal name, the units. 0: by itself.
[[nodiscard]] constexpr int family_of(Keyword keyword) noexcept {
  if (keyword >= Keyword::S && keyword <= Keyword::Q) return 1;
  if (keyword >= Keyword::OU1 && keyword <= Keyword::OU4) return 2;
  return 0;
}

}  // namespace postern::oraddress
