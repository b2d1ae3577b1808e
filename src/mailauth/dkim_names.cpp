// Names and small parsers of dkim.hpp.
#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "mailauth/dkim.hpp"

namespace postern {
namespace {

Result<Canonicalization> parse_one(std::string_view text) {
  if (iequals(text, "simple")) return Canonicalization::Simple;
  if (iequals(text, "relaxed")) return Canonicalization::Relaxed;
  return fail(ErrorCode::BadInput, "a canonicalization is simple or relaxed", "c");
}

std::string_view name_of(Canonicalization how) noexcept { return how == Canonicalization::Simple ? "simple" : "relaxed"; }

}  // namespace

std::string_view name_of(DkimAlgorithm algorithm) noexcept {
  return algorithm == DkimAlgorithm::RsaSha256 ? "rsa-sha256" : "ed25519-sha256";
}

Result<DkimAlgorithm> parse_dkim_algorithm(std::string_view text) {
  if (iequals(text, "rsa-sha256")) return DkimAlgorithm::RsaSha256;
  if (iequals(text, "ed25519-sha256")) return DkimAlgorithm::Ed25519Sha256;
  return fail(ErrorCode::Unsupported, "a DKIM algorithm is rsa-sha256 or ed25519-sha256", "a");
}

/// RFC 6376 3.5 c=: "If only one algorithm is named, that algorithm is used for the header and "simple" is used for the body."
Result<CanonicalizationPair> CanonicalizationPair::parse(std::string_view text) {
  CanonicalizationPair pair{Canonicalization::Simple, Canonicalization::Simple};
  const auto slash = text.find('/');
  POSTERN_TRY(pair.header, parse_one(text.substr(0, slash)));
  if (slash == std::string_view::npos) return pair;
  POSTERN_TRY(pair.body, parse_one(text.substr(slash + 1)));
  return pair;
}

std::string CanonicalizationPair::text() const { return std::string(name_of(header)) + "/" + std::string(name_of(body)); }

std::string_view name_of(DkimResult result) noexcept {
  switch (result) {
    case DkimResult::None: return "none";
    case DkimResult::Pass: return "pass";
    case DkimResult::Fail: return "fail";
    case DkimResult::Policy: return "policy";
    case DkimResult::Neutral: return "neutral";
    case DkimResult::TempError: return "temperror";
    case DkimResult::PermError: return "permerror";
  }
  return "neutral";
}

DkimResult dkim_overall(std::span<const DkimSignature> signatures) noexcept {
  constexpr std::array<DkimResult, 6> best_first = {DkimResult::Pass,      DkimResult::Policy,    DkimResult::Fail,
                                                    DkimResult::TempError, DkimResult::PermError, DkimResult::Neutral};
  for (const DkimResult result : best_first) {
    if (std::any_of(signatures.begin(), signatures.end(), [result](const DkimSignature& s) { return s.result == result; })) return result;
  }
  return DkimResult::None;
}

std::string dkim_key_record(DkimAlgorithm algorithm, ByteView public_key) {
  const std::string_view type = algorithm == DkimAlgorithm::RsaSha256 ? "rsa" : "ed25519";
  return "v=DKIM1; k=" + std::string(type) + "; p=" + base64_encode(public_key);
}

}  // namespace postern
