// Inside the room: the paths that could lead from a certificate to a trust anchor (RFC 4158), by names, key identifiers and dates alone.
// Whether one holds is for verify_chain() to say. Bounded, whatever certificates a peer sends.
#pragma once

#include "pki/verify.hpp"

namespace postern {

inline constexpr std::size_t kPathsTried = 32;         ///< Paths that are handed out.
inline constexpr std::size_t kPathComparisons = 8192;  ///< Pairs of certificates that are compared; then the search ends.
inline constexpr std::size_t kPathDepth = 10;          ///< Certificates between leaf and anchor.

struct CandidatePath {
  CertificateChain intermediates;
  Certificate anchor;
};

/// Both kinds of trust anchors of a request.
[[nodiscard]] CertificateChain anchors_of(const VerifyRequest& request);

/// Shortest first within each branch; empty when the leaf's own dates are wrong.
[[nodiscard]] std::vector<CandidatePath> candidate_paths(const VerifyRequest& request);

}  // namespace postern
