#include "mailauth/dkim_parse.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "dns/name.hpp"
#include "mailauth/tags.hpp"
#include "mime/address.hpp"

namespace postern {
namespace {

constexpr std::size_t kMaxSignedNames = 1000;

DkimVerdict neutral(std::string reason) { return {DkimResult::Neutral, std::move(reason)}; }
DkimVerdict permanent(std::string reason) { return {DkimResult::PermError, std::move(reason)}; }

std::string in_a_labels(const std::string& domain) { return to_a_labels(domain).value_or(domain); }

/// Reads the tags of one signature in turn; the first thing wrong decides. Every step may assume that those before it went well.
class SignatureReader {
 public:
  SignatureReader(const TagList& tags, ParsedSignature& out) : m_tags(tags), m_out(out) {}

  DkimVerdict read() {
    // What identifies the signature comes first, so that reports can name it even when the rest is broken.
    for (const auto step : {&SignatureReader::domain, &SignatureReader::selector, &SignatureReader::algorithm, &SignatureReader::version,
                            &SignatureReader::blobs, &SignatureReader::canonicalization, &SignatureReader::names,
                            &SignatureReader::identity, &SignatureReader::query, &SignatureReader::numbers}) {
      if (DkimVerdict verdict = (this->*step)(); verdict.result != DkimResult::Pass) return verdict;
    }
    return {};
  }

 private:
  [[nodiscard]] std::string_view value(std::string_view name) const {
    const Tag* tag = m_tags.find(name);
    return tag == nullptr ? std::string_view{} : tag->value;
  }

  DkimVerdict domain() {
    m_out.domain = to_lower(value("d"));
    if (m_out.domain.empty()) return neutral("d= is missing");
    // RFC 8616 5: U-labels may stand in d=; DNS is asked with A-labels.
    const auto ascii = to_a_labels(m_out.domain);
    const auto name = ascii ? dns::normalize_name(*ascii) : dns::normalize_name(m_out.domain);
    if (!name) return neutral("d= is not a domain name");
    m_out.query_name = "._domainkey." + *name;
    return {};
  }
  DkimVerdict selector() {
    m_out.selector = value("s");
    const auto ascii = is_ascii(m_out.selector) ? Result<std::string>(m_out.selector) : to_a_labels(m_out.selector);
    const auto name = dns::normalize_name(ascii.value_or("") + m_out.query_name);
    if (m_out.selector.empty() || !name) return neutral("s= is missing or not a selector");
    m_out.query_name = *name;
    return {};
  }
  DkimVerdict algorithm() {
    m_out.algorithm_text = to_lower(value("a"));
    // RFC 8301 3.1: "rsa-sha1 MUST NOT be used for signing or verifying"; such signatures "have permanently failed evaluation".
    if (m_out.algorithm_text == "rsa-sha1") return permanent("rsa-sha1 is no longer accepted (RFC 8301)");
    const auto known = parse_dkim_algorithm(m_out.algorithm_text);
    if (!known) return neutral("a= is missing or not known");
    m_out.algorithm = *known;
    return {};
  }
  DkimVerdict version() {
    // RFC 6376 3.5: "v= Version (plain-text; REQUIRED) ... It MUST have the value "1""
    return value("v") == "1" ? DkimVerdict{} : neutral("v= is missing or not 1");
  }
  DkimVerdict blobs() {
    const Tag* b = m_tags.find("b");
    const Tag* bh = m_tags.find("bh");
    if (b == nullptr || bh == nullptr) return neutral("b= or bh= is missing");
    m_out.b_begin = b->value_begin;
    m_out.b_end = b->value_end;
    auto signature = base64_decode(b->compact());
    auto hash = base64_decode(bh->compact());
    if (!signature || signature->empty()) return neutral("b= is not base64");
    if (!hash || hash->size() != 32) return neutral("bh= is not a SHA-256 hash in base64");
    m_out.signature = *std::move(signature);
    m_out.body_hash = *std::move(hash);
    return {};
  }
  DkimVerdict canonicalization() {
    const Tag* c = m_tags.find("c");
    if (c == nullptr) return {};
    const auto pair = CanonicalizationPair::parse(c->value);  // RFC 6376 3.5: no white space around the slash
    if (!pair) return neutral("c= is not known");
    m_out.canonicalization = *pair;
    return {};
  }
  DkimVerdict names() {
    const Tag* h = m_tags.find("h");
    if (h == nullptr) return neutral("h= is missing");
    const auto words = h->words();
    m_out.names.reserve(words.size());
    for (const auto name : words) {
      if (!is_field_name(name)) return neutral("h= has a name that no header field has");
      if (m_out.names.size() >= kMaxSignedNames) return neutral("h= has too many names");
      m_out.names.push_back(to_lower(name));
    }
    // RFC 6376 6.1.1: "If the "h=" tag does not include the From header field, the Verifier MUST ignore the signature"
    if (std::find(m_out.names.begin(), m_out.names.end(), "from") == m_out.names.end()) return permanent("From is not signed");
    return {};
  }
  DkimVerdict identity() {
    const Tag* i = m_tags.find("i");  // RFC 6376 3.5, 2.11: dkim-quoted-printable, where white space means nothing
    m_out.identity = i == nullptr ? "@" + m_out.domain : i->compact();
    const auto at = m_out.identity.rfind('@');
    if (at == std::string::npos) return neutral("i= has no @");
    m_out.identity_domain = to_lower(m_out.identity.substr(at + 1));
    // RFC 6376 6.1.1: "If the "i=" tag ... domain is not the same as or a subdomain of d=", PERMFAIL (domain mismatch)
    if (!dns::is_same_or_below(in_a_labels(m_out.identity_domain), in_a_labels(m_out.domain))) return permanent("i= is not within d=");
    return {};
  }
  DkimVerdict query() {
    const Tag* q = m_tags.find("q");
    return q == nullptr || q->has_word("dns/txt") ? DkimVerdict{} : neutral("q= has no method that is known");
  }
  DkimVerdict numbers() {
    if (!read_number("l", m_out.length)) return neutral("l= is not a number");
    if (!read_number("t", m_out.timestamp)) return neutral("t= is not a number");
    if (!read_number("x", m_out.expiry)) return neutral("x= is not a number");
    // RFC 6376 3.5 x=: "The value of the "x=" tag MUST be greater than the value of the "t=" tag if both are present."
    if (m_out.timestamp && m_out.expiry && *m_out.expiry <= *m_out.timestamp) return permanent("x= is not after t=");
    return {};
  }
  template <class T>
  bool read_number(std::string_view name, std::optional<T>& out) const {
    const Tag* tag = m_tags.find(name);
    if (tag == nullptr) return true;
    const std::string_view text = tag->value;
    T number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || !is_digit(text.front()) || error != std::errc{} || end != text.data() + text.size()) return false;
    out = number;
    return true;
  }

  const TagList& m_tags;
  ParsedSignature& m_out;
};

}  // namespace

ParsedSignature parse_signature(const HeaderField& field) {
  ParsedSignature out;
  const auto tags = TagList::parse(field.value);
  if (!tags) {
    out.verdict = neutral("syntax error: " + tags.error().text());
    return out;
  }
  out.verdict = SignatureReader(*tags, out).read();
  return out;
}

}  // namespace postern
