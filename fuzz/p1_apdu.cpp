// rooms: mts
// A P1 APDU from a stranger, by the description of 1988 or (first octet odd) of 1984: what is taken is written again to an equal value, and
// every rule of an MTA may be applied to it.
#include <cstdlib>

#include "asn1/json.hpp"
#include "mts/p1_1984.hpp"
#include "mts/rules_envelope.hpp"
#include "mts/rules_extensions.hpp"
#include "mts/rules_recipient.hpp"
#include "mts/rules_report.hpp"

using namespace postern;
using namespace postern::mts;

namespace {

Here here() { return {{}, MTAName("mta")}; }

/// Values that were written for others must be readable by them.
template <class T>
void must_be_readable(const T& value) {
  const auto octets = asn1::encode_as_taken(value);
  if (octets && !asn1::decode<T>(*octets)) std::abort();
}

void judge(MessageTransferEnvelope envelope) {
  (void)critical_functions(envelope, CriticalityBit::ForTransfer, &understood_here);
  (void)expires_at(envelope, 0, {});
  if (note_arrival(trace_of(envelope), here(), Time::at(0), ArrivalFrom::OwnDomain)) must_be_readable(envelope);
  const std::vector<std::size_t> routes(envelope.per_recipient_fields.size(), 0);
  for (const auto& copy : split(envelope, routes)) must_be_readable(copy.envelope);
  if (envelope.per_recipient_fields.empty()) return;
  must_be_readable(to_delivery(envelope, 0, {{}, Time::at(0), true}));
  (void)undeliverable(envelope, envelope.per_recipient_fields[0], 1, {});
  const std::vector outcomes{not_delivered(0, {NonDeliveryReasonCode::TransferFailure, {}}, "words")};
  if (const auto report = make_report(envelope, outcomes, {{}, Time::at(0), Time::at(0), here(), {}})) must_be_readable(*report);
  (void)redirect(envelope, 0, envelope.originator_name, RedirectionReason::Alias, Time::at(0));
  must_be_readable(expand_list(envelope, 0, {{envelope.originator_name}, true, {}}, Time::at(0)).envelope);
}

void judge(const Report& report) {
  (void)lines_of(report);
  if (const auto delivery = to_report_delivery(report)) must_be_readable(*delivery);
  for (const Report& copy : report_onward(report, {})) must_be_readable(copy);
}

void judge(const MTSApdu& apdu) {
  (void)duplicate_key(apdu);
  if (const auto* message = std::get_if<Message>(&apdu.value)) judge(message->envelope);
  if (const auto* report = std::get_if<Report>(&apdu.value)) judge(*report);
  MTSApdu old = apdu;
  if (downgrade_to_1984(old, [](Message&) -> std::optional<NoDowngrade> { return std::nullopt; })) return;
  const auto octets = asn1::encode(old, mpdu_1984(), asn1::EncodeRules::Lenient);
  if (octets && !asn1::decode<MTSApdu>(*octets)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const asn1::Type& type = (data[0] & 1) != 0 ? mpdu_1984() : schema(asn1::Of<MTSApdu>{});
  const auto read = asn1::decode<MTSApdu>({data + 1, size - 1}, {}, type);
  if (!read) return 0;
  const auto written = asn1::encode(*read, type, asn1::EncodeRules::Lenient);
  if (!written) std::abort();
  const auto again = asn1::decode<MTSApdu>(*written, {}, type);
  if (!again || *again != *read) std::abort();
  const auto noted = asn1::from_json<MTSApdu>(asn1::to_json(*read, type), type);
  if (!noted || *noted != *read) std::abort();
  judge(*read);
  return 0;
}
