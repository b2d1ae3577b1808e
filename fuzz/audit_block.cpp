// rooms: recorders
// Facts of a block, from anywhere: read and written again they are the same block.
#include <cstdlib>

#include "recorders/blocks.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  AuditRecord record;
  record.kind = kAuditBlockKind;
  record.facts.assign(reinterpret_cast<const char*>(bytes), size);
  const auto block = block_of(record);
  if (!block) return 0;
  const auto again = block_of(record_of(*block, wall_from_millis(0)));
  if (!again || *again != *block) std::abort();
  return 0;
}
