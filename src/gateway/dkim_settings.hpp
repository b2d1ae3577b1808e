// What is wrong with [[dkim]], found when the settings are read and not by the first message that would have been signed.
#pragma once

#include "config/load.hpp"

namespace postern::gateway {

/// Appends to loaded.faults: names that the signer refuses, keys that cannot be ones, two signers whose records would stand under one name.
/// And to loaded.warnings: a selector that the next version of another signer's key will take.
void check_dkim_settings(config::Loaded& loaded);

}  // namespace postern::gateway
