#include <algorithm>

#include "base/text.hpp"
#include "mailauth/canonical.hpp"
#include "mailauth/dkim.hpp"
#include "mailauth/dkim_parse.hpp"

namespace postern {
namespace {

constexpr std::size_t kMaxKeyRecords = 4;  // RFC 6376 6.1.2: several may be published; more is somebody burning our time

/// Verifies the signatures of one message; body hashes are shared between them.
class Verifier {
 public:
  Verifier(const MessageView& message, DnsPort& dns, WallTime now, const DkimVerifyOptions& options)
      : m_message(message), m_dns(dns), m_now(unix_seconds(now)), m_options(options) {}

  DkimSignature verify(const HeaderField& field);

 private:
  DkimVerdict check_times(const ParsedSignature& parsed) const;
  DkimVerdict check_from(const ParsedSignature& parsed) const;
  DkimVerdict check_with_keys(const HeaderField& field, const ParsedSignature& parsed, DkimSignature& out);
  DkimVerdict check_body(const ParsedSignature& parsed, DkimSignature& out);
  DkimVerdict check_signature(const HeaderField& field, const ParsedSignature& parsed, const PublicKey& key) const;
  const BodyHash& body_hash(Canonicalization how, std::optional<std::uint64_t> limit);

  struct CachedHash {
    Canonicalization how;
    std::optional<std::uint64_t> limit;
    BodyHash hash;
  };

  const MessageView& m_message;
  DnsPort& m_dns;
  std::int64_t m_now;
  const DkimVerifyOptions& m_options;
  std::vector<CachedHash> m_hashes;
};

DkimVerdict Verifier::check_times(const ParsedSignature& parsed) const {
  // RFC 6376 3.5 x=: "Signatures MAY be considered invalid if the verification time at the Verifier is past the expiration date."
  if (parsed.expiry && m_now > *parsed.expiry) return {DkimResult::PermError, "the signature expired"};
  // t=: "Verifiers MAY ignore signatures that have a timestamp in the future."
  if (parsed.timestamp && *parsed.timestamp > m_now && *parsed.timestamp - m_now > m_options.future_tolerance.count()) {
    return {DkimResult::Policy, "the signature is dated in the future"};
  }
  return {};
}

/// RFC 6376 8.15: a From field that the signature does not cover would be shown with the signer's good name.
DkimVerdict Verifier::check_from(const ParsedSignature& parsed) const {
  const auto covered = static_cast<std::size_t>(std::count(parsed.names.begin(), parsed.names.end(), "from"));
  if (m_message.count("From") > covered) return {DkimResult::Policy, "the message has a From field that is not signed"};
  return {};
}

const BodyHash& Verifier::body_hash(Canonicalization how, std::optional<std::uint64_t> limit) {
  const auto found = std::find_if(m_hashes.begin(), m_hashes.end(), [&](const CachedHash& c) { return c.how == how && c.limit == limit; });
  if (found != m_hashes.end()) return found->hash;
  m_hashes.push_back({how, limit, hash_body(m_message.body(), how, limit)});
  return m_hashes.back().hash;
}

DkimVerdict Verifier::check_body(const ParsedSignature& parsed, DkimSignature& out) {
  const BodyHash& hash = body_hash(parsed.canonicalization.body, parsed.length);
  // RFC 6376 3.5 l=: "This value MUST NOT be larger than the actual number of octets in the canonicalized message body."
  if (parsed.length && *parsed.length > hash.canonical_size) return {DkimResult::PermError, "l= is larger than the body"};
  out.partial_body = parsed.length && *parsed.length < hash.canonical_size;
  if (!constant_time_equal(hash.digest, parsed.body_hash)) return {DkimResult::Fail, "the body was changed (bh= does not match)"};
  return {};
}

DkimVerdict Verifier::check_signature(const HeaderField& field, const ParsedSignature& parsed, const PublicKey& key) const {
  std::string data;
  data.reserve(m_message.header_block().size());
  append_canonical_fields(data, m_message, parsed.names, parsed.canonicalization.header);
  // RFC 6376 3.7: the signature field itself, "with the value of the "b=" tag (including all surrounding whitespace) deleted", without its
  // CRLF.
  const auto value_at = static_cast<std::size_t>(field.value.data() - field.raw.data());
  std::string emptied;
  emptied.reserve(field.raw.size() + 2);
  emptied.append(field.raw.substr(0, value_at + parsed.b_begin));
  emptied.append(field.raw.substr(value_at + parsed.b_end, field.value.size() - parsed.b_end)).append("\r\n");
  append_canonical_field(data, emptied, parsed.canonicalization.header);
  data.resize(data.size() - 2);
  const Status good = parsed.algorithm == DkimAlgorithm::RsaSha256
                          ? key.verify(SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256), as_bytes(data), parsed.signature)
                          : key.verify(SignAlgorithm::ed25519(), sha256(as_bytes(data)), parsed.signature);
  if (!good) return {DkimResult::Fail, "the signature does not match the header"};
  return {};
}

DkimVerdict Verifier::check_with_keys(const HeaderField& field, const ParsedSignature& parsed, DkimSignature& out) {
  const auto answer = m_dns.query(parsed.query_name, dns::RecordType::Txt);
  if (!answer) return {DkimResult::PermError, "the key cannot be asked for: " + answer.error().what};
  if (answer->is_temporary_failure())
    return {DkimResult::TempError, "the key could not be fetched (DNS " + std::string(name_of(answer->status)) + ")"};
  const auto records = answer->all<dns::TxtData>();
  if (records.empty()) return {DkimResult::PermError, "there is no key at " + parsed.query_name};
  DkimVerdict verdict;
  // RFC 6376 6.1.2: with several records "the Verifier can choose one of the key records or may cycle through" them.
  for (std::size_t i = 0; i < std::min(records.size(), kMaxKeyRecords); ++i) {
    const ParsedKey key = parse_key_record(records[i].joined(), parsed, m_options);
    DkimVerdict this_verdict = key.verdict;
    if (this_verdict.result == DkimResult::Pass) this_verdict = check_body(parsed, out);
    if (this_verdict.result == DkimResult::Pass) this_verdict = check_signature(field, parsed, *key.key);
    const bool passed = this_verdict.result == DkimResult::Pass;
    if (i != 0 && !passed) continue;  // the first record's reason stands
    out.testing = key.testing;
    out.key_bits = key.key ? static_cast<std::size_t>(key.key->bits()) : 0;
    verdict = std::move(this_verdict);
    if (passed) break;
  }
  return verdict;
}

DkimSignature Verifier::verify(const HeaderField& field) {
  ParsedSignature parsed = parse_signature(field);
  DkimSignature out;
  out.domain = parsed.domain;
  out.selector = parsed.selector;
  out.algorithm = parsed.algorithm_text;
  out.identity = parsed.identity;
  out.timestamp = parsed.timestamp;
  out.signature_head = base64_encode(ByteView(parsed.signature).first(std::min<std::size_t>(parsed.signature.size(), 6)));
  DkimVerdict verdict = parsed.verdict;
  if (verdict.result == DkimResult::Pass) verdict = check_times(parsed);
  if (verdict.result == DkimResult::Pass) verdict = check_with_keys(field, parsed, out);
  if (verdict.result == DkimResult::Pass) verdict = check_from(parsed);
  if (verdict.result == DkimResult::Pass && out.partial_body && !m_options.accept_partial_body) {
    verdict = {DkimResult::Policy, "the signature covers a part of the body only (l=)"};
  }
  // RFC 6376 3.6.1 t=y: a failing signature is to be treated like none.
  if (verdict.result == DkimResult::Fail && out.testing) verdict = {DkimResult::Neutral, verdict.reason + "; the domain is testing DKIM"};
  out.result = verdict.result;
  out.reason = std::move(verdict.reason);
  out.signed_fields = std::move(parsed.names);
  return out;
}

bool is_signature(const HeaderField& field) noexcept { return field.is("DKIM-Signature"); }

}  // namespace

std::vector<DkimSignature> dkim_verify(const MessageView& message, DnsPort& dns, WallTime now, const DkimVerifyOptions& options) {
  std::vector<DkimSignature> out;
  Verifier verifier(message, dns, now, options);
  for (const HeaderField& field : message.fields()) {
    if (!is_signature(field)) continue;
    if (out.size() < options.max_signatures) {
      out.push_back(verifier.verify(field));
      continue;
    }
    DkimSignature surplus;
    surplus.result = DkimResult::Policy;
    surplus.reason = "the message has more than " + std::to_string(options.max_signatures) + " signatures; this one was not looked at";
    out.push_back(std::move(surplus));
  }
  return out;
}

std::vector<std::string> dkim_key_names(const MessageView& message, const DkimVerifyOptions& options) {
  std::vector<std::string> out;
  std::size_t seen = 0;
  for (const HeaderField& field : message.fields()) {
    if (!is_signature(field) || seen++ >= options.max_signatures) continue;
    const ParsedSignature parsed = parse_signature(field);
    if (parsed.verdict.result != DkimResult::Pass) continue;
    if (std::find(out.begin(), out.end(), parsed.query_name) == out.end()) out.push_back(parsed.query_name);
  }
  return out;
}

}  // namespace postern
