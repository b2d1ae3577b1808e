// rooms: osi asn1
// A whole association against any octets. Octet 0: profile and role; octet 1: how the rest is cut; the user answers everything at once and
// transfers when it may.
#include <cstdint>
#include <cstdlib>

#include "osi/association.hpp"
#include "osi/oids.hpp"

namespace {

using namespace postern;
using namespace postern::osi;

void must(bool holds) {
  if (!holds) std::abort();
}

AssociationService service_from(unsigned bits) {
  switch (bits & 3U) {
    case 0: return mts_transfer();
    case 1: return mts_transfer_protocol_1984();
    case 2: return mts_access();
    default: return mts_reliable_access();
  }
}

struct User {
  Association& association;
  bool ended = false;

  void operator()(const AssociationRequested&) { (void)association.accept({{asn1::Any{{5, 0}}}}); }
  void operator()(const AssociationOpened&) {
    (void)association.invoke(oid::as_msse(), {RoseCode(3), asn1::Any{{5, 0}}, {}, OperationClass::Asynchronous});
    if (association.transfer({})) (void)association.supply(Bytes(std::min<std::size_t>(association.wants_octets(), 3000), 'x'), true);
  }
  void operator()(const ReleaseRequested&) { (void)association.answer_release(); }
  void operator()(const RtTransferCheckpoint& checkpoint) { (void)association.confirm_checkpoint(checkpoint.point.serial); }
  void operator()(const RtTransferEnd&) { (void)association.confirm_end(); }
  void operator()(const RtResumeRequested& resume) {
    ResumePoint point;
    point.serial = resume.serial;
    point.envelope = ExternalReader().save();
    if (!association.accept_resume(point)) (void)association.refuse_resume(ResumeRefusal::Unrecognized);
  }
  void operator()(const RtTransferConfirmed&) { (void)association.release(); }
  void operator()(const RtTurnPleased&) { (void)association.give_turn(); }
  void operator()(const RoseInvoked& invoked) { (void)association.result(invoked.invoke_id, std::nullopt); }
  void operator()(const AssociationRefused&) { end(); }
  void operator()(const AssociationReleased&) { end(); }
  void operator()(const AssociationAborted&) { end(); }
  void operator()(const auto&) {}
  void end() {
    must(!ended);
    ended = true;
  }
};

void drain(Association& association, User& user) {
  while (const auto event = association.next_event()) {
    must(!user.ended);
    std::visit(user, *event);
  }
  (void)association.take_output();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  AssociationOptions options;
  options.services = {service_from(data[0])};
  options.checkpoint_size = 1;
  options.limits.max_ssdu = 1U << 16;
  options.limits.max_apdu = 1U << 16;
  options.limits.rtse.apdu = 1U << 16;
  const bool initiator = (data[0] & 4) != 0;
  SessionConnectionIdentifier id;
  id.common_reference.text = "261126052500Z";
  auto made =
      initiator ? Association::initiate(options, {{asn1::Any{{5, 0}}}, id}, SteadyTime()) : Association::respond(options, SteadyTime());
  must(made.has_value());
  Association& association = *made;
  User user{association};
  drain(association, user);
  const std::size_t chunk = data[1] == 0 ? size : data[1];
  ByteView rest(data + 2, size - 2);
  while (!rest.empty() && !association.wants_close()) {
    const std::size_t take = std::min(chunk, rest.size());
    association.feed(rest.first(take), SteadyTime());
    rest = rest.subspan(take);
    drain(association, user);
  }
  association.network_lost("end of input", SteadyTime());
  drain(association, user);
  must(user.ended && association.wants_close());
  return 0;
}
