// The global address mapping between domains of O/R addresses and of the Internet (RFC 2156 4.3, RFC 1327 4.3), as a value.
//
// File format, RFC 2156 appendix F (RFC 1327 appendix F): a line is `left#right#`, a line that begins with # is a comment. O/R addresses
// there go from the narrowest attribute to the country: OU$Sales.O$Works.PRMD$ACME.ADMD$ .C$DE; a dot within a value is \., the value @
// says that the attribute is absent (so is one that is passed over).
//
//   PRMD$ACME.ADMD$ .C$DE#acme.de#                 from X.400 to the Internet
//   acme.de#PRMD$ACME.ADMD$ .C$DE#                 from the Internet to X.400
//   gateway#example.org#PRMD$GW.ADMD$ .C$DE#       the gateway for what has no mapping, by domain (RFC 2156 4.3.4)
//   local#gw.example.org#PRMD$GW.ADMD$ .C$DE#      this gateway: its domain and its own O/R address
//
// Values compare as compare.hpp says, domains without case. Limits: 4 MiB of text, 100,000 lines.
#pragma once

#include <map>

#include "oraddress/attribute.hpp"

namespace postern::oraddress {

/// The hierarchy a domain name can stand for, from the country: C, ADMD, PRMD, O, OU1 to OU4; absent ones in between are empty.
using Levels = std::vector<std::optional<std::string>>;
inline constexpr Keyword kLevelKeywords[] = {Keyword::C,   Keyword::A,   Keyword::P,   Keyword::O,
                                             Keyword::OU1, Keyword::OU2, Keyword::OU3, Keyword::OU4};
[[nodiscard]] Attributes attributes_of(const Levels& levels);

class Mapping {
 public:
  /// BadInput names the line.
  [[nodiscard]] static Result<Mapping> parse(std::string_view file);

  /// The longest entry that the levels begin with.
  struct ToDomain {
    std::string_view domain;
    std::size_t levels = 0;  ///< How many it took.
  };
  [[nodiscard]] std::optional<ToDomain> domain_for(const Levels& address) const;
  /// The entry of the longest suffix of the domain.
  struct ToLevels {
    const Levels* levels = nullptr;
    std::string_view rest;  ///< Of the domain asked for: what stands before the entry's.
  };
  [[nodiscard]] std::optional<ToLevels> levels_for(std::string_view domain) const;
  /// The O/R address of the gateway for a domain without mapping: its own entry's, else this gateway's. nullptr: there is none.
  [[nodiscard]] const Levels* gateway_for(std::string_view domain) const;

  [[nodiscard]] const std::string& local_domain() const noexcept { return m_local_domain; }
  [[nodiscard]] const std::optional<Levels>& local_levels() const noexcept { return m_local_levels; }
  void set_local(std::string domain, Levels address);

 private:
  using Domains = std::map<std::string, Levels, std::less<>>;
  Status add_line(std::string_view line);
  static Status add_domain(Domains& into, std::string_view domain, std::string_view levels);
  static std::optional<ToLevels> longest(const Domains& in, std::string_view domain);

  std::map<Levels, std::string> m_to_domain;  ///< Folded levels.
  Domains m_to_levels;
  Domains m_gateways;
  std::string m_local_domain;
  std::optional<Levels> m_local_levels;
};

/// "OU$Sales.O$Works.PRMD$ACME.ADMD$ .C$DE" (RFC 2156 appendix F, dmn-or-address).
[[nodiscard]] Result<Levels> parse_levels(std::string_view text);
[[nodiscard]] std::string text_of(const Levels& levels);
/// For comparison: case and spaces folded, X.121 countries as ISO 3166.
[[nodiscard]] Levels folded(const Levels& levels);

}  // namespace postern::oraddress
