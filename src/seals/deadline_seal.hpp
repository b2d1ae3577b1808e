// A deadline for seals whose calls block in foreign code: a PKCS#11 module, a TPM's device, the session bus.
//
// Each call runs on a thread of its own that shares ownership of the seal and owns copies of the arguments. When the deadline passes, the
// caller gets Unavailable and the thread goes on alone, since nothing can stop it in the middle of a foreign call; what it brings home is
// wiped. Until it is back every further call is refused at once, so that stuck calls do not pile up. Destroying this object does not wait.
// Limit: a process that exits while a call is stuck ends under it.
#pragma once

#include <chrono>
#include <memory>

#include "barrier/seal.hpp"

namespace postern::seals {

/// Within the minute that the port allows.
inline constexpr std::chrono::milliseconds kSealDeadline{45'000};

[[nodiscard]] std::unique_ptr<Seal> with_deadline(std::unique_ptr<Seal> seal, std::chrono::milliseconds deadline = kSealDeadline);

}  // namespace postern::seals
