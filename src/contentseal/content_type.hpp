// Content types of X.400 envelopes and the object identifiers that CMS knows them by (RFC 3854 3.2: eContentType is that of the content).
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "mts/types.hpp"

namespace postern::contentseal {

/// P2 and P22 by X.420 annex A (id-mct); an extended content type is its own. Unsupported for built-in ones without an object identifier.
[[nodiscard]] Result<asn1::Oid> oid_of(const mts::ContentType& type);
/// The inverse: 2 and 22 where they are meant.
[[nodiscard]] mts::ContentType content_type_of(const asn1::Oid& oid);

/// "22", "2", "1.2.840.113549.1.9.16.1.6": an object identifier, or a built-in one in decimal. BadInput otherwise.
[[nodiscard]] Result<mts::ContentType> parse_content_type(std::string_view text);
[[nodiscard]] std::string write_content_type(const mts::ContentType& type);

}  // namespace postern::contentseal
