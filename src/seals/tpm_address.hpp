// Which TPM, and what it binds a sealed key to, as a setting says it:
//
//   tpm2:                                            /dev/tpmrm0, whatever the machine booted
//   tpm2:;pcrs=7,11                                  only while these PCRs (SHA-256 bank) are as they were at sealing
//   tpm2:device:/dev/tpmrm1;parent=0x81000001        another device; a persistent storage key instead of one made from the seed
//
// What comes first is a TCTI of tpm2-tss: device:, swtpm:, mssim: or tabrmd with their options. Limits: 1 KiB, PCRs 0 to 23, each once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace postern::seals {

struct TpmAddress {
  std::string tcti = "device:/dev/tpmrm0";
  std::vector<std::uint8_t> pcrs = {};  ///< Ascending.
  std::uint32_t parent = 0;             ///< A persistent handle (0x81......), or 0: the standard ECC storage key, made anew for each call.
};
/// BadInput with the part as its field.
[[nodiscard]] Result<TpmAddress> parse_tpm_address(std::string_view text);

}  // namespace postern::seals
