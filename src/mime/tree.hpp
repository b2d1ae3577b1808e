// A message as a tree of MIME entities with decoded content (RFC 2045, 2046, 2183, 2231), over GMime 3.
//
// For looking and deciding: policy, search, listing, finding what to decrypt. Never for writing a message back: the tree does not
// hold the exact bytes. What must stay byte-exact goes through message.hpp and split_multipart().
//
// Limits: Limits::mime_depth and mime_parts are checked by an iterative scan of our own before GMime sees the bytes, and again on its
// answer, because GMime recurses; passing one is TooLarge with the limit's name in the error's field.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/limits.hpp"

namespace postern {

/// Something a part is not allowed to be, or that two programs may read in two ways.
struct MimeDefect {
  std::string
      code;  ///< Stable: "missing_end_boundary", "missing_boundary", "bad_transfer_encoding", "bad_base64", "unknown_charset",
             ///< "bad_charset_bytes", "encoded_multipart", "8bit_in_7bit", "bad_content_type", "duplicate_field", ... (README lists all)
  std::size_t offset = 0;  ///< In the message, where known.
  std::string detail;      ///< A header name or the like; printable.
};

/// One entity. Owns everything.
struct MimePart {
  std::string type = "text/plain";                ///< Lower case, without parameters.
  std::map<std::string, std::string> parameters;  ///< Content-Type parameters, names in lower case, RFC 2231 values decoded to UTF-8.
  std::string charset;                            ///< Lower case; empty when not given.
  std::string disposition;                        ///< "attachment", "inline", ... lower case; empty when not given.
  std::string filename;            ///< UTF-8, from Content-Disposition or the name parameter. Untrusted: it may hold path separators.
  std::string transfer_encoding;   ///< "7bit", "8bit", "binary", "quoted-printable", "base64"; lower case; empty when not given.
  std::string content_id;          ///< Without angle brackets.
  std::string description;         ///< Content-Description, decoded to UTF-8.
  Bytes content;                   ///< Leaf: transfer decoding undone, charset as sent. Empty for containers.
  std::vector<MimePart> children;  ///< multipart/*: its parts in order. message/rfc822 and message/global: exactly one, the message inside.
  std::vector<MimeDefect> defects;

  [[nodiscard]] bool is_container() const noexcept { return !children.empty(); }
  /// This part and all below.
  [[nodiscard]] std::size_t part_count() const noexcept;
};

/// Parses a whole message (or an entity with its own header).
[[nodiscard]] Result<MimePart> parse_mime_tree(std::string_view raw, const Limits& limits = {});

/// The content of a text part in UTF-8: charset converted, invalid octets replaced by U+FFFD, line ends as sent. A part without a
/// charset, or with an unknown one, is read as UTF-8 if it is that, else as windows-1252.
[[nodiscard]] std::string text_of(const MimePart& part);

/// Content-Type split by RFC 2045 5.1. Parameters as in MimePart.
struct ContentType {
  std::string type;  ///< "multipart/signed"
  std::map<std::string, std::string> parameters;
  /// The parameter, or empty.
  [[nodiscard]] std::string parameter(std::string_view name) const;
  [[nodiscard]] bool is_multipart() const noexcept { return type.starts_with("multipart/"); }
};
/// Of a field value. A value that is no content type gives text/plain (RFC 2045 5.2).
[[nodiscard]] ContentType parse_content_type(std::string_view value);
/// Its type alone, at a tenth of the cost.
[[nodiscard]] std::string media_type(std::string_view value);

/// The exact bytes of a multipart body's parts (RFC 2046 5.1.1): each view is one entity, header and body, without the line end that
/// belongs to the delimiter. A missing close delimiter is taken as the end of the body. What multipart/signed signs is [0].
struct MultipartView {
  std::string_view preamble;
  std::vector<std::string_view> parts;
  std::string_view epilogue;
  bool closed = false;  ///< The close delimiter was there.
};
/// BadInput when the boundary is empty, longer than 70 or never occurs; TooLarge past `max_parts`.
[[nodiscard]] Result<MultipartView> split_multipart(std::string_view body, std::string_view boundary,
                                                    std::size_t max_parts = Limits{}.mime_parts);

}  // namespace postern
