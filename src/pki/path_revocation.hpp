// Revocation over a whole path: what verify_chain() found is looked at certificate by certificate, all but the trust anchor. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pki/revocation.hpp"

namespace postern {

enum class RevocationPolicy {
  Off,   ///< Nothing is looked at.
  Soft,  ///< A revoked certificate fails; missing or outdated information passes and is said.
  Hard,  ///< Missing, outdated or unusable information fails too.
};
[[nodiscard]] std::string_view name_of(RevocationPolicy policy) noexcept;  ///< "off"
[[nodiscard]] Result<RevocationPolicy> parse_revocation_policy(std::string_view text);

struct PathRevocationRequest {
  std::span<const Certificate> path = {};  ///< Leaf to anchor, as ChainVerdict::chain; already valid.
  RevocationPolicy policy = RevocationPolicy::Hard;
  WallTime at{};
  std::span<const Crl> crls = {};  ///< Complete ones, and deltas.
  ByteView ocsp = {};              ///< An OCSP response about the leaf (stapled or asked for), or empty.
  ByteView ocsp_nonce = {};        ///< What was sent with the question; empty: none.
};

struct CertificateRevocation {
  std::size_t depth = 0;  ///< In the path; 0 is the leaf.
  std::string source;     ///< "ocsp", "crl" or another name for who answered; empty when nobody did.
  RevocationVerdict verdict;
};

struct PathRevocation {
  bool ok = false;
  std::string reason;                               ///< Why not; "the certificate of CN=... is revoked at ...".
  std::vector<std::string> notes;                   ///< Soft: what was not known.
  std::vector<CertificateRevocation> certificates;  ///< As far as it was looked at.
};

/// For each certificate the first source that knows counts; a revocation from any of them counts always.
[[nodiscard]] PathRevocation check_path_revocation(const PathRevocationRequest& request);

/// The same decision over what was found elsewhere about each certificate, by depth and in this order.
[[nodiscard]] PathRevocation decide_path_revocation(std::span<const Certificate> path, RevocationPolicy policy,
                                                    std::vector<CertificateRevocation> found);

}  // namespace postern
