// rooms: oraddress
// The text is mapping tables up to an empty line, then addresses, one a line: each is mapped as an Internet address and as an O/R address,
// and what it becomes is an address of the other kind that is read again.
#include <cstdlib>

#include "base/text.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"
#include "oraddress/printable_encoding.hpp"
#include "oraddress/rfc822.hpp"

using namespace postern;
using namespace postern::oraddress;

namespace {

void check_printable(std::string_view text) {
  const auto encoded = to_printable(text);
  if (encoded && (!is_printable(*encoded) || from_printable(*encoded) != text)) std::abort();
  (void)from_printable(text);
  if (const auto name = personal_name_of(text))
    if (const auto dots = dotted(*name))
      if (personal_name_of(*dots).value() != *name) std::abort();
}

void check_address(std::string_view text, const Mapping& mapping) {
  if (const auto address = Rfc822Address::parse(text)) {
    const auto again = Rfc822Address::parse(address->text());
    if (!again || *again != *address) std::abort();
    if (const auto made = from_rfc822(*address, mapping)) {
      const auto back = to_rfc822(*made, mapping);
      if (back && !Rfc822Address::parse(back->text())) std::abort();
    }
  }
  if (const auto address = parse(text))
    if (const auto made = to_rfc822(*address, mapping))
      if (!Rfc822Address::parse(made->text())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t gap = std::min(text.find("\n\n"), text.size());
  const auto mapping = Mapping::parse(text.substr(0, gap)).value_or(Mapping{});
  for (const std::string_view line : split(text.substr(gap), '\n')) {
    check_printable(line);
    check_address(line, mapping);
  }
  (void)parse_levels(text);
  return 0;
}
