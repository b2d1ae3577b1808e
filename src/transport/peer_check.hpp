// The peer of a profile, looked at by a TLS connection of our own: who it is, by chain, name, pinset and revocation. Whoever speaks X.400
// then (a vendor's library too) judges for itself; this says what it will find.
#pragma once

#include "transport/profile.hpp"
#include "transport/service.hpp"

namespace postern::transport {

/// Findings "connection", "peer", "peer pinset", "peer revocation"; those behind the first that failed are left out. Blocks; not on a loop.
/// With transport.tls.enabled only.
[[nodiscard]] Findings look_at_peer(const config::Config& config, const Profile& profile, const ServiceOptions& with);

/// What was seen, for judgement alone.
struct PeerSeen {
  CertificateChain chain;  ///< As shown, leaf first; never empty.
  std::string host;
};
/// Chain, name and expiry, and the pinset: pure but for the files of trust. The path, where it holds, is for revocation.
struct PeerJudgement {
  Findings findings;
  CertificateChain path;
};
[[nodiscard]] PeerJudgement judge_peer(const config::Config& config, const Profile& profile, const PeerSeen& seen, WallTime now);

}  // namespace postern::transport
