// The attributes of an O/R address as people name them (X.402 annex F and RFC 1685, RFC 2156 4.1), one row each.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "oraddress/or_name.hpp"

namespace postern::oraddress {

/// In the order of the hierarchy, widest first: the order of text forms, of comparison and of routing.
enum class Keyword : std::uint8_t {
  C,
  A,
  P,
  X121,
  NetNum,
  NetSub,
  Psap,
  TId,
  TTy,
  O,
  OU1,
  OU2,
  OU3,
  OU4,
  NId,
  CN,
  S,
  G,
  I,
  Q,
  PdSn,
  PdC,
  PdPc,
  PdOf,
  PdOfn,
  PdO,
  PdPn,
  PdEa,
  PdEd,
  PdA1,
  PdA2,
  PdA3,
  PdA4,
  PdA5,
  PdA6,
  PdAddress,
  PdS,
  PdB,
  PdR,
  PdU,
  PdL,
  Dda,
  Ext,
};

/// The alphabets an attribute can stand in, beside digits.
enum class Form : std::uint8_t {
  Printable,  ///< PrintableString or NumericString: octets as they are.
  Teletex,    ///< T.61 octets.
  Universal,  ///< UTF-8 here; BMPString or UniversalString in ASN.1.
  Raw,        ///< The BER of an extension attribute that nobody here can read (Keyword::Ext).
};

struct KeywordRow {
  Keyword keyword;
  std::string_view brief;  ///< X.402 annex F: "A".
  std::string_view full;   ///< RFC 2156: "ADMD".
  std::string_view about;  ///< The component's name in X.411.
  bool digits = false;     ///< NumericString only.
  bool teletex = false;    ///< Has a Teletex variant,
  bool universal = false;  ///< and one of ISO 10646.
  std::int64_t most = 0;   ///< Upper bound in characters, Printable and Teletex.
  std::int64_t most_universal = 0;
  /// For postal components: the extension attributes it stands in.
  ExtensionAttributeType extension{};
  ExtensionAttributeType universal_extension{};
};

[[nodiscard]] std::span<const KeywordRow> keywords() noexcept;
[[nodiscard]] const KeywordRow& row_of(Keyword keyword) noexcept;
/// Any name or synonym, in any case; not those with a part of their own ("DDA:…", "RFC-822", "OU", "PN"), which or_text.cpp reads.
[[nodiscard]] std::optional<Keyword> keyword_named(std::string_view name) noexcept;

}  // namespace postern::oraddress
