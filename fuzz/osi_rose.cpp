// rooms: osi asn1
// The remote operations machine against any APDUs. Records: an octet of length, then the APDU; a length of 0 is our user, who answers or
// invokes by the next octet.
#include <cstdint>
#include <cstdlib>

#include "asn1/ber.hpp"
#include "osi/rose.hpp"

namespace {

using namespace postern;
using namespace postern::osi;

void must(bool holds) {
  if (!holds) std::abort();
}

void user(Rose& rose, unsigned act) {
  const std::int64_t id = act >> 3;
  switch (act & 7U) {
    case 0: (void)rose.result(id, std::nullopt); break;
    case 1: (void)rose.result(id, RorsApdu::Outcome{RoseCode(3), {{5, 0}}}); break;
    case 2: (void)rose.error(id, RoseCode(1), std::nullopt); break;
    case 3: (void)rose.reject(id, InvokeProblem::MistypedArgument); break;
    case 4: rose.forget(id); break;
    case 5: (void)rose.invoke(5, {RoseCode(3), asn1::Any{{5, 0}}, id, OperationClass::Asynchronous}); break;
    case 6: (void)rose.invoke(5, {RoseCode(3), {}, {}, static_cast<OperationClass>(1 + id % 5)}); break;
    default: (void)rose.reject_reply(id, 5, {ReturnErrorProblem::UnexpectedError}); break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Rose rose(RoseLimits{8, 32});
  ByteView rest(data, size);
  while (rest.size() > 1) {
    const std::size_t length = rest[0];
    if (length == 0) {
      user(rose, rest[1]);
      rest = rest.subspan(2);
    } else {
      const std::size_t take = std::min(length, rest.size() - 1);
      rose.receive(5, rest.subspan(1, take));
      rest = rest.subspan(1 + take);
    }
    must(rose.outstanding() <= 8 && rose.outstanding_of_peer() <= 8);
    std::size_t answers = 0;
    for (; const auto apdu = rose.take_apdu(); ++answers) must(asn1::decode<RoseApdu>(apdu->apdu).has_value());
    must(answers <= 1);
    while (rose.next_event()) continue;
  }
  return 0;
}
