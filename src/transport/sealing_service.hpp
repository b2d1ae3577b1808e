// The X.400 service with S/MIME around it (sealing.hpp), when security.smime.enabled.
#pragma once

#include "gateway/identities.hpp"
#include "transport/sealing.hpp"
#include "transport/service.hpp"

namespace postern::transport {

/// What it takes of the daemon's. Both are Unavailable while the key engine is sealed.
struct SmimeParts {
  SmimeSource::Roots roots;                                ///< Whom signers must lead to.
  std::function<Result<gateway::Identities*>()> people{};  ///< Asked with security.smime.x400_source = "pki" only.
};
/// `inner` as it is where S/MIME is off; else with a SealingTransport, and with what judge_smime() finds among its findings. The clock must
/// outlive it.
[[nodiscard]] std::unique_ptr<Service> with_smime(std::unique_ptr<Service> inner, const config::Config& config, SmimeParts parts,
                                                  const Clock& clock);

}  // namespace postern::transport
