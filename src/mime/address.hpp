// Mail addresses: the envelope's (RFC 5321 4.1.2, 4.1.3, with RFC 6531 UTF-8) and the header's (RFC 5322 3.4, RFC 2047 names).
//
// Near neighbours that must not be mixed up: a Mailbox always has a local part and a domain. A ReversePath is a Mailbox or the null
// path of a bounce. A ForwardPath is a Mailbox or the bare "Postmaster". A NamedMailbox is a Mailbox with what people read before it.
//
// Limits (RFC 5321 4.5.3.1): local part 64 octets, domain 255, path 256, DNS label 63; more is TooLarge.
// Does not handle: whether the domain exists; lower-casing of local parts (they are the business of their own domain, RFC 5321 2.4);
// address literals of other tags than IPv6 (none is registered), IPv4 literals with leading zeros (octal to some); domain literals in
// headers that are not IP addresses.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace postern {

/// Whether octets over 127 (well-formed UTF-8) may stand in local part and domain: SMTPUTF8 was asked for (RFC 6531).
enum class Utf8 { Refuse, Allow };

/// local@domain. `local` is the meaning, without quotes and backslashes: `"a b"@x` has the local part `a b`. `domain` is lower case
/// (UTF-8 labels: lower case and NFC), or a literal in canonical form: `[192.0.2.1]`, `[IPv6:2001:db8::1]`. So == compares as RFC 5321
/// 2.4 wants: the local part exactly, the domain without case.
struct Mailbox {
  std::string local;
  std::string domain;

  /// The whole text is one mailbox, without angle brackets.
  [[nodiscard]] static Result<Mailbox> parse(std::string_view text, Utf8 utf8 = Utf8::Refuse);
  /// As an MTA tells it to a filter. Stalwart takes the quotes off a local part ("a b"@c.example is told as a b@c.example): where the text
  /// is no mailbox as it stands, they are put back, or its sender would be refused for what is a good address.
  [[nodiscard]] static Result<Mailbox> parse_told(std::string_view text);
  /// local@domain, the local part quoted where the grammar needs it; parse(text()) gives the same value back.
  [[nodiscard]] std::string text() const;
  /// Needs SMTPUTF8 on the next hop.
  [[nodiscard]] bool needs_utf8() const noexcept;
  [[nodiscard]] bool has_address_literal() const noexcept { return !domain.empty() && domain.front() == '['; }

  friend auto operator<=>(const Mailbox&, const Mailbox&) = default;
};

/// RFC 5321 4.1.2 Reverse-path: where bounces go; null for bounces themselves.
class ReversePath {
 public:
  ReversePath() = default;  ///< The null path.
  explicit ReversePath(Mailbox mailbox) : m_mailbox(std::move(mailbox)) {}
  /// `<>` or `<mailbox>`, nothing around it. A source route (`<@a,@b:c@d>`) is accepted and dropped (RFC 5321 appendix C).
  [[nodiscard]] static Result<ReversePath> parse(std::string_view text, Utf8 utf8 = Utf8::Refuse);
  /// Mailbox::parse_told(); an empty text is the null path.
  [[nodiscard]] static Result<ReversePath> parse_told(std::string_view address);
  /// Takes the path from the front of `rest` and leaves what follows it (the ESMTP parameters). On error `rest` is unchanged.
  [[nodiscard]] static Result<ReversePath> read(std::string_view& rest, Utf8 utf8 = Utf8::Refuse);

  [[nodiscard]] bool is_null() const noexcept { return !m_mailbox.has_value(); }
  [[nodiscard]] const std::optional<Mailbox>& mailbox() const noexcept { return m_mailbox; }
  /// With angle brackets.
  [[nodiscard]] std::string text() const;
  friend auto operator<=>(const ReversePath&, const ReversePath&) = default;

 private:
  std::optional<Mailbox> m_mailbox;
};

/// RFC 5321 4.1.2 Forward-path: one recipient. The bare `<Postmaster>` of 4.1.1.3 has an empty domain.
class ForwardPath {
 public:
  explicit ForwardPath(Mailbox mailbox) : m_mailbox(std::move(mailbox)) {}
  [[nodiscard]] static Result<ForwardPath> parse(std::string_view text, Utf8 utf8 = Utf8::Refuse);
  /// Mailbox::parse_told(); "Postmaster", and what Stalwart makes of it, an empty text, are the bare Postmaster.
  [[nodiscard]] static Result<ForwardPath> parse_told(std::string_view address);
  [[nodiscard]] static Result<ForwardPath> read(std::string_view& rest, Utf8 utf8 = Utf8::Refuse);

  [[nodiscard]] bool is_bare_postmaster() const noexcept { return m_mailbox.domain.empty(); }
  [[nodiscard]] const Mailbox& mailbox() const noexcept { return m_mailbox; }
  [[nodiscard]] std::string text() const;
  friend auto operator<=>(const ForwardPath&, const ForwardPath&) = default;

 private:
  Mailbox m_mailbox;
};

/// A header mailbox: `name` is UTF-8, decoded from RFC 2047 where it was an encoded word, empty when there is none.
struct NamedMailbox {
  std::string name;
  Mailbox mailbox;

  /// For a header field: name as atoms, quoted string or encoded words, then <mailbox>; the bare mailbox without a name.
  [[nodiscard]] std::string text() const;
  friend bool operator==(const NamedMailbox&, const NamedMailbox&) = default;
};

/// One element of an address-list: a mailbox, or a group ("undisclosed-recipients:;") with any number of them.
struct AddressItem {
  std::optional<std::string> group;  ///< Display name of the group; no value: `mailboxes` has exactly one element.
  std::vector<NamedMailbox> mailboxes;
};

struct AddressList {
  std::vector<AddressItem> items;
  /// All mailboxes in order, those in groups too.
  [[nodiscard]] std::vector<NamedMailbox> mailboxes() const;
};

/// RFC 5322 3.4 address-list with the obsolete forms of 4.4 (routes, empty elements, white space and comments around dots and @).
/// Comments nest 20 deep at most, the list has at most `max_mailboxes`. BadInput says at which octet.
[[nodiscard]] Result<AddressList> parse_address_list(std::string_view value, std::size_t max_mailboxes = 1000);

/// RFC 5321 4.1.2 Domain: lower-cased, without a trailing dot; no address literal. UTF-8 labels are NFC and lower case.
[[nodiscard]] Result<std::string> parse_domain(std::string_view text, Utf8 utf8 = Utf8::Refuse);
/// RFC 5321 4.1.3 address-literal with its brackets, in canonical form.
[[nodiscard]] Result<std::string> parse_address_literal(std::string_view text);
/// RFC 5890 A-labels, for DNS. IDNA 2003 mapping by GLib; the four characters whose meaning changed in IDNA 2008 are Unsupported rather
/// than sent to a stranger.
[[nodiscard]] Result<std::string> to_a_labels(std::string_view domain);

}  // namespace postern
