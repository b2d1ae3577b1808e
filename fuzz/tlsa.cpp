// rooms: tlspolicy
// TLSA rdata (usage, selector, matching type, data) as DNS would bring it, and its presentation form: what is usable has a reason to be,
// what is written reads back the same.
#include <cstdlib>

#include "base/bytes.hpp"
#include "tlspolicy/dane.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = parse_tlsa({reinterpret_cast<const char*>(data), size});
  if (text && tlsa_text(*parse_tlsa(tlsa_text(*text))) != tlsa_text(*text)) std::abort();
  if (size < 3) return 0;
  const dns::TlsaData record{data[0], data[1], data[2], Bytes(data + 3, data + size)};
  const bool usable = dane_unusable_reason(record).empty();
  if (usable && record.usage != 2 && record.usage != 3) std::abort();
  if (dane_effective({&record, 1}).size() != (usable ? 1U : 0U)) std::abort();
  const auto verdict = dane_check({.records = {&record, 1}});
  if (verdict.result != (usable ? DaneResult::Mismatch : DaneResult::Unusable)) std::abort();
  return 0;
}
