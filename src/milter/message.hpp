// What a filter knows of a connection and of a message: values, owned by whoever holds them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "milter/protocol.hpp"

namespace postern::milter {

/// Who speaks at the other end, as far as it makes a difference. Standard: Postfix, Sendmail, and what behaves as they do.
enum class Peer : std::uint8_t { Standard, Stalwart };

/// When macros are given: the command they were sent ahead of. In the order of a session.
enum class Stage : std::uint8_t { Connect, Helo, Unknown, Mail, Recipient, Data, Header, EndOfHeader, Body, EndOfMessage };
inline constexpr std::size_t kStages = 10;

/// The MTA's macros by stage. A stage's macros replace those it had. Names are kept without braces and looked up with or without them:
/// "{auth_authen}" and "auth_authen" are one name. A view lasts until the macros change.
class Macros {
 public:
  using Map = std::map<std::string, std::string, std::less<>>;

  /// From the latest stage back; empty when no stage has it.
  [[nodiscard]] std::string_view find(std::string_view name) const noexcept;
  [[nodiscard]] bool contains(std::string_view name) const noexcept;
  [[nodiscard]] const Map& at(Stage stage) const noexcept { return m_stages[static_cast<std::size_t>(stage)]; }
  /// Names and values together, in octets.
  [[nodiscard]] std::size_t bytes() const noexcept;
  [[nodiscard]] std::size_t count() const noexcept;

  void set(Stage stage, std::string_view name, std::string_view value);
  /// Forgets the macros of `first` and of all stages behind it.
  void forget_from(Stage first) noexcept;
  void forget(Stage stage) noexcept { m_stages[static_cast<std::size_t>(stage)].clear(); }

 private:
  std::array<Map, kStages> m_stages;
};

/// SMFIA_*
enum class Family : std::uint8_t { Unknown = 'U', Unix = 'L', Inet = '4', Inet6 = '6' };

/// SMFIC_CONNECT: the SMTP client as the MTA sees it.
struct Connection {
  std::string host;  ///< Its name by the MTA's look-up, or what the MTA says instead ("[192.0.2.1]", "unknown").
  Family family = Family::Unknown;
  std::uint16_t port = 0;  ///< 0 when the MTA does not know it.
  std::string address;     ///< IPv4 dotted, IPv6 in RFC 5952 form, a path; empty for Family::Unknown.
  friend bool operator==(const Connection&, const Connection&) = default;
};

/// The argument of MAIL or RCPT with its ESMTP parameters, each as the MTA sent it.
struct Path {
  std::string path;               ///< "<a@b.example>"; some MTAs leave the brackets out.
  std::vector<std::string> args;  ///< "SIZE=1000", ...
  /// Of a recipient: {rcpt_addr}, the address as the MTA understands it, without route and with its own domain where the client gave none.
  /// Empty: it does not say.
  std::string resolved = {};
  /// Without brackets; empty for the null sender.
  [[nodiscard]] std::string_view address() const noexcept;
  friend bool operator==(const Path&, const Path&) = default;
};

/// A whole message at SMFIC_BODYEOB. `raw` is the one to judge: header section, empty line, body, CRLF line ends.
struct Message {
  Peer peer = Peer::Standard;
  Macros macros;
  Connection connection;
  std::string helo;  ///< Empty when the client gave none, or SMFIP_NOHELO was asked for.
  Path from;
  std::vector<Path> recipients;  ///< Those that were not refused.
  std::string raw;
  std::size_t body_at = 0;  ///< Where the body begins in `raw`.
  /// SMFIC_BODY carried the whole message (Stalwart): `raw` is that, octet for octet, and the fields of SMFIC_HEADER were set aside.
  bool body_has_header = false;
  /// The header section is octet for octet what the MTA has. Otherwise the MTA ate the white space behind the colons and one space stands
  /// there instead: "simple" header canonicalization (RFC 6376 3.4.1) cannot be judged.
  bool header_exact = false;
  bool has_header = true;  ///< False where the header section was not asked for (SMFIP_NOHDRS).
  bool has_body = true;    ///< The same for SMFIP_NOBODY.

  [[nodiscard]] std::string_view macro(std::string_view name) const noexcept { return macros.find(name); }
  /// With the line end of the last field, without the empty line.
  [[nodiscard]] std::string_view header() const noexcept;
  [[nodiscard]] std::string_view body() const noexcept { return std::string_view(raw).substr(body_at); }
};

/// Where the body begins: behind the first empty line, whose line ends may be CRLF or LF; at the end when there is none.
[[nodiscard]] std::size_t find_body(std::string_view raw) noexcept;

}  // namespace postern::milter
