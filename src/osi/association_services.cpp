// X.419: the application contexts of P1, P3 and P7, and their abstract syntaxes.
#include "osi/association.hpp"
#include "osi/oids.hpp"

namespace postern::osi {

namespace {

std::vector<asn1::Oid> mts_syntaxes() { return {oid::as_msse(), oid::as_mdse(), oid::as_mase()}; }
std::vector<asn1::Oid> ms_syntaxes() { return {oid::as_mrse(), oid::as_msse(), oid::as_mase()}; }

}  // namespace

AssociationService mts_transfer() {
  return {"mts-transfer", AssociationProfile::RtseNormal, oid::ac_mts_transfer(), 0, oid::as_mta_rtse(), {oid::as_mtse()}};
}
AssociationService mts_transfer_protocol() { return {"mts-transfer-protocol", AssociationProfile::RtseX410, {}, 12, {}, {}}; }
AssociationService mts_transfer_protocol_1984() { return {"mts-transfer-protocol-1984", AssociationProfile::RtseX410, {}, 1, {}, {}}; }
AssociationService mts_access() { return {"mts-access", AssociationProfile::Rose, oid::ac_mts_access(), 0, oid::as_mts(), mts_syntaxes()}; }
AssociationService mts_forced_access() {
  return {"mts-forced-access", AssociationProfile::Rose, oid::ac_mts_forced_access(), 0, oid::as_mts(), mts_syntaxes()};
}
AssociationService mts_reliable_access() {
  return {"mts-reliable-access", AssociationProfile::RoseOverRtse, oid::ac_mts_reliable_access(), 0, oid::as_mts_rtse(), mts_syntaxes()};
}
AssociationService mts_forced_reliable_access() {
  return {"mts-forced-reliable-access",
          AssociationProfile::RoseOverRtse,
          oid::ac_mts_forced_reliable_access(),
          0,
          oid::as_mts_rtse(),
          mts_syntaxes()};
}
AssociationService ms_access() { return {"ms-access", AssociationProfile::Rose, oid::ac_ms_access(), 0, oid::as_ms(), ms_syntaxes()}; }
AssociationService ms_reliable_access() {
  return {"ms-reliable-access", AssociationProfile::RoseOverRtse, oid::ac_ms_reliable_access(), 0, oid::as_ms_rtse(), ms_syntaxes()};
}

}  // namespace postern::osi
