// rooms: asn1
// Value notation from anywhere: what is understood gives the same notation again. And the other way, a value made of the same octets comes
// back from its notation.
#include <boost/json.hpp>
#include <cstdlib>

#include "asn1/generate.hpp"
#include "asn1/json.hpp"
#include "asn1/testing/zoo.hpp"

using namespace postern;
using namespace postern::asn1;

namespace {

void judge(const zoo::Zoo& value) {
  const auto again = from_json<zoo::Zoo>(to_json(value));
  if (!again || !(*again == value)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 65'536) return 0;
  ByteView entropy(data, size);
  judge(generate<zoo::Zoo>(entropy));
  boost::system::error_code error;
  const auto notation = boost::json::parse({reinterpret_cast<const char*>(data), size}, error, {}, {.max_depth = 300});
  if (error) return 0;
  const auto value = from_json<zoo::Zoo>(notation);
  if (value)
    judge(*value);
  else if (value.error().what.empty())
    std::abort();
  return 0;
}
