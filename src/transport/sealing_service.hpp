// The X.400 service with S/MIME around it (sealing.hpp), when security.smime.enabled.
#pragma once

#include "transport/sealing.hpp"
#include "transport/service.hpp"

namespace postern::transport {

/// `inner` as it is where S/MIME is off; else with a SealingTransport, and with what judge_smime() finds among its findings. `roots`: whom
/// signers must lead to. The clock must outlive it.
[[nodiscard]] std::unique_ptr<Service> with_smime(std::unique_ptr<Service> inner, const config::Config& config, SmimeSource::Roots roots,
                                                  const Clock& clock);

}  // namespace postern::transport
