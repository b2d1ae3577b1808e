// rooms: vaultkeeper
// The stored form of a data key wrapped under an external Vault, and a Vault's own text: read and written back the same, or refused.
#include <algorithm>
#include <cstdlib>

#include "vaultkeeper/wrapped_key.hpp"

using namespace postern;
using namespace postern::vaultkeeper;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  if (const auto key = read_wrapped_key(bytes)) {
    if (!std::ranges::equal(write_wrapped_key(*key), bytes)) std::abort();
    const auto by = read_vault_text(key->by.text());
    if (!by || !(*by == key->by)) std::abort();
  }
  if (const auto by = read_vault_text(as_text(bytes)); by && by->text() != as_text(bytes)) std::abort();
  return 0;
}
