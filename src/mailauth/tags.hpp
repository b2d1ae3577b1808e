// RFC 6376 3.2 tag=value lists, as DKIM signatures, DKIM keys, ARC and DMARC records use them.
//
// Strict: a duplicate tag, an empty element, a name that is no tag-name or a value outside VALCHAR makes the whole list invalid, as 3.2
// demands. UTF-8 in values is allowed (RFC 8616 5).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace postern {

struct Tag {
  std::string_view name;        ///< Case-sensitive.
  std::string_view value;       ///< Without white space at both ends; folds inside are kept.
  std::size_t value_begin = 0;  ///< The octets between "=" and ";" in the text, surrounding white space included:
  std::size_t value_end = 0;    ///< what is deleted from b= before hashing (RFC 6376 3.7).

  /// The value without any white space and folds: only where the grammar lets FWS stand between any two octets, as in base64string (2.10)
  /// and dkim-quoted-printable (2.11).
  [[nodiscard]] std::string compact() const;
  /// A list with colons between (h=, q= and, of keys, h=, s= and t=): FWS may stand around a colon and nowhere else (3.5, 3.6.1), so that a
  /// word with white space inside comes out with it and is none that anybody knows. Borrows what the tag does.
  [[nodiscard]] std::vector<std::string_view> words() const;
  /// Whether one of words() is `word`, in any case.
  [[nodiscard]] bool has_word(std::string_view word) const;
};

/// Borrows the text.
class TagList {
 public:
  /// BadInput says which tag. At most `max_tags`.
  [[nodiscard]] static Result<TagList> parse(std::string_view text, std::size_t max_tags = 64);

  [[nodiscard]] const Tag* find(std::string_view name) const noexcept;
  [[nodiscard]] const std::vector<Tag>& tags() const noexcept { return m_tags; }

 private:
  std::vector<Tag> m_tags;
};

}  // namespace postern
