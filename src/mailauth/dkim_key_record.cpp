// Key records (RFC 6376 3.6.1): read once, then asked for each signature.
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/text.hpp"
#include "mailauth/dkim_parse.hpp"
#include "mailauth/tags.hpp"
#include "mime/address.hpp"

namespace postern {
namespace {

DkimVerdict permanent(std::string reason) { return {DkimResult::PermError, std::move(reason)}; }
bool has_word(const Tag* tag, std::string_view word) { return tag != nullptr && tag->has_word(word); }

Result<PublicKey> decode_public_key(DkimAlgorithm algorithm, ByteView raw) {
  if (algorithm == DkimAlgorithm::Ed25519Sha256) return PublicKey::from_raw(KeyKind::Ed25519, raw);
  // RFC 6376 3.6.1 says RSAPublicKey and shows SubjectPublicKeyInfo; both are in use (erratum 3017).
  auto key = PublicKey::from_spki(raw);
  if (key && key->kind() != KeyKind::Rsa) return fail(ErrorCode::BadInput, "not an RSA key");
  if (key) return key;
  auto bare = PublicKey::from_rsa_pkcs1(raw);
  return bare ? bare : key;
}

/// What a record says, whichever signature it is asked for.
struct KeyRecord {
  bool readable = false;  ///< A tag list with p=.
  bool known_version = true, allows_sha256 = true, for_email = true;
  bool same_domain_only = false;  ///< t=s
  bool testing = false;           ///< t=y
  bool revoked = false;
  std::optional<DkimAlgorithm> algorithm;  ///< k=; nothing: of a kind that we do not know.
  std::optional<PublicKey> key;            ///< Not there when it cannot be used;
  std::string defect;                      ///< then why.
};

void read_key(std::string_view p, KeyRecord& out) {
  const auto raw = base64_decode(p);
  auto key = raw ? decode_public_key(*out.algorithm, *raw) : fail(raw.error());
  if (key)
    out.key = *std::move(key);
  else
    out.defect = key.error().what;
}

KeyRecord read_record(std::string_view text) {
  KeyRecord out;
  const auto tags = TagList::parse(text);
  const Tag* p = tags ? tags->find("p") : nullptr;
  if (p == nullptr) return out;
  out.readable = true;
  // "This tag MUST be the first tag in the record. Records beginning with a "v=" tag with any other value MUST be discarded."
  const Tag* version = tags->find("v");
  out.known_version = version == nullptr || (version == &tags->tags().front() && version->value == "DKIM1");
  const Tag* kind = tags->find("k");
  if (kind == nullptr || iequals(kind->value, "rsa"))
    out.algorithm = DkimAlgorithm::RsaSha256;
  else if (iequals(kind->value, "ed25519"))
    out.algorithm = DkimAlgorithm::Ed25519Sha256;
  out.allows_sha256 = tags->find("h") == nullptr || has_word(tags->find("h"), "sha256");
  const Tag* service = tags->find("s");
  out.for_email = service == nullptr || has_word(service, "*") || has_word(service, "email");
  out.same_domain_only = has_word(tags->find("t"), "s");
  out.testing = has_word(tags->find("t"), "y");
  // p=: "An empty value means that this public key has been revoked."
  out.revoked = p->value.empty();
  if (!out.revoked && out.algorithm) read_key(p->compact(), out);
  return out;
}

/// Records by their text: OpenSSL takes longer to decode an RSA key than to verify with it. Thread safe.
class KnownRecords {
 public:
  [[nodiscard]] std::shared_ptr<const KeyRecord> find(const std::string& text) const {
    const std::lock_guard lock(m_mutex);
    const auto it = m_known.find(text);
    return it == m_known.end() ? nullptr : it->second;
  }
  void keep(const std::string& text, std::shared_ptr<const KeyRecord> record) {
    const std::lock_guard lock(m_mutex);
    if (m_known.size() >= kMost) m_known.clear();
    m_known.insert_or_assign(text, std::move(record));
  }
  static constexpr std::size_t kLongest = 4096;  // of RSA-8192 it is 1,400

 private:
  static constexpr std::size_t kMost = 256;
  mutable std::mutex m_mutex;
  std::unordered_map<std::string, std::shared_ptr<const KeyRecord>> m_known;
};

std::shared_ptr<const KeyRecord> record_of(const std::string& text) {
  static auto& known = *new KnownRecords;  // lives as long as the process
  if (auto record = known.find(text)) return record;
  auto record = std::make_shared<const KeyRecord>(read_record(text));
  if (text.size() <= KnownRecords::kLongest) known.keep(text, record);
  return record;
}

/// 6.1.2 and 3.6.1: everything that can forbid the use of a record for this signature.
DkimVerdict check(const KeyRecord& record, const ParsedSignature& signature) {
  if (!record.readable) return permanent("the key record has a syntax error");
  if (!record.known_version) return permanent("the key record is not of version DKIM1");
  if (record.algorithm != signature.algorithm) return permanent("the key is not of the kind a= names");
  if (!record.allows_sha256) return permanent("the key does not allow sha256");
  if (!record.for_email) return permanent("the key is not for email");
  // t=s: "any DKIM-Signature header fields using the "i=" tag MUST have the same domain value on the right-hand side of the "@" in the "i="
  // tag and the value of the "d=" tag"
  const auto in_a_labels = [](const std::string& domain) { return to_a_labels(domain).value_or(domain); };
  if (record.same_domain_only && in_a_labels(signature.identity_domain) != in_a_labels(signature.domain))
    return permanent("the key does not allow i= below d=");
  if (record.revoked) return permanent("the key was revoked");
  // RFC 8301 3.2: keys under 1024 bits are not even read by crypto/.
  return record.key ? DkimVerdict() : permanent("the key cannot be used: " + record.defect);
}

}  // namespace

ParsedKey parse_key_record(const std::string& text, const ParsedSignature& signature, const DkimVerifyOptions& options) {
  const auto record = record_of(text);
  ParsedKey out;
  out.testing = record->testing;
  out.verdict = check(*record, signature);
  if (out.verdict.result != DkimResult::Pass) return out;
  out.key = record->key;
  const auto bits = static_cast<std::size_t>(out.key->bits());
  if (signature.algorithm == DkimAlgorithm::RsaSha256 && (bits < options.min_rsa_bits || bits > options.max_rsa_bits))
    out.verdict = {DkimResult::Policy, "an RSA key of " + std::to_string(bits) + " bits is not accepted"};
  return out;
}

}  // namespace postern
