// rooms: oraddress
// An O/R address that is read is written in every style so that it is read again as the same one; canonical form, key and routes hold.
// An input that begins with 0x30 or 0x60 is BER instead: whatever is decoded is shown and compared without harm.
#include <cstdlib>

#include "asn1/ber.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"
#include "oraddress/routing.hpp"

using namespace postern;
using namespace postern::oraddress;

namespace {

void check_address(const ORAddress& address) {
  if (!equivalent(address, address) || !matches(address, address)) std::abort();
  (void)form_of(address);
  if (const auto once = canonical(address)) {
    if (!equivalent(*once, address)) std::abort();
    const auto twice = canonical(*once);
    if (!twice || *twice != *once) std::abort();
  }
  RoutingTable<int> table;
  table.insert(attributes_of(address), 1);
  if (!table.find(address)) std::abort();
}

void check_text(std::string_view text) {
  (void)parse_attributes(text);
  const auto address = parse(text);
  if (!address) return;
  check_address(*address);
  for (const Style style : {Style::Semicolon, Style::Slash, Style::Mixer}) {
    const auto again = parse(write(*address, style));
    if (!again || *again != *address) std::abort();
  }
}

void check_ber(ByteView wire) {
  if (const auto name = asn1::decode<ORName>(wire)) {
    for (const Style style : {Style::Semicolon, Style::Slash, Style::Mixer}) (void)parse(write(*name, style));
    (void)canonical(*name);
    if (!equivalent(*name, *name)) std::abort();
  }
  if (const auto address = asn1::decode<ORAddress>(wire)) {
    (void)write(*address);
    if (!equivalent(*address, *address)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  if (size > 0 && (data[0] == 0x30 || data[0] == 0x60)) check_ber({data, size});
  check_text({reinterpret_cast<const char*>(data), size});
  return 0;
}
