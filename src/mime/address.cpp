#include "mime/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "mime/address_cursor.hpp"
#include "mime/gmime.hpp"

namespace postern {
namespace {

constexpr std::size_t kMaxLocal = 64;    // RFC 5321 4.5.3.1.1
constexpr std::size_t kMaxDomain = 255;  // RFC 5321 4.5.3.1.2
constexpr std::size_t kMaxPath = 256;    // RFC 5321 4.5.3.1.3, with the angle brackets
constexpr std::size_t kMaxLabel = 63;    // RFC 1035 2.3.4

bool is_high(char c) noexcept { return static_cast<unsigned char>(c) >= 0x80; }

/// RFC 5321 4.1.2: Let-dig [Ldh-str]; RFC 6531 3.3 adds U-labels.
Status check_label(std::string_view label, Utf8 utf8) {
  if (label.empty()) return fail(ErrorCode::BadInput, "the domain has an empty label", "domain");
  if (label.size() > kMaxLabel) return fail(ErrorCode::TooLarge, "a domain label is longer than 63 octets", "domain");
  if (label.front() == '-' || label.back() == '-')
    return fail(ErrorCode::BadInput, "a domain label begins or ends with a hyphen", "domain");
  for (const char c : label) {
    if (is_alnum(c) || c == '-') continue;
    if (!is_high(c)) return fail(ErrorCode::BadInput, "the domain has a character that is not a letter, digit or hyphen", "domain");
    if (utf8 == Utf8::Refuse) return fail(ErrorCode::BadInput, "the domain is not ASCII and SMTPUTF8 was not asked for", "domain");
  }
  return {};
}

/// RFC 5890 2.3.2.1: U-labels are in NFC; lower case so that equal names compare equal.
std::string lower_utf8(std::string_view text) {
  const GString8 lower(g_utf8_strdown(text.data(), static_cast<gssize>(text.size())));
  const GString8 normal(g_utf8_normalize(lower.get(), -1, G_NORMALIZE_NFC));
  return normal ? std::string(normal.get()) : std::string(text);
}

Result<std::string> canonical_ipv4(std::string_view text) {
  std::string out;
  const auto parts = split(text, '.');
  if (parts.size() != 4) return fail(ErrorCode::BadInput, "the address literal is not an IPv4 address", "domain");
  for (const auto part : parts) {
    unsigned value = 0;
    const bool digits = !part.empty() && part.size() <= 3 && std::all_of(part.begin(), part.end(), is_digit);
    for (const char c : digits ? part : std::string_view{}) value = value * 10 + static_cast<unsigned>(c - '0');
    // Snum is "representing a decimal integer value in the range 0 through 255"; a leading zero would be octal to some software.
    if (!digits || value > 255 || (part.size() > 1 && part.front() == '0')) {
      return fail(ErrorCode::BadInput, "the address literal is not an IPv4 address", "domain");
    }
    out += (out.empty() ? "" : ".") + std::to_string(value);
  }
  return out;
}

Result<std::string> canonical_ipv6(std::string_view text) {
  in6_addr address{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (text.size() >= out.size() || text.find('\0') != std::string_view::npos ||
      inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1 || inet_ntop(AF_INET6, &address, out.data(), out.size()) == nullptr) {
    return fail(ErrorCode::BadInput, "the address literal is not an IPv6 address", "domain");
  }
  return std::string(out.data());
}

/// RFC 5321 4.1.2 Local-part, as meaning. Takes a Dot-string or a Quoted-string.
Result<std::string> read_local(AddressCursor& in, Utf8 utf8) {
  POSTERN_TRY(std::string local, in.peek() == '"' ? in.read_quoted_strict() : in.read_dot_string());
  if (local.size() > kMaxLocal) return fail(ErrorCode::TooLarge, "the local part is longer than 64 octets", "local");
  if (utf8 == Utf8::Refuse && !is_ascii(local)) {
    return fail(ErrorCode::BadInput, "the local part is not ASCII and SMTPUTF8 was not asked for", "local");
  }
  if (!is_utf8(local)) return fail(ErrorCode::BadInput, "the local part is not valid UTF-8", "local");
  return local;
}

Result<std::string> read_domain(AddressCursor& in, Utf8 utf8) {
  if (in.peek() == '[') return parse_address_literal(in.take_through(']'));
  return parse_domain(in.take_while([](char c) { return is_alnum(c) || c == '-' || c == '.' || is_high(c); }), utf8);
}

Result<Mailbox> read_mailbox(AddressCursor& in, Utf8 utf8) {
  Mailbox box;
  POSTERN_TRY(box.local, read_local(in, utf8));
  if (!in.take('@')) return in.wrong("an @ is missing after the local part");
  POSTERN_TRY(box.domain, read_domain(in, utf8));
  return box;
}

/// RFC 5321 4.1.2 A-d-l, accepted and ignored as 4.1.1.3 and appendix C ask.
Status skip_source_route(AddressCursor& in, Utf8 utf8) {
  if (in.peek() != '@') return {};
  for (;;) {
    if (!in.take('@')) return in.wrong("the source route is malformed");
    POSTERN_CHECK(read_domain(in, utf8));
    if (in.take(':')) return {};
    if (!in.take(',')) return in.wrong("the source route is malformed");
  }
}

/// A Path in angle brackets. No value: "<>". With `bare_postmaster`, "<Postmaster>" too.
Result<std::optional<Mailbox>> read_path(std::string_view& rest, Utf8 utf8, bool reverse) {
  AddressCursor in(rest);
  if (!in.take('<')) return in.wrong("a path begins with <");
  std::optional<Mailbox> box;
  if (reverse && in.take('>')) {
    rest = in.rest();
    return box;
  }
  POSTERN_CHECK(skip_source_route(in, utf8));
  // RFC 5321 4.1.1.3: "Postmaster" without a domain, in any case.
  if (!reverse && istarts_with(in.rest(), "postmaster>")) {
    box = Mailbox{std::string(in.rest().substr(0, 10)), {}};
    in.skip(10);
  } else {
    POSTERN_TRY(box, read_mailbox(in, utf8));
  }
  if (!in.take('>')) return in.wrong("the path does not end with > where it should");
  // Counted as we would write it, so that a dropped source route does not count.
  if (box->text().size() + 2 > kMaxPath) return fail(ErrorCode::TooLarge, "the path is longer than 256 octets", "path");
  rest = in.rest();
  return box;
}

bool is_dot_string(std::string_view local) noexcept {
  if (local.empty() || local.front() == '.' || local.back() == '.' || local.find("..") != std::string_view::npos) return false;
  return std::all_of(local.begin(), local.end(), [](char c) { return is_atext(c) || c == '.'; });
}

Status expect_all_taken(std::string_view rest) {
  if (rest.empty()) return {};
  return fail(ErrorCode::BadInput, "there is text behind the address", "path");
}

}  // namespace

Result<std::string> parse_domain(std::string_view text, Utf8 utf8) {
  if (text.size() > kMaxDomain) return fail(ErrorCode::TooLarge, "the domain is longer than 255 octets", "domain");
  if (text.empty()) return fail(ErrorCode::BadInput, "the domain is missing", "domain");
  for (const auto label : split(text, '.')) POSTERN_CHECK(check_label(label, utf8));
  if (is_ascii(text)) return to_lower(text);
  if (!is_utf8(text)) return fail(ErrorCode::BadInput, "the domain is not valid UTF-8", "domain");
  std::string lower = lower_utf8(text);
  if (lower.size() > kMaxDomain) return fail(ErrorCode::TooLarge, "the domain is longer than 255 octets", "domain");
  // Normalizing can bring forth ASCII: U+037E becomes a semicolon.
  for (const auto label : split(lower, '.')) POSTERN_CHECK(check_label(label, utf8));
  return lower;
}

Result<std::string> parse_address_literal(std::string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']')
    return fail(ErrorCode::BadInput, "an address literal stands in [ and ]", "domain");
  text = text.substr(1, text.size() - 2);
  // RFC 5321 4.1.3: "IPv6:" is the only registered tag.
  if (istarts_with(text, "IPv6:")) {
    POSTERN_TRY(const std::string address, canonical_ipv6(text.substr(5)));
    return "[IPv6:" + address + "]";
  }
  POSTERN_TRY(const std::string address, canonical_ipv4(text));
  return "[" + address + "]";
}

Result<std::string> to_a_labels(std::string_view domain) {
  if (is_ascii(domain)) return parse_domain(domain);
  // RFC 5892 2.6: sharp s, final sigma, ZWJ and ZWNJ are characters of their own in IDNA 2008 and were mapped away before.
  for (const std::string_view changed : {"\xC3\x9F", "\xCF\x82", "\xE2\x80\x8C", "\xE2\x80\x8D"}) {
    if (domain.find(changed) != std::string_view::npos) {
      return fail(ErrorCode::Unsupported, "the domain has a character that IDNA 2003 and 2008 read differently; give it as xn-- labels",
                  "domain");
    }
  }
  const GString8 ascii(g_hostname_to_ascii(std::string(domain).c_str()));
  if (!ascii) return fail(ErrorCode::BadInput, "the domain has no IDNA form", "domain");
  return parse_domain(ascii.get());
}

Result<Mailbox> Mailbox::parse(std::string_view text, Utf8 utf8) {
  AddressCursor in(text);
  POSTERN_TRY(Mailbox box, read_mailbox(in, utf8));
  POSTERN_CHECK(expect_all_taken(in.rest()));
  if (box.text().size() + 2 > kMaxPath) return fail(ErrorCode::TooLarge, "the address is longer than 254 octets", "path");
  return box;
}

Result<Mailbox> Mailbox::parse_told(std::string_view text) {
  auto mailbox = parse(text, Utf8::Allow);
  const auto at = text.rfind('@');
  if (mailbox || at == 0 || at == std::string_view::npos) return mailbox;
  const Mailbox unquoted{std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
  auto quoted = parse(unquoted.text(), Utf8::Allow);
  return quoted ? quoted : mailbox;
}

std::string Mailbox::text() const {
  std::string out;
  if (is_dot_string(local)) {
    out = local;
  } else {
    out = quote(local);
  }
  if (!domain.empty()) out += '@' + domain;
  return out;
}

bool Mailbox::needs_utf8() const noexcept { return !is_ascii(local) || !is_ascii(domain); }

Result<ReversePath> ReversePath::read(std::string_view& rest, Utf8 utf8) {
  POSTERN_TRY(auto box, read_path(rest, utf8, true));
  return box ? ReversePath(std::move(*box)) : ReversePath();
}
Result<ReversePath> ReversePath::parse(std::string_view text, Utf8 utf8) {
  POSTERN_TRY(auto path, read(text, utf8));
  POSTERN_CHECK(expect_all_taken(text));
  return path;
}
Result<ReversePath> ReversePath::parse_told(std::string_view address) {
  if (address.empty()) return ReversePath();
  POSTERN_TRY(auto box, Mailbox::parse_told(address));
  return ReversePath(std::move(box));
}
std::string ReversePath::text() const { return m_mailbox ? "<" + m_mailbox->text() + ">" : "<>"; }

Result<ForwardPath> ForwardPath::read(std::string_view& rest, Utf8 utf8) {
  POSTERN_TRY(auto box, read_path(rest, utf8, false));
  return ForwardPath(std::move(*box));
}
Result<ForwardPath> ForwardPath::parse(std::string_view text, Utf8 utf8) {
  POSTERN_TRY(auto path, read(text, utf8));
  POSTERN_CHECK(expect_all_taken(text));
  return path;
}
Result<ForwardPath> ForwardPath::parse_told(std::string_view address) {
  if (address.empty()) return ForwardPath(Mailbox{"postmaster", {}});
  if (iequals(address, "postmaster")) return ForwardPath(Mailbox{std::string(address), {}});
  POSTERN_TRY(auto box, Mailbox::parse_told(address));
  return ForwardPath(std::move(box));
}
std::string ForwardPath::text() const { return "<" + m_mailbox.text() + ">"; }

}  // namespace postern
