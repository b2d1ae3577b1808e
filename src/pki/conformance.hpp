// What RFC 5280 4 asks of those who issue certificates, as far as a reader can see it: versions, serial numbers, names, and which
// extensions must be there or critical. RFC 5280 6.1 does not ask a verifier for this; who wants to know whether a path is as the profile
// has it, does. Trust anchors are looked at like the others. Pure.
//
// Two rules go further, because both S/MIME and TLS profiles of the CA/Browser Forum have them: no critical subjectAltName beside a subject
// (RFC 5280 4.2.1.6: SHOULD NOT), and no DSA.
#pragma once

#include <optional>
#include <string>

#include "pki/verify.hpp"

namespace postern {

struct ConformanceFault {
  std::size_t depth = 0;  ///< Of the certificate in the path; 0 is the leaf.
  ChainFault fault = ChainFault::Malformed;
  std::string reason;  ///< With the clause.
};

/// The first fault of a valid path, leaf to anchor; nothing when there is none.
[[nodiscard]] std::optional<ConformanceFault> conformance_fault(const CertificateChain& path, CertificatePurpose purpose);

}  // namespace postern
