// rooms: osi asn1
// What a peer may put into session user data: PPDUs, ACSE's and RTSE's APDUs, user data on agreed contexts. What decodes comes back from
// its encoding the same.
#include <cstdint>
#include <cstdlib>

#include "asn1/ber.hpp"
#include "osi/acse_pdu.hpp"
#include "osi/address.hpp"
#include "osi/oids.hpp"
#include "osi/presentation.hpp"
#include "osi/rtse_external.hpp"

namespace {

using namespace postern;
using namespace postern::osi;

void must(bool holds) {
  if (!holds) std::abort();
}

template <class Pdu>
void both_ways(ByteView octets) {
  const auto value = asn1::decode<Pdu>(octets);
  if (!value) return;
  const auto encoded = asn1::encode(*value);
  if (!encoded) return;  // a quirk that is taken and not written
  const auto again = asn1::decode<Pdu>(*encoded);
  must(again.has_value() && *again == *value);
}

void answer(ByteView octets) {
  const auto cp = asn1::decode<CpPpdu>(octets);
  if (!cp || !cp->normal_mode || !cp->normal_mode->contexts) return;
  const auto contexts = PresentationContexts::answer(*cp->normal_mode->contexts, {oid::acse(), oid::as_mtse()});
  if (!contexts) return;
  must(contexts->answers().size() == cp->normal_mode->contexts->size());
  (void)describe_refused(*contexts);
  if (cp->normal_mode->user_data) (void)read_values(*cp->normal_mode->user_data, *contexts);
}

void external(ByteView octets) {
  ExternalReader whole, pieces;
  Bytes out, more;
  const bool fed = whole.feed(octets, out).has_value();
  bool good = true;
  for (std::size_t at = 0; good && at < octets.size(); ++at) good = pieces.feed(octets.subspan(at, 1), more).has_value();
  must(fed == good);
  if (fed) must(out == more && whole.finish().has_value() == pieces.finish().has_value());
  if (const auto restored = ExternalReader::restore(octets)) {
    const Bytes saved = restored->save();
    must(ExternalReader::restore(saved).value().save() == saved);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView octets(data, size);
  both_ways<CpPpdu>(octets);
  both_ways<CpaPpdu>(octets);
  both_ways<CprPpdu>(octets);
  both_ways<AbortPpdu>(octets);
  both_ways<UserData>(octets);
  both_ways<AcseApdu>(octets);
  both_ways<RtseApdu>(octets);
  answer(octets);
  external(octets);
  static const PresentationContexts agreed =
      PresentationContexts::answer({{1, oid::acse(), {oid::basic_encoding()}}, {3, oid::as_mtse(), {oid::basic_encoding()}}},
                                   {oid::acse(), oid::as_mtse()})
          .value();
  if (const auto values = read_user_data(octets, agreed))
    for (const auto& value : *values) must(agreed.syntax_of(value.context) != nullptr);
  if (const auto address = parse_presentation_address(as_text(octets)))
    must(parse_presentation_address(format_presentation_address(*address)).value() == *address);
  return 0;
}
