#include <algorithm>

#include "base/text.hpp"
#include "mailauth/arc_parse.hpp"
#include "mailauth/canonical.hpp"

namespace postern {
namespace {

constexpr std::size_t kMaxKeyRecords = 4;

Error broken(std::size_t instance, std::string_view part, std::string_view why) {
  return {ErrorCode::BadInput, std::string(part) + " of instance " + std::to_string(instance) + ": " + std::string(why), "arc"};
}

class ArcVerifier {
 public:
  ArcVerifier(const MessageView& message, DnsPort& dns, const DkimVerifyOptions& options)
      : m_message(message), m_dns(dns), m_options(options) {}

  ArcVerdict run();

 private:
  Status check_chain();
  Status check_message_signature(std::size_t instance);
  Status check_seal(std::size_t instance, const ArcSignature& seal);
  Status check_with_keys(const ParsedSignature& parsed, const std::string& data);

  const MessageView& m_message;
  DnsPort& m_dns;
  const DkimVerifyOptions& m_options;
  std::vector<ArcFields> m_sets;
  ArcVerdict m_out;
};

/// RFC 6376 6.1.2: of several records one that fits is enough.
Status ArcVerifier::check_with_keys(const ParsedSignature& parsed, const std::string& data) {
  const auto answer = m_dns.query(parsed.query_name, dns::RecordType::Txt);
  if (!answer) return fail(answer.error());
  if (answer->is_temporary_failure()) return fail(ErrorCode::Unavailable, "the key could not be fetched");
  const auto records = answer->all<dns::TxtData>();
  std::string why = "there is no key at " + parsed.query_name;
  for (std::size_t i = 0; i < std::min(records.size(), kMaxKeyRecords); ++i) {
    const ParsedKey key = parse_key_record(records[i].joined(), parsed, m_options);
    if (key.verdict.result != DkimResult::Pass) {
      why = key.verdict.reason;
      continue;
    }
    const Status good = parsed.algorithm == DkimAlgorithm::RsaSha256
                            ? key.key->verify(SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256), as_bytes(data), parsed.signature)
                            : key.key->verify(SignAlgorithm::ed25519(), sha256(as_bytes(data)), parsed.signature);
    if (good) return {};
    why = "the signature does not match";
  }
  return fail(ErrorCode::BadInput, why);
}

/// As a DKIM signature, of this field (4.1.2).
Status ArcVerifier::check_message_signature(std::size_t instance) {
  const HeaderField& field = *m_sets[instance - 1].signature;
  const auto read = parse_arc_message_signature(field);
  if (!read) return fail(broken(instance, "the message signature", read.error().what));
  const ParsedSignature& parsed = read->parsed;
  if (!constant_time_equal(hash_body(m_message.body(), parsed.canonicalization.body).digest, parsed.body_hash))
    return fail(broken(instance, "the message signature", "the body was changed"));
  std::string data;
  append_canonical_fields(data, m_message, parsed.names, parsed.canonicalization.header);
  append_canonical_field(data, without_signature(field, parsed), parsed.canonicalization.header);
  data.resize(data.size() - 2);
  const Status good = check_with_keys(parsed, data);
  m_out.temporary = m_out.temporary || (!good && good.error().code == ErrorCode::Unavailable);
  return good ? Status() : fail(broken(instance, "the message signature", good.error().what));
}

/// 5.1.1: the fields of all sets so far, relaxed, in the order results, signature, seal; this seal without its signature and line end.
Status ArcVerifier::check_seal(std::size_t instance, const ArcSignature& seal) {
  std::string data;
  for (std::size_t i = 0; i < instance; ++i) {
    append_canonical_field(data, m_sets[i].results->raw, Canonicalization::Relaxed);
    append_canonical_field(data, m_sets[i].signature->raw, Canonicalization::Relaxed);
    if (i + 1 < instance) append_canonical_field(data, m_sets[i].seal->raw, Canonicalization::Relaxed);
  }
  append_canonical_field(data, without_signature(*m_sets[instance - 1].seal, seal.parsed), Canonicalization::Relaxed);
  data.resize(data.size() - 2);
  const Status good = check_with_keys(seal.parsed, data);
  m_out.temporary = m_out.temporary || (!good && good.error().code == ErrorCode::Unavailable);
  return good ? Status() : fail(broken(instance, "the seal", good.error().what));
}

/// 5.2, steps 2 to 6.
Status ArcVerifier::check_chain() {
  std::vector<ArcSignature> seals;
  for (std::size_t i = 1; i <= m_sets.size(); ++i) {
    auto seal = parse_arc_seal(*m_sets[i - 1].seal);
    if (!seal) return fail(broken(i, "the seal", seal.error().what));
    m_out.sealers.push_back(seal->parsed.domain);
    seals.push_back(*std::move(seal));
  }
  for (std::size_t i = 1; i <= seals.size(); ++i) {
    const std::string_view wanted = i == 1 ? "none" : "pass";
    if (seals[i - 1].cv != wanted) return fail(broken(i, "the seal", "cv= is " + printable(seals[i - 1].cv, 16)));
  }
  POSTERN_CHECK(check_message_signature(m_sets.size()));
  for (std::size_t i = seals.size(); i > 0; --i) POSTERN_CHECK(check_seal(i, seals[i - 1]));
  return {};
}

ArcVerdict ArcVerifier::run() {
  auto sets = arc_sets(m_message);
  if (sets && sets->empty()) return m_out;
  m_out.cv = ArcResult::Fail;
  if (!sets) {
    m_out.reason = sets.error().what;
    return m_out;
  }
  m_sets = *std::move(sets);
  m_out.instances = m_sets.size();
  const Status whole = check_chain();
  if (whole) m_out.cv = ArcResult::Pass;
  if (!whole) m_out.reason = whole.error().what;
  return m_out;
}

}  // namespace

std::string_view name_of(ArcResult result) noexcept {
  switch (result) {
    case ArcResult::None: return "none";
    case ArcResult::Pass: return "pass";
    case ArcResult::Fail: return "fail";
  }
  return "fail";
}

ArcVerdict arc_verify(const MessageView& message, DnsPort& dns, const DkimVerifyOptions& options) {
  return ArcVerifier(message, dns, options).run();
}

std::vector<std::string> arc_key_names(const MessageView& message) {
  std::vector<std::string> out;
  const auto sets = arc_sets(message);
  if (!sets) return out;
  const auto add = [&out](const Result<ArcSignature>& signature) {
    if (signature && std::ranges::find(out, signature->parsed.query_name) == out.end()) out.push_back(signature->parsed.query_name);
  };
  for (const ArcFields& set : *sets) add(parse_arc_seal(*set.seal));
  if (!sets->empty()) add(parse_arc_message_signature(*sets->back().signature));
  return out;
}

}  // namespace postern
