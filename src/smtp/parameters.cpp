#include "smtp/parameters.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"

namespace postern::smtp {

namespace {

constexpr std::size_t kMaxParameters = 16;
constexpr std::size_t kMaxEnvid = 100;  // RFC 3461 5.4: "up to 100 characters", before encoding
constexpr std::size_t kMaxOrcpt = 500;  // RFC 3461 5.4
constexpr std::size_t kMaxAuth = 500;   // RFC 4954 5

using Refusal = std::optional<Reply>;

tl::unexpected<Reply> refuse(int code, EnhancedStatus status, std::string text) {
  return tl::unexpected<Reply>(Reply(code, status, std::move(text)));
}
Reply bad_argument(std::string text) { return {501, {5, 5, 4}, std::move(text)}; }
Reply not_offered(std::string_view keyword) {
  return {555, {5, 5, 4}, "Parameter not recognized: " + printable(keyword, 40)};  // RFC 5321 4.1.1.11
}

struct Parameter {
  std::string_view keyword;
  std::optional<std::string_view> value;
};

/// RFC 5321 4.1.2: esmtp-param = esmtp-keyword ["=" esmtp-value]
bool is_keyword(std::string_view text) {
  if (text.empty() || !is_alnum(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '-'; });
}
/// 1*(%d33-60 / %d62-126), and with SMTPUTF8 any UTF-8 (RFC 6531 3.3).
bool is_value(std::string_view text) {
  if (text.empty() || !is_utf8(text)) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c != '=' && c > ' ' ? c != 0x7f : static_cast<unsigned char>(c) >= 0x80; });
}

Parsed<std::vector<Parameter>> split_parameters(std::string_view text) {
  std::vector<Parameter> out;
  while (!text.empty()) {
    if (text.front() != ' ') return tl::unexpected(bad_argument("Put a space before each parameter"));
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    const std::string_view word = text.substr(0, std::min(text.find(' '), text.size()));
    text.remove_prefix(word.size());
    if (word.empty()) break;
    const std::size_t equals = word.find('=');
    Parameter parameter{word.substr(0, equals), {}};
    if (equals != std::string_view::npos) parameter.value = word.substr(equals + 1);
    if (!is_keyword(parameter.keyword) || (parameter.value && !is_value(*parameter.value)))
      return tl::unexpected(bad_argument("Malformed parameter: " + printable(word, 40)));
    const auto same = [&](const Parameter& other) { return iequals(other.keyword, parameter.keyword); };
    if (std::any_of(out.begin(), out.end(), same))
      return tl::unexpected(bad_argument("Parameter given twice: " + printable(parameter.keyword, 40)));
    if (out.size() >= kMaxParameters) return tl::unexpected(bad_argument("Too many parameters"));
    out.push_back(parameter);
  }
  return out;
}

/// RFC 3461 4: a value in xtext, decoded, of at most `limit` characters.
Parsed<std::string> read_xtext(const Parameter& parameter, std::size_t limit) {
  const std::string name = to_upper(parameter.keyword);
  if (!parameter.value) return tl::unexpected(bad_argument(name + " needs a value"));
  auto decoded = xtext_decode(*parameter.value);
  if (!decoded) return tl::unexpected(bad_argument(name + " is not valid xtext (RFC 3461 4)"));
  if (decoded->size() > limit) return tl::unexpected(bad_argument(name + " is longer than " + std::to_string(limit) + " characters"));
  return std::move(*decoded);
}

Refusal read_size(const Parameter& parameter, MailParameters& out) {
  std::uint64_t size = 0;
  const std::string_view text = parameter.value.value_or("");
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  // RFC 1870 3: "size-value ::= 1*20DIGIT"
  if (text.empty() || text.size() > 20 || end != text.data() + text.size() || error != std::errc())
    return bad_argument("SIZE needs a decimal number");
  out.size = size;
  return std::nullopt;
}

Refusal read_body(const Parameter& parameter, const Extensions& extensions, MailParameters& out) {
  const std::string_view value = parameter.value.value_or("");
  if (iequals(value, "7BIT")) {
    out.body = BodyType::SevenBit;
  } else if (iequals(value, "8BITMIME")) {
    out.body = BodyType::EightBitMime;
  } else if (iequals(value, "BINARYMIME") && extensions.binary_mime) {
    out.body = BodyType::BinaryMime;
  } else {
    return bad_argument(extensions.binary_mime ? "BODY is 7BIT, 8BITMIME or BINARYMIME" : "BODY is 7BIT or 8BITMIME");
  }
  return std::nullopt;
}

Refusal read_ret(const Parameter& parameter, MailParameters& out) {
  const std::string_view value = parameter.value.value_or("");
  if (iequals(value, "FULL")) {
    out.ret = DsnReturn::Full;
  } else if (iequals(value, "HDRS")) {
    out.ret = DsnReturn::Headers;
  } else {
    return bad_argument("RET is FULL or HDRS");  // RFC 3461 4.3
  }
  return std::nullopt;
}

Refusal read_envid(const Parameter& parameter, MailParameters& out) {
  auto envid = read_xtext(parameter, kMaxEnvid);
  if (!envid) return envid.error();
  // RFC 3461 4.4: the decoded envelope id "MUST be ... printable (graphic and white space) US-ASCII".
  if (!std::all_of(envid->begin(), envid->end(), [](char c) { return c >= ' ' && c < 0x7f; }))
    return bad_argument("ENVID holds unprintable characters");
  out.envid = std::move(*envid);
  return std::nullopt;
}

Refusal read_auth(const Parameter& parameter, MailParameters& out) {
  auto auth = read_xtext(parameter, kMaxAuth);
  if (!auth) return auth.error();
  out.auth = *auth == "<>" ? std::string() : std::move(*auth);
  return std::nullopt;
}

Refusal read_flag(const Parameter& parameter, bool& flag) {
  if (parameter.value) return bad_argument(to_upper(parameter.keyword) + " takes no value");  // RFC 6531 3.4, RFC 8689 4.1
  flag = true;
  return std::nullopt;
}

Refusal read_mail_parameter(const Parameter& parameter, const Extensions& extensions, MailParameters& out) {
  const std::string keyword = to_upper(parameter.keyword);
  if (keyword == "SIZE" && extensions.size) return read_size(parameter, out);
  if (keyword == "BODY" && extensions.eight_bit_mime) return read_body(parameter, extensions, out);
  if (keyword == "SMTPUTF8" && extensions.smtputf8) return read_flag(parameter, out.smtputf8);
  if (keyword == "RET" && extensions.dsn) return read_ret(parameter, out);
  if (keyword == "ENVID" && extensions.dsn) return read_envid(parameter, out);
  if (keyword == "AUTH" && extensions.auth) return read_auth(parameter, out);
  if (keyword == "REQUIRETLS" && extensions.requiretls) return read_flag(parameter, out.requiretls);
  return not_offered(parameter.keyword);
}

Refusal read_notify(const Parameter& parameter, Notify& out) {
  for (const std::string_view word : split(parameter.value.value_or(""), ',')) {
    bool* flag = iequals(word, "NEVER")     ? &out.never
                 : iequals(word, "SUCCESS") ? &out.success
                 : iequals(word, "FAILURE") ? &out.failure
                 : iequals(word, "DELAY")   ? &out.delay
                                            : nullptr;
    if (flag == nullptr) return bad_argument("NOTIFY is NEVER, or any of SUCCESS, FAILURE, DELAY");
    *flag = true;
  }
  // RFC 3461 4.1: "NEVER" stands alone.
  if (out.never && (out.success || out.failure || out.delay)) return bad_argument("NOTIFY=NEVER stands alone");
  return std::nullopt;
}

bool is_address_type(std::string_view type) {
  if (type.empty() || type.size() > 32) return false;
  return std::all_of(type.begin(), type.end(), [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
}

/// RFC 3461 4.2: "ORCPT=" addr-type ";" xtext; for the type utf-8 RFC 6533 3 has its own encodings.
Refusal read_orcpt(const Parameter& parameter, RcptParameters& out) {
  const std::string_view value = parameter.value.value_or("");
  const std::size_t semicolon = value.find(';');
  if (value.size() > kMaxOrcpt) return bad_argument("ORCPT is longer than 500 characters");
  if (semicolon == std::string_view::npos || !is_address_type(value.substr(0, semicolon))) return bad_argument("ORCPT needs type;address");
  OriginalRecipient original{to_lower(value.substr(0, semicolon)), {}};
  const std::string_view encoded = value.substr(semicolon + 1);
  auto address = original.type == "utf-8" ? utf8_addr_decode(encoded) : xtext_decode(encoded);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; };
  if (!address || address->empty() || std::any_of(address->begin(), address->end(), is_control))
    return bad_argument("ORCPT holds a malformed address");
  original.address = std::move(*address);
  out.orcpt = std::move(original);
  return std::nullopt;
}

Refusal read_rcpt_parameter(const Parameter& parameter, const Extensions& extensions, RcptParameters& out) {
  const std::string keyword = to_upper(parameter.keyword);
  if (keyword == "NOTIFY" && extensions.dsn) return read_notify(parameter, out.notify);
  if (keyword == "ORCPT" && extensions.dsn) return read_orcpt(parameter, out);
  return not_offered(parameter.keyword);
}

/// "FROM:" or "TO:", then spaces that RFC 5321 3.3 forbids and old clients send.
bool take_prefix(std::string_view& arguments, std::string_view prefix) {
  if (!istarts_with(arguments, prefix)) return false;
  arguments.remove_prefix(prefix.size());
  arguments.remove_prefix(std::min(arguments.find_first_not_of(' '), arguments.size()));
  return true;
}

/// RFC 6531 3.5: without SMTPUTF8 a non-ASCII address is 553 with 5.6.7; what is not UTF-8 at all is never an address.
Refusal check_utf8(std::string_view arguments, bool smtputf8) {
  if (is_ascii(arguments)) return std::nullopt;
  if (!smtputf8) return Reply(553, {5, 6, 7}, "Non-ASCII addresses need SMTPUTF8 in MAIL");
  if (!is_utf8(arguments)) return Reply(501, {5, 5, 2}, "The command is not valid UTF-8");
  return std::nullopt;
}

/// Asked for behind the path, but needed to read it.
bool asks_for_smtputf8(std::string_view arguments) {
  const auto words = split(arguments, ' ');
  return std::any_of(words.begin(), words.end(), [](std::string_view word) { return iequals(word, "SMTPUTF8"); });
}

std::string path_error(std::string_view what, const Error& error) { return std::string(what) + ": " + printable(error.what, 200); }

}  // namespace

Parsed<MailCommand> parse_mail(std::string_view arguments, const Extensions& extensions) {
  if (!take_prefix(arguments, "FROM:")) return refuse(501, {5, 5, 4}, "Syntax: MAIL FROM:<address> [parameters]");
  const bool asked = extensions.smtputf8 && asks_for_smtputf8(arguments);
  if (const Refusal refusal = check_utf8(arguments, asked)) return tl::unexpected(*refusal);
  const bool ascii = is_ascii(arguments);
  auto path = ReversePath::read(arguments, asked ? Utf8::Allow : Utf8::Refuse);
  if (!path) return refuse(501, {5, 1, 7}, path_error("Bad sender address", path.error()));
  MailCommand command{std::move(*path), {}};
  auto parameters = split_parameters(arguments);
  if (!parameters) return tl::unexpected(parameters.error());
  for (const Parameter& parameter : *parameters)
    if (const Refusal refusal = read_mail_parameter(parameter, extensions, command.parameters)) return tl::unexpected(*refusal);
  // The word SMTPUTF8 stood inside a quoted local part only.
  if (!ascii && !command.parameters.smtputf8) return refuse(553, {5, 6, 7}, "Non-ASCII addresses need SMTPUTF8 in MAIL");
  return command;
}

Parsed<RcptCommand> parse_rcpt(std::string_view arguments, const Extensions& extensions, bool smtputf8) {
  if (!take_prefix(arguments, "TO:")) return refuse(501, {5, 5, 4}, "Syntax: RCPT TO:<address> [parameters]");
  if (const Refusal refusal = check_utf8(arguments, smtputf8)) return tl::unexpected(*refusal);
  auto path = ForwardPath::read(arguments, smtputf8 ? Utf8::Allow : Utf8::Refuse);
  if (!path) return refuse(501, {5, 1, 3}, path_error("Bad recipient address", path.error()));
  RcptCommand command{std::move(*path), {}};
  auto parameters = split_parameters(arguments);
  if (!parameters) return tl::unexpected(parameters.error());
  for (const Parameter& parameter : *parameters)
    if (const Refusal refusal = read_rcpt_parameter(parameter, extensions, command.parameters)) return tl::unexpected(*refusal);
  return command;
}

std::string write_mail_parameters(const MailParameters& parameters, const Extensions& extensions) {
  std::string out;
  if (parameters.size && extensions.size) out += " SIZE=" + std::to_string(*parameters.size);
  if (parameters.body == BodyType::EightBitMime && extensions.eight_bit_mime) out += " BODY=8BITMIME";
  if (parameters.body == BodyType::BinaryMime && extensions.binary_mime) out += " BODY=BINARYMIME";
  if (parameters.smtputf8 && extensions.smtputf8) out += " SMTPUTF8";
  if (parameters.ret != DsnReturn::Unspecified && extensions.dsn) out += parameters.ret == DsnReturn::Full ? " RET=FULL" : " RET=HDRS";
  if (!parameters.envid.empty() && extensions.dsn) out += " ENVID=" + xtext_encode(parameters.envid);
  if (parameters.auth && extensions.auth) out += " AUTH=" + (parameters.auth->empty() ? "<>" : xtext_encode(*parameters.auth));
  if (parameters.requiretls && extensions.requiretls) out += " REQUIRETLS";
  return out;
}

std::string write_rcpt_parameters(const RcptParameters& parameters, const Extensions& extensions) {
  std::string out;
  if (!extensions.dsn) return out;
  if (parameters.notify.given()) {
    std::string words;
    const auto add = [&words](bool given, std::string_view word) {
      if (given) words.append(words.empty() ? "" : ",").append(word);
    };
    add(parameters.notify.never, "NEVER");
    add(parameters.notify.success, "SUCCESS");
    add(parameters.notify.failure, "FAILURE");
    add(parameters.notify.delay, "DELAY");
    out += " NOTIFY=" + words;
  }
  if (parameters.orcpt) {
    const bool utf8 = parameters.orcpt->type == "utf-8";
    out += " ORCPT=" + parameters.orcpt->type + ';' +
           (utf8 ? utf8_addr_xtext_encode(parameters.orcpt->address) : xtext_encode(parameters.orcpt->address));
  }
  return out;
}

}  // namespace postern::smtp
