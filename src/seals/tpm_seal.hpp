// A seal by a TPM 2.0: a key of the blob's own is sealed under the storage key of this machine's TPM, if asked only for the PCR values of
// the moment, and locks the root key (envelope.hpp).
//
// A blob remembers the name of the storage key (so that another TPM, a cleared one or somebody on its bus who shows a key of his own is
// noticed before a session is salted with it) and each PCR's value (so that a refusal says which of them changed).
// The name is trusted when the blob is made. A TPM's call has no deadline: wrap this seal with with_deadline().
#pragma once

#include <memory>

#include "seals/envelope.hpp"
#include "seals/tpm_address.hpp"
#include "seals/tpm_device.hpp"

namespace postern::seals {

/// What a blob remembers of the TPM's part. Foreign bytes.
struct TpmRecipe {
  std::uint32_t parent = 0;
  Bytes parent_name;           ///< 1 to 68 bytes.
  std::vector<PcrValue> pcrs;  ///< Ascending, 24 at most.
  TpmSealed sealed;            ///< Each at most 1,024 bytes.
};
[[nodiscard]] Result<TpmRecipe> read_tpm_recipe(ByteView bytes);
[[nodiscard]] Bytes write_tpm_recipe(const TpmRecipe& recipe);

struct TpmSealOptions {
  std::string name = {};
  TpmAddress address = {};
};
[[nodiscard]] std::unique_ptr<Seal> make_tpm_seal(TpmSealOptions options);

}  // namespace postern::seals
