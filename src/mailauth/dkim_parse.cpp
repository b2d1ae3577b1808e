#include "mailauth/dkim_parse.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>

#include "base/text.hpp"
#include "dns/name.hpp"
#include "mailauth/tags.hpp"
#include "mime/address.hpp"

namespace postern {
namespace {

constexpr std::size_t kMaxSignedNames = 1000;

DkimVerdict neutral(std::string reason) { return {DkimResult::Neutral, std::move(reason)}; }
DkimVerdict permanent(std::string reason) { return {DkimResult::PermError, std::move(reason)}; }

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
    // RFC 8616 3: U-labels may stand in d=; DNS is asked with A-labels.
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
    const auto pair = CanonicalizationPair::parse(c->compact());
    if (!pair) return neutral("c= is not known");
    m_out.canonicalization = *pair;
    return {};
  }
  DkimVerdict names() {
    const Tag* h = m_tags.find("h");
    if (h == nullptr) return neutral("h= is missing");
    const std::string list = h->compact();
    for (const auto name : split(list, ':')) {
      if (name.empty()) return neutral("h= has an empty name");
      if (m_out.names.size() >= kMaxSignedNames) return neutral("h= has too many names");
      m_out.names.push_back(to_lower(name));
    }
    // RFC 6376 6.1.1: "If the "h=" tag does not include the From header field, the Verifier MUST ignore the signature"
    if (std::find(m_out.names.begin(), m_out.names.end(), "from") == m_out.names.end()) return permanent("From is not signed");
    return {};
  }
  DkimVerdict identity() {
    const Tag* i = m_tags.find("i");
    m_out.identity = i == nullptr ? "@" + m_out.domain : i->compact();
    const auto at = m_out.identity.rfind('@');
    if (at == std::string::npos) return neutral("i= has no @");
    m_out.identity_domain = to_lower(m_out.identity.substr(at + 1));
    // RFC 6376 6.1.1: "If the "i=" tag ... domain is not the same as or a subdomain of d=", PERMFAIL (domain mismatch)
    if (!dns::is_same_or_below(m_out.identity_domain, m_out.domain)) return permanent("i= is not within d=");
    return {};
  }
  DkimVerdict query() {
    const Tag* q = m_tags.find("q");
    if (q == nullptr) return {};
    const std::string list = q->compact();
    const auto methods = split(list, ':');
    const bool dns_txt = std::any_of(methods.begin(), methods.end(), [](std::string_view m) { return iequals(m, "dns/txt"); });
    return dns_txt ? DkimVerdict{} : neutral("q= has no method that is known");
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

bool has_word(const Tag* tag, std::string_view word) {
  if (tag == nullptr) return false;
  const std::string list = tag->compact();
  const auto words = split(list, ':');
  return std::any_of(words.begin(), words.end(), [word](std::string_view w) { return iequals(w, word); });
}

/// RFC 6376 6.1.2 and 3.6.1: everything in the record that can forbid its use for this signature.
DkimVerdict check_key_tags(const TagList& tags, const ParsedSignature& signature) {
  const Tag* version = tags.find("v");
  // "This tag MUST be the first tag in the record. Records beginning with a "v=" tag with any other value MUST be discarded."
  if (version != nullptr && (version != &tags.tags().front() || version->value != "DKIM1"))
    return permanent("the key record is not of version DKIM1");
  const Tag* type = tags.find("k");
  const std::string_view wanted = signature.algorithm == DkimAlgorithm::RsaSha256 ? "rsa" : "ed25519";
  if (!iequals(type == nullptr ? "rsa" : type->value, wanted)) return permanent("the key is not of the kind a= names");
  if (tags.find("h") != nullptr && !has_word(tags.find("h"), "sha256")) return permanent("the key does not allow sha256");
  const Tag* service = tags.find("s");
  if (service != nullptr && !has_word(service, "*") && !has_word(service, "email")) return permanent("the key is not for email");
  // t=s: "any DKIM-Signature header fields using the "i=" tag MUST have the same domain value on the right-hand side of the "@" in the "i="
  // tag and the value of the "d=" tag"
  if (has_word(tags.find("t"), "s") && signature.identity_domain != signature.domain)
    return permanent("the key does not allow i= below d=");
  return {};
}

Result<PublicKey> decode_public_key(DkimAlgorithm algorithm, ByteView raw) {
  if (algorithm == DkimAlgorithm::Ed25519Sha256) return PublicKey::from_raw(KeyKind::Ed25519, raw);
  // RFC 6376 3.6.1 says RSAPublicKey and shows SubjectPublicKeyInfo; both are in use (erratum 3017).
  auto key = PublicKey::from_spki(raw);
  if (key && key->kind() != KeyKind::Rsa) return fail(ErrorCode::BadInput, "not an RSA key");
  if (key) return key;
  auto bare = PublicKey::from_rsa_pkcs1(raw);
  return bare ? bare : key;
}

/// Keys by the octets they were read from: OpenSSL takes longer to decode an RSA key than to verify with it. Thread safe.
class DecodedKeys {
 public:
  [[nodiscard]] std::optional<PublicKey> find(DkimAlgorithm algorithm, const Bytes& raw) const {
    const std::lock_guard lock(m_mutex);
    const auto it = m_keys.find({algorithm, raw});
    return it == m_keys.end() ? std::nullopt : std::optional(it->second);
  }
  void keep(DkimAlgorithm algorithm, const Bytes& raw, const PublicKey& key) {
    const std::lock_guard lock(m_mutex);
    if (m_keys.size() >= kMost) m_keys.clear();
    m_keys.insert_or_assign({algorithm, raw}, key);
  }

 private:
  static constexpr std::size_t kMost = 256;
  mutable std::mutex m_mutex;
  std::map<std::pair<DkimAlgorithm, Bytes>, PublicKey> m_keys;
};

Result<PublicKey> read_public_key(DkimAlgorithm algorithm, const Bytes& raw) {
  static auto& known = *new DecodedKeys;  // lives as long as the process
  if (auto key = known.find(algorithm, raw)) return *std::move(key);
  auto key = decode_public_key(algorithm, raw);
  if (key) known.keep(algorithm, raw, *key);
  return key;
}

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

ParsedKey parse_key_record(std::string_view record, const ParsedSignature& signature, const DkimVerifyOptions& options) {
  ParsedKey out;
  const auto tags = TagList::parse(record);
  const Tag* p = tags ? tags->find("p") : nullptr;
  if (p == nullptr) {
    out.verdict = permanent("the key record has a syntax error");
    return out;
  }
  out.testing = has_word(tags->find("t"), "y");
  out.verdict = check_key_tags(*tags, signature);
  if (out.verdict.result != DkimResult::Pass) return out;
  // RFC 6376 3.6.1 p=: "An empty value means that this public key has been revoked."
  if (p->value.empty()) {
    out.verdict = permanent("the key was revoked");
    return out;
  }
  const auto raw = base64_decode(p->compact());
  auto key = raw ? read_public_key(signature.algorithm, *raw) : fail(raw.error());
  if (!key) {
    // RFC 8301 3.2: keys under 1024 bits are not even read by crypto/.
    out.verdict = permanent("the key cannot be used: " + key.error().what);
    return out;
  }
  const auto bits = static_cast<std::size_t>(key->bits());
  out.key = *std::move(key);
  if (signature.algorithm == DkimAlgorithm::RsaSha256 && (bits < options.min_rsa_bits || bits > options.max_rsa_bits)) {
    out.verdict = {DkimResult::Policy, "an RSA key of " + std::to_string(bits) + " bits is not accepted"};
  }
  return out;
}

}  // namespace postern
