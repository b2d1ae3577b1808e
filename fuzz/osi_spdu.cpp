// rooms: osi
// A TSDU: octet 0 chooses basic or extended concatenation. What can be read is written and read once more, and is the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "osi/spdu.hpp"

namespace {

using namespace postern;
using namespace postern::osi;

void must(bool holds) {
  if (!holds) std::abort();
}

// One SPDU of the input, alone in a TSDU, written twice.
void check_round(const Spdu& spdu) {
  const Bytes once = write_tsdu(spdu);
  TsduReader reader(once);
  Spdu again;
  do {
    const auto next = reader.next();
    must(next.has_value());
    again = *next;
  } while (!reader.at_end());
  must(again.kind == spdu.kind);
  must(write_tsdu(again) == once);
}

// Parameters may come in any form that fits 65,535 octets; written, serial numbers and lengths get their shortest.
bool fits(const Spdu& spdu) { return spdu.user_data.value_or(ByteView()).size() + spdu.reason.value_or(ByteView()).size() < 60'000; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const ByteView tsdu(data + 1, size - 1);
  TsduReader reader(tsdu, (data[0] & 1) != 0);
  std::size_t count = 0;
  do {
    const auto spdu = reader.next();
    if (!spdu) {
      must(spdu.error().offset <= tsdu.size() && !spdu.error().what.empty());
      return 0;
    }
    must(++count <= TsduReader::kMaxConcatenated + 1);
    if (fits(*spdu)) check_round(*spdu);
  } while (!reader.at_end());
  return 0;
}
