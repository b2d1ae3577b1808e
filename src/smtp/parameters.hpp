// The parameters of MAIL and RCPT, read and written in one place: SIZE (RFC 1870), BODY (RFC 6152, RFC 3030), SMTPUTF8 (RFC 6531),
// DSN (RFC 3461, RFC 6533), AUTH= (RFC 4954 5), REQUIRETLS (RFC 8689).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "mime/address.hpp"
#include "smtp/reply.hpp"

namespace postern::smtp {

/// A value, or the reply that tells the client what is wrong.
template <class T>
using Parsed = tl::expected<T, Reply>;

enum class BodyType : std::uint8_t { SevenBit, EightBitMime, BinaryMime };
enum class DsnReturn : std::uint8_t { Unspecified, Full, Headers };

struct MailParameters {
  std::optional<std::uint64_t> size;  ///< What the client declared; a hint, not a promise.
  BodyType body = BodyType::SevenBit;
  bool smtputf8 = false;
  bool requiretls = false;
  DsnReturn ret = DsnReturn::Unspecified;
  std::string envid;                ///< Decoded; empty when absent. At most 100 characters.
  std::optional<std::string> auth;  ///< RFC 4954 5, decoded; "<>" stands as the empty text. Only trusted peers may be believed.
  friend bool operator==(const MailParameters&, const MailParameters&) = default;
};

/// RFC 3461 4.1. All false: no NOTIFY was given, which means "failure, and delay if you like".
struct Notify {
  bool never = false, success = false, failure = false, delay = false;
  [[nodiscard]] bool given() const noexcept { return never || success || failure || delay; }
  friend bool operator==(const Notify&, const Notify&) = default;
};

/// RFC 3461 4.2: address type and decoded address (UTF-8 for type "utf-8", RFC 6533 3).
struct OriginalRecipient {
  std::string type;
  std::string address;
  friend bool operator==(const OriginalRecipient&, const OriginalRecipient&) = default;
};

struct RcptParameters {
  Notify notify;
  std::optional<OriginalRecipient> orcpt;
  friend bool operator==(const RcptParameters&, const RcptParameters&) = default;
};

struct EnvelopeRecipient {
  ForwardPath path;
  RcptParameters parameters;
};

/// One accepted transaction, as the client stated it.
struct Envelope {
  ReversePath from;
  MailParameters parameters;
  std::vector<EnvelopeRecipient> recipients;  ///< In the order of the accepted RCPT commands; may hold the same address twice.
};

/// Which extensions a session announced; a parameter of one that was not is 555 5.5.4 (RFC 5321 4.1.1.11).
struct Extensions {
  bool size = true, eight_bit_mime = true, binary_mime = true, smtputf8 = true, dsn = true, auth = true, requiretls = true;
};

struct MailCommand {
  ReversePath path;
  MailParameters parameters;
};
struct RcptCommand {
  ForwardPath path;
  RcptParameters parameters;
};

/// What follows "MAIL " and "RCPT ": "FROM:<a@b> SIZE=1". One run of spaces after the colon is tolerated (old clients); a missing "<" is
/// not. Errors: 501 5.5.4 syntax, 501 5.1.7 / 501 5.1.3 bad address, 553 5.6.7 UTF-8 without SMTPUTF8, 501 5.5.2 broken UTF-8, 555 5.5.4
/// unknown.
[[nodiscard]] Parsed<MailCommand> parse_mail(std::string_view arguments, const Extensions& extensions);
/// `smtputf8`: whether MAIL asked for it.
[[nodiscard]] Parsed<RcptCommand> parse_rcpt(std::string_view arguments, const Extensions& extensions, bool smtputf8);

/// The inverse, each with a leading space, only for what `extensions` names: " SIZE=12 BODY=8BITMIME RET=HDRS ENVID=x".
[[nodiscard]] std::string write_mail_parameters(const MailParameters& parameters, const Extensions& extensions);
[[nodiscard]] std::string write_rcpt_parameters(const RcptParameters& parameters, const Extensions& extensions);

/// RFC 3461 4: xtext. Decoding refuses bytes outside "!".."~" and bad hexadecimal.
[[nodiscard]] std::string xtext_encode(std::string_view text);
[[nodiscard]] Result<std::string> xtext_decode(std::string_view text);
/// RFC 6533 3: utf-8-addr-xtext ("\x{HEXPOINT}", ASCII only, safe without SMTPUTF8); decoding also takes utf-8-addr-unitext.
[[nodiscard]] std::string utf8_addr_xtext_encode(std::string_view address);
[[nodiscard]] Result<std::string> utf8_addr_decode(std::string_view text);

}  // namespace postern::smtp
