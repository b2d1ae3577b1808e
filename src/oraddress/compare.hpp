// When two O/R addresses are the same one (X.402 18.4), and the one way to write it.
#pragma once

#include <functional>

#include "oraddress/attribute.hpp"

namespace postern::oraddress {

/// One attribute with its value folded for comparison.
struct Component {
  Keyword keyword{};
  std::string text;  ///< "C=de", "DDA:rfc-822=jane(a)example.org": keyword and type, then the folded value.
  friend auto operator<=>(const Component&, const Component&) = default;
};

/// What of an address takes part in comparison, in the order of Keyword.
/// X.402 18.4: letters of either case are equal; spaces at the ends do not count and several in a row are one; printable digits and numeric
/// ones are equal. Variants of one attribute have one meaning: the printable one counts, else the Teletex, else that of ISO 10646, compared
/// as characters whatever their encoding. Countries of X.121 are those of ISO 3166 where one has a code for the other. Domain-defined
/// attributes are compared in their order.
[[nodiscard]] std::vector<Component> components_of(const ORAddress& address);
[[nodiscard]] std::vector<Component> components_of(std::span<const Attribute> attributes);

/// Components joined: equal addresses have equal keys. For maps, indexes and hashes; it is no text for people.
[[nodiscard]] std::string comparison_key(const ORAddress& address);
/// An equivalence: reflexive, symmetric, transitive.
[[nodiscard]] bool equivalent(const ORAddress& a, const ORAddress& b);
/// X.413 12.5 oRAddressMatch, wider: every attribute of each has a variant that equals a variant of the other's. Not transitive, so nothing
/// may be indexed by it.
[[nodiscard]] bool matches(const ORAddress& a, const ORAddress& b);

struct Hash {
  [[nodiscard]] std::size_t operator()(const ORAddress& address) const { return std::hash<std::string>{}(comparison_key(address)); }
};
struct Equivalent {
  [[nodiscard]] bool operator()(const ORAddress& a, const ORAddress& b) const { return equivalent(a, b); }
};

/// The same address written one way: spaces folded, country as two capital letters where X.121 has a code for it, an administration domain
/// without a name as one space, digits as numeric alternatives, variants that are printable as PrintableString and further ones that say
/// the same left out, attributes in the order of Keyword. Capital and small letters of names stay as they are. BadInput where an attribute
/// breaks a bound.
[[nodiscard]] Result<ORAddress> canonical(const ORAddress& address);

/// X.402 18.5: the forms of an O/R address.
enum class AddressForm : std::uint8_t { Mnemonic, Numeric, FormattedPostal, UnformattedPostal, Terminal };
[[nodiscard]] std::string_view name_of(AddressForm form) noexcept;
/// BadInput names the attribute that every form it could be lacks.
[[nodiscard]] Result<AddressForm> form_of(const ORAddress& address);

/// ISO 3166 alpha-2 of a data country code of X.121 annex, in capitals; empty where there is none.
[[nodiscard]] std::string_view country_of_dcc(std::string_view dcc) noexcept;

/// Upper and lower case as one, for the scripts of T.61 and the European ones (Latin, Greek, Cyrillic); spaces folded. UTF-8 in and out.
[[nodiscard]] std::string folded(std::string_view utf8);

}  // namespace postern::oraddress
