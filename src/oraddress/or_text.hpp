// O/R addresses as text.
//
//   Semicolon  C=DE;A= ;P=ACME;O=Works;OU1=Sales;S=Doe;G=Jane          X.402 annex F, RFC 1685: a semicolon within a value is doubled
//   Slash      /C=DE/ADMD= /PRMD=ACME/O=Works/OU1=Sales/S=Doe/G=Jane/  the same, with RFC 2156's keywords; $/ $= $$ stand for themselves
//   Mixer      /G=Jane/S=Doe/OU=Sales/O=Works/PRMD=ACME/ADMD= /C=DE/   RFC 2156 4.1 (std-or-address), narrowest first, ASCII where it can
//   be
//
// Values. UTF-8; the alphabet is the narrowest that has the text: PrintableString, else the Teletex attribute, else the one of ISO 10646
// (a personal name, or a list of units, as a whole). `printable*teletex*universal` gives each variant by itself (RFC 2156 4.1: teletex-and-
// or-ps). {ddd} is an octet of T.61 in decimal, or an ASCII character that means something here ({042} is an asterisk, {032} a space at an
// end of a value). An administration domain without a name is one space; `A=` and `A= ` are read as that.
// Keywords in any case, with their synonyms; DDA:type=value or DD.type=value; RFC-822=value; PN=Jane.Q.Doe; PD-ADDRESS=line|line;
// ISDN=number x sub-address; OU= repeated (widest first where C, A, P or O stands before it or the style is Semicolon, else narrowest
// first); EXT:number=hex for an extension attribute that has no keyword (our own).
//
// parse(write(a, style)) is `a` within what attribute.hpp promises of address_of(attributes_of(a)).
// Limit: 16 KiB of text.
#pragma once

#include "oraddress/attribute.hpp"

namespace postern::oraddress {

enum class Style : std::uint8_t { Semicolon, Slash, Mixer };

inline constexpr std::size_t kMaxTextSize = 16 * 1024;

/// Any style, told by its first character. BadInput: `field` names the attribute, `what` begins with "at octet N: ".
[[nodiscard]] Result<ORAddress> parse(std::string_view text);
/// Only some attributes (a route's prefix, the local part of a gateway's address): what an address must have is not asked for.
[[nodiscard]] Result<Attributes> parse_attributes(std::string_view text);

[[nodiscard]] std::string write(const ORAddress& address, Style style = Style::Semicolon);
[[nodiscard]] std::string write(const Attributes& attributes, Style style);

/// RFC 2156 4.2.1 encoded-pn: "Jane.Q.Doe" for given name, initials and surname. nullopt where the name would not come back the same
/// (a generation qualifier, a dot in a name, a given name of one letter, initials that are not letters).
[[nodiscard]] std::optional<std::string> dotted(const PersonalName& name);
/// The inverse. BadInput where no surname is left.
[[nodiscard]] Result<PersonalName> personal_name_of(std::string_view dotted);

}  // namespace postern::oraddress
