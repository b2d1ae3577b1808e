// rooms: sdk
// What a child whose memory a vendor's library has damaged may say: any octets, as frames and as every answer. Never a crash; what is read
// whole is written back the same.
#include <cstdlib>

#include "sdk/wire.hpp"

namespace {

using namespace postern;
using namespace postern::sdk;

template <class T>
void as_value(ByteView body) {
  const auto value = decode<T>(body);
  if (!value) return;
  const auto again = decode<T>(encode(*value));
  if (!again || encode(*again) != encode(*value)) std::abort();
}

void as_every_value(ByteView body) {
  as_value<Identity>(body);
  as_value<Health>(body);
  as_value<Binding>(body);
  as_value<Submitted>(body);
  as_value<EntryList>(body);
  as_value<Summary>(body);
  as_value<Fetched>(body);
  as_value<Event>(body);
  as_value<Refusal>(body);
  as_value<Welcome>(body);
  as_value<Verdict>(body);
  as_value<Hello>(body);
  as_value<Submit>(body);
  as_value<Register>(body);
  as_value<List>(body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView rest(data, size);
  as_every_value(rest);
  for (;;) {
    const auto found = read_frame(rest);
    if (!found || !*found) return 0;
    if ((*found)->second > rest.size()) std::abort();
    as_every_value((*found)->first.body);
    rest = rest.subspan((*found)->second);
  }
}
