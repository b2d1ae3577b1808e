// An O/R address as a flat list of attributes, which is what text forms, comparison, routing and gateways work on.
//
// attributes_of() is total: what a peer sent and nobody here can read (an unknown extension attribute, one whose octets are not of its
// type) becomes an attribute with Keyword::Ext, so that it is shown, compared and written back.
// address_of(attributes_of(a)) is equal to `a` for every address within the standard, except: language codes of UniversalOrBMPString are
// dropped, BMPString is chosen where it suffices, numeric alternatives where there are only digits, extension attributes come in the order
// of the table, and an empty list counts as none.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "oraddress/keyword.hpp"

namespace postern::oraddress {

struct Attribute {
  Keyword keyword{};
  Form form{};
  std::string type;   ///< Of a domain-defined attribute, in the alphabet of `form`; the number of an extension attribute.
  std::string value;  ///< In the alphabet of `form`.

  /// "A", "OU1", "DDA:RFC-822", "EXT:77".
  [[nodiscard]] std::string name() const;
  /// The value in UTF-8; T.61 octets that are no characters stand as {ddd}.
  [[nodiscard]] std::string utf8() const;
  friend bool operator==(const Attribute&, const Attribute&) = default;
};
using Attributes = std::vector<Attribute>;

/// In the order of Keyword, each attribute's forms one after the other.
[[nodiscard]] Attributes attributes_of(const ORAddress& address);

/// BadInput names the attribute that is there twice, too long, in an alphabet it cannot have, or missing (OU1 beside OU2, S beside G).
/// Of domain-defined attributes the order is kept.
[[nodiscard]] Result<ORAddress> address_of(std::span<const Attribute> attributes);

/// Whether every octet is of PrintableString (X.680 41.4).
[[nodiscard]] bool is_printable(std::string_view text) noexcept;

/// The narrowest alphabet that has the text: Printable, else Teletex, else Universal, as far as the keyword has them.
/// BadInput names the keyword and the first character that does not fit.
[[nodiscard]] Result<Attribute> attribute_from_utf8(Keyword keyword, std::string_view utf8, std::string_view type = {});

/// The first attribute with this keyword (and DDA type, compared without case) in its preferred form, in UTF-8.
[[nodiscard]] std::optional<std::string> value_of(const ORAddress& address, Keyword keyword, std::string_view type = {});

}  // namespace postern::oraddress
