// rooms: asn1
// Octets as a value of the zoo. What is read is written and read again as the same value, and is read alike from any other of its
// encodings. The first two octets draw that encoding.
#include <algorithm>
#include <cstdlib>

#include "asn1/testing/zoo.hpp"

using namespace postern;
using namespace postern::asn1;

namespace {

/// Elements under any tag: a re-former does not know that they are to stay.
bool has_unknown(const zoo::Animal& animal) {
  return !animal.unknown.empty() || std::ranges::any_of(animal.young, has_unknown) || (animal.mother && has_unknown(*animal.mother));
}

void judge(const zoo::Zoo& value, ByteView drawn, bool is_clean) {
  if (is_clean && !encode(value)) std::abort();
  const auto octets = encode_as_taken(value);
  if (!octets) std::abort();
  const auto again = decode<zoo::Zoo>(*octets);
  if (!again || !(*again == value)) std::abort();
  if (std::ranges::any_of(value.animals, has_unknown)) return;
  const Reform rules = zoo::reforming();
  const auto other = decode<zoo::Zoo>(Reformer(rules, drawn)(*octets));
  if (!other || !(*other == value)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 65'536) return 0;
  const ByteView input(data, size);
  const ByteView octets = input.subspan(2);
  std::vector<Quirk> quirks;
  const auto value = decode<zoo::Zoo>(octets, {.quirks = &quirks});
  const auto strict = decode<zoo::Zoo>(octets, {.strict = true});
  if (strict.has_value() != (value.has_value() && quirks.empty())) std::abort();
  if (value) judge(*value, input, quirks.empty());
  const auto whole = element_size(octets);
  if (whole && *whole > octets.size()) std::abort();
  if (value && !whole) std::abort();
  return 0;
}
