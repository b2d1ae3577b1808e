// The key file: the few statements of named.conf that tsig-keygen writes.
#include <array>
#include <optional>

#include "base/base64.hpp"
#include "base/text.hpp"
#include "dns/name.hpp"
#include "dnszone/tsig.hpp"

namespace postern::dnszone {
namespace {

constexpr std::size_t kLongestSecret = 512;

tl::unexpected<Error> bad(std::string what, const char* field = "key file") { return fail(ErrorCode::BadInput, std::move(what), field); }

/// Words, quoted words, and the marks { } ;. Borrows the text, so that no copy of the secret is made.
class Tokens {
 public:
  explicit Tokens(std::string_view text) : m_rest(text) {}

  /// Empty at the end.
  Result<std::string_view> next() {
    POSTERN_CHECK(skip());
    if (m_rest.empty()) return std::string_view{};
    if (is_mark(m_rest.front())) return take(1);
    if (m_rest.front() == '"') return quoted();
    return take(std::min(m_rest.find_first_of(" \t\r\n{};\"#"), m_rest.size()));
  }
  Status expect(std::string_view mark) {
    POSTERN_TRY(const std::string_view token, next());
    if (token != mark) return bad("a \"" + std::string(mark) + "\" is missing; write it as tsig-keygen does");
    return {};
  }
  /// A word or a quoted one, never a mark.
  Result<std::string_view> value(const char* field) {
    POSTERN_TRY(const std::string_view token, next());
    if (token.empty() || (token.size() == 1 && is_mark(token.front()))) return bad("is missing", field);
    return token;
  }

 private:
  static bool is_mark(char c) { return c == '{' || c == '}' || c == ';'; }
  std::string_view take(std::size_t count) {
    const std::string_view out = m_rest.substr(0, count);
    m_rest.remove_prefix(count);
    return out;
  }
  Result<std::string_view> quoted() {
    const auto end = m_rest.find('"', 1);
    if (end == std::string_view::npos) return bad("a quotation mark is not closed");
    return take(end + 1).substr(1, end - 1);
  }
  void skip_to(std::string_view end) { m_rest.remove_prefix(std::min(m_rest.find(end), m_rest.size())); }
  Status skip() {
    for (;;) {
      m_rest.remove_prefix(std::min(m_rest.find_first_not_of(" \t\r\n"), m_rest.size()));
      if (m_rest.starts_with('#') || m_rest.starts_with("//")) {
        skip_to("\n");
      } else if (m_rest.starts_with("/*")) {
        if (m_rest.find("*/", 2) == std::string_view::npos) return bad("a comment is not closed");
        m_rest.remove_prefix(m_rest.find("*/", 2) + 2);
      } else {
        return {};
      }
    }
  }

  std::string_view m_rest;
};

Result<TsigAlgorithm> algorithm_of(std::string_view text) {
  for (const auto algorithm : {TsigAlgorithm::HmacSha256, TsigAlgorithm::HmacSha384, TsigAlgorithm::HmacSha512}) {
    if (iequals(text, name_of(algorithm))) return algorithm;
  }
  // RFC 8945 6: hmac-md5 MUST NOT, hmac-sha1 NOT RECOMMENDED.
  return fail(ErrorCode::Unsupported, printable(text, 40) + " is not used here; make another key: tsig-keygen -a hmac-sha256 NAME",
              "algorithm");
}

Result<SecretBytes> secret_of(std::string_view text) {
  if (text.size() > base64_size(kLongestSecret)) return bad("is longer than 512 octets", "secret");
  SecretBytes room(base64_room(text.size()));
  const auto size = base64_read(text, room.span());
  if (!size || *size == 0) return bad("is not base64; copy the key file as it was made", "secret");
  return SecretBytes(room.view().first(*size));
}

struct Parts {
  std::optional<TsigAlgorithm> algorithm;
  std::optional<SecretBytes> secret;
};

Status read_statement(Tokens& tokens, std::string_view word, Parts& out) {
  if (iequals(word, "algorithm") && !out.algorithm) {
    POSTERN_TRY(const std::string_view text, tokens.value("algorithm"));
    POSTERN_TRY(out.algorithm, algorithm_of(text));
  } else if (iequals(word, "secret") && !out.secret) {
    POSTERN_TRY(const std::string_view text, tokens.value("secret"));
    POSTERN_TRY(out.secret, secret_of(text));
  } else {
    return bad("a key has one algorithm and one secret, and nothing else");  // the word may be a secret without its quotes
  }
  return tokens.expect(";");
}

Result<Parts> read_body(Tokens& tokens) {
  Parts out;
  for (;;) {
    POSTERN_TRY(const std::string_view word, tokens.next());
    if (word == "}") break;
    if (word.empty()) return bad("ends inside the key");
    POSTERN_CHECK(read_statement(tokens, word, out));
  }
  if (!out.algorithm) return bad("is missing", "algorithm");
  if (!out.secret) return bad("is missing", "secret");
  return out;
}

}  // namespace

Result<TsigKey> parse_tsig_key(std::string_view text) {
  if (text.size() > kTsigKeyFileLimit) return fail(ErrorCode::TooLarge, "is longer than 64 KiB; it is no key file", "key file");
  Tokens tokens(text);
  POSTERN_TRY(const std::string_view word, tokens.next());
  if (!iequals(word, "key")) return bad("must begin with: key \"NAME\" {; make one with: tsig-keygen NAME");
  POSTERN_TRY(const std::string_view given, tokens.value("key name"));
  auto name = dns::normalize_name(given);
  if (!name) return bad("is not a domain name", "key name");
  POSTERN_CHECK(tokens.expect("{"));
  POSTERN_TRY(Parts parts, read_body(tokens));
  POSTERN_TRY(std::string_view rest, tokens.next());
  if (rest == ";") {
    POSTERN_TRY(rest, tokens.next());
  }
  if (!rest.empty()) return bad("has more than one key; keep the one for updates in a file of its own");
  return TsigKey{*std::move(name), *parts.algorithm, *std::move(parts.secret)};
}

}  // namespace postern::dnszone
