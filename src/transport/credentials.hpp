// What [transport.tls] has to show and to trust, judged without any connection: at the start, and whenever somebody asks.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "pki/certificate.hpp"
#include "tlspolicy/profile.hpp"
#include "transport/finding.hpp"

namespace postern::transport {

/// A certificate that ends sooner is a warning.
inline constexpr std::chrono::hours kExpiresSoon{24 * 30};

/// Findings "tls", "trust", "certificate", "pinset", "ocsp". Reads the files anew. `pins`: of the profile.
[[nodiscard]] Findings judge_credentials(const config::Config& config, const std::vector<std::string>& pins, WallTime now);

/// transport.tls.ca_bundle, or the system's. Errors name setting and file.
[[nodiscard]] Result<CertificateChain> trust_anchors(const config::Config& config);
/// transport.fingerprints and those of a profile. BadInput: one is none.
[[nodiscard]] Result<PinSet> pins_of(const config::Config& config, const std::vector<std::string>& more);
/// What may end the start: a fingerprint that is none, and a pinset that is enforced while neither settings nor profile have one. A profile
/// that cannot be read ends nothing here: it is a finding, each bind says so, and it may be mended while the daemon runs.
[[nodiscard]] Status check_pinset(const config::Config& config);
/// For connections that look at a peer: shows our certificate, verifies nothing (peer_check.hpp does).
[[nodiscard]] Result<TlsContext> looking_context(const config::Config& config);

/// "CN=mta.example.org until 2027-01-01T..., sha256:...": for an operator.
[[nodiscard]] std::string words_of(const Certificate& certificate);
/// Warning while it ends within kExpiresSoon.
[[nodiscard]] Finding::State state_by_expiry(const Certificate& certificate, WallTime now);

}  // namespace postern::transport
