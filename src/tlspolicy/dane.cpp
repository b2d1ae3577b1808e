#include "tlspolicy/dane.hpp"

#include <openssl/x509.h>

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "pki/verify.hpp"

namespace postern {
namespace {

using dns::TlsaData;

enum Usage : std::uint8_t { kTrustAnchor = 2, kEndEntity = 3 };
enum Selector : std::uint8_t { kWholeCertificate = 0, kPublicKey = 1 };
enum Matching : std::uint8_t { kExact = 0, kSha256 = 1, kSha512 = 2 };

constexpr int kMinSignatureBits = 112;  // as pki's own paths: no SHA-1

Bytes spki_of(const Certificate& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.native()), &der);
  Bytes out(der, der + std::max(size, 0));
  OPENSSL_free(der);
  return out;
}

EvpPkeyPtr key_in(ByteView spki) {
  const unsigned char* at = spki.data();
  EvpPkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  openssl_clear_errors();
  return key && at == spki.data() + spki.size() ? std::move(key) : nullptr;
}

bool matches(const TlsaData& record, const Certificate& certificate) {
  const Bytes data = record.selector == kWholeCertificate ? certificate.to_der() : spki_of(certificate);
  switch (record.matching) {
    case kExact: return record.data == data;
    case kSha256: return constant_time_equal(record.data, digest(HashAlgorithm::Sha256, data));
    default: return constant_time_equal(record.data, digest(HashAlgorithm::Sha512, data));
  }
}

/// Strength of a digest; whole data is none, and never given up for one.
bool is_weaker_than_another(const TlsaData& record, std::span<const TlsaData> usable) {
  if (record.matching == kExact) return false;
  return std::ranges::any_of(usable, [&](const TlsaData& other) {
    return other.usage == record.usage && other.selector == record.selector && other.matching > record.matching;
  });
}

DaneVerdict matched(const TlsaData& record, std::size_t depth) { return {DaneResult::Match, record, depth, {}, ChainFault::None}; }

// Judging usage 2: what one anchor says about the chain.
struct AnchorJudge {
  const DaneRequest& request;
  std::string reason = {};  // of the anchor that came nearest
  ChainFault fault = ChainFault::Other;
  std::size_t paths = 0;

  bool path_to(const Certificate& anchor) {
    if (++paths > kDanePathLimit) return false;
    const VerifyRequest path{.leaf = &request.chain.front(),
                             .intermediates = request.chain.subspan(1),
                             .roots = {&anchor, 1},
                             .at = request.at,
                             .purpose = CertificatePurpose::TlsServer};
    const ChainVerdict verdict = verify_chain(path);
    if (!verdict.ok) {
      reason = verdict.reason;
      fault = verdict.fault;
      return false;
    }
    return is_for_us();
  }

  // RFC 7671 5.2, RFC 7672 3.2.3: any of the reference identifiers
  bool is_for_us() {
    const auto fits = [&](const std::string& name) { return certificate_matches_host(request.chain.front(), name); };
    if (std::ranges::any_of(request.names, fits)) return true;
    fault = ChainFault::WrongName;
    reason = "the certificate is for none of the names of the server (" +
             std::string(request.names.empty() ? "none given" : request.names[0]) + (request.names.size() > 1 ? " and others)" : ")");
    return false;
  }
};

// A certificate in the chain, above the leaf, is the anchor. RFC 7671 5.2: the leaf itself is no trust anchor.
std::optional<DaneVerdict> anchor_in_chain(const TlsaData& record, AnchorJudge& judge) {
  const auto& chain = judge.request.chain;
  for (std::size_t depth = 1; depth < chain.size(); ++depth) {
    if (chain[depth] == chain.front()) continue;
    if (matches(record, chain[depth]) && judge.path_to(chain[depth])) return matched(record, depth);
  }
  return std::nullopt;
}

bool signed_by(const Certificate& certificate, EVP_PKEY* key) {
  int bits = 0;
  const bool known = X509_get_signature_info(certificate.native(), nullptr, nullptr, &bits, nullptr) == 1;
  const bool good = known && bits >= kMinSignatureBits && X509_verify(certificate.native(), key) == 1;
  openssl_clear_errors();
  return good;
}

// RFC 7671 5.2.3, "2 1 0": only the anchor's key is known. What it signed stands in for the anchor, its signature having been checked here.
std::optional<DaneVerdict> anchor_key(const TlsaData& record, AnchorJudge& judge) {
  const EvpPkeyPtr key = key_in(record.data);
  if (!key || EVP_PKEY_get_security_bits(key.get()) < kMinSignatureBits) return std::nullopt;
  const auto& chain = judge.request.chain;
  for (const Certificate& certificate : chain) {
    if (signed_by(certificate, key.get()) && judge.path_to(certificate)) return matched(record, chain.size());
  }
  return std::nullopt;
}

// RFC 7671 5.2.2: "2 0 0" carries the anchor, which then need not be sent
std::optional<DaneVerdict> anchor_not_sent(const TlsaData& record, AnchorJudge& judge) {
  if (record.matching != kExact) return std::nullopt;
  if (record.selector == kPublicKey) return anchor_key(record, judge);
  const auto anchor = Certificate::from_der(record.data);
  if (!anchor || *anchor == judge.request.chain.front() || !judge.path_to(*anchor)) return std::nullopt;
  return matched(record, judge.request.chain.size());
}

std::optional<DaneVerdict> by_trust_anchor(std::span<const TlsaData> records, AnchorJudge& judge) {
  std::size_t whole = 0;
  for (const TlsaData& record : records) {
    if (record.usage != kTrustAnchor) continue;
    if (auto found = anchor_in_chain(record, judge)) return found;
    if (record.matching != kExact || ++whole > kDaneAnchorLimit) continue;
    if (auto found = anchor_not_sent(record, judge)) return found;
  }
  return std::nullopt;
}

std::string_view unusable_data(const TlsaData& record) {
  const bool whole = record.matching == kExact;
  if (!whole) return record.data.size() == (record.matching == kSha256 ? 32U : 64U) ? "" : "the digest has not its length";
  if (record.selector == kPublicKey) return key_in(record.data) ? "" : "the data is no public key";
  const bool certificate = Certificate::from_der(record.data).has_value();
  openssl_clear_errors();
  return certificate ? "" : "the data is no certificate";
}

Result<std::uint8_t> read_number(std::string_view& text, std::string_view field) {
  text = trim(text);
  std::uint8_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto used = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || (used < text.size() && !is_wsp(text[used])))
    return fail(ErrorCode::BadInput, "is a number from 0 to 255", std::string(field));
  text.remove_prefix(used);
  return value;
}

}  // namespace

std::string_view name_of(DaneResult result) noexcept {
  switch (result) {
    case DaneResult::Match: return "match";
    case DaneResult::Mismatch: return "mismatch";
    case DaneResult::Unusable: break;
  }
  return "unusable";
}

std::string_view dane_unusable_reason(const TlsaData& record) {
  // RFC 7672 3.1.3: "SMTP client treatment of TLSA RRs with certificate usages PKIX-TA(0) or PKIX-EE(1) is undefined"; as "unusable"
  if (record.usage < kTrustAnchor) return "usages 0 and 1 are not for SMTP";
  if (record.usage > kEndEntity) return "unknown usage";
  if (record.selector > kPublicKey) return "unknown selector";
  if (record.matching > kSha512) return "unknown matching type";
  return unusable_data(record);
}

std::vector<TlsaData> dane_effective(std::span<const TlsaData> records) {
  std::vector<TlsaData> usable;
  std::ranges::copy_if(records, std::back_inserter(usable), [](const TlsaData& r) { return dane_unusable_reason(r).empty(); });
  std::vector<TlsaData> out;
  std::ranges::copy_if(usable, std::back_inserter(out), [&](const TlsaData& r) { return !is_weaker_than_another(r, usable); });
  return out;
}

DaneVerdict dane_check(const DaneRequest& request) {
  const auto records = dane_effective(request.records);
  if (records.empty()) return {DaneResult::Unusable, {}, 0, "no TLSA record can be used"};
  if (request.chain.empty()) return {DaneResult::Mismatch, {}, 0, "the server showed no certificate"};
  for (const TlsaData& record : records) {
    // RFC 7671 5.1: for DANE-EE(3) neither names nor dates nor usages of the certificate count
    if (record.usage == kEndEntity && matches(record, request.chain.front())) return matched(record, 0);
  }
  if (request.chain.size() > kChainLimit) return {DaneResult::Mismatch, {}, 0, "the server's chain is too long"};
  AnchorJudge judge{request};
  if (auto found = by_trust_anchor(records, judge)) return *std::move(found);
  return {DaneResult::Mismatch,
          {},
          0,
          judge.reason.empty() ? "no TLSA record matches the server's certificates" : "a TLSA record names an anchor, but " + judge.reason,
          judge.fault};
}

Result<TlsaData> parse_tlsa(std::string_view text) {
  TlsaData out;
  POSTERN_TRY(out.usage, read_number(text, "usage"));
  POSTERN_TRY(out.selector, read_number(text, "selector"));
  POSTERN_TRY(out.matching, read_number(text, "matching type"));
  std::string hex;
  std::ranges::copy_if(text, std::back_inserter(hex), [](char c) { return !is_wsp(c); });
  auto data = hex_decode(hex);
  if (!data || data->empty()) return fail(ErrorCode::BadInput, "is hexadecimal, two digits for each octet", "certificate association data");
  out.data = *std::move(data);
  return out;
}

std::string tlsa_text(const TlsaData& record) {
  return std::to_string(record.usage) + " " + std::to_string(record.selector) + " " + std::to_string(record.matching) + " " +
         hex_encode(record.data);
}

}  // namespace postern
