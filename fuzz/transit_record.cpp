// rooms: transit
// Any bytes as a stored key, segment, use record or backup: read or refused; what is read is written back the same.
#include <algorithm>
#include <cstdlib>

#include "transit/engine.hpp"
#include "transit/record.hpp"

using namespace postern;
using namespace postern::transit;

namespace {

void same(const SecretBytes& again, ByteView record) {
  if (!std::ranges::equal(again.view(), record)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView record(data, size);
  if (const auto key = transit::detail::read_key("k", record)) {
    same(transit::detail::write_key(*key), record);
    (void)transit::detail::info_of(*key);
    for (const auto& version : key->versions) (void)version->usable(key->policy.type, key->policy.derived);
  }
  if (const auto segment = transit::detail::read_segment(record)) same(transit::detail::write_segment(*segment), record);
  (void)transit::detail::read_uses(record);
  if (const auto backup = transit::detail::read_backup("k", record))
    (void)transit::detail::write_backup(backup->key, backup->uses, backup->segments);
  static MemoryStorage storage;
  static SystemClock clock;
  static Engine engine(storage, clock);
  if (size < 4096) (void)engine.restore("k", as_text(record), true);
  return 0;
}
