// What a gate may retire. The archive after a rotation and the shredding of a tenant are ordinary work and need configure() and remove();
// who takes over the gate must not undo the one nor turn the other against the mail system itself:
//
//   - minimum versions rise and never fall: what was retired stays retired;
//   - the keys that everything hangs on (key_names, the CA's) can be neither removed nor prepared for it.
//
// The key administrator does both over the Vault API, where a token and its policies decide.
#pragma once

#include "keys/keeper.hpp"

namespace postern::custody {

/// Denied, with the field that goes back; the keeper's own error where the key cannot be described.
[[nodiscard]] Status check_retirement(Keeper& keeper, const KeyName& name, const KeySettings& settings);
[[nodiscard]] Status check_removal(const KeyName& name);

}  // namespace postern::custody
