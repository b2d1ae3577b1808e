#include "osi/oids.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace postern::osi::oid {

namespace {

struct Named {
  std::string_view name;
  asn1::Oid oid;
};

enum Index : std::uint8_t {
  BasicEncoding,
  Acse,
  Msse,
  Mdse,
  Mrse,
  Mase,
  Mtse,
  MtsRtse,
  Ms,
  MsRtse,
  Mts,
  MtaRtse,  // NOLINT
  MtsAccess,
  MtsForcedAccess,
  MtsReliableAccess,
  MtsForcedReliableAccess,
  MsAccess,
  MsReliableAccess,
  MtsTransfer
};

const auto& table() {
  static const std::array<Named, 19> known{{
      {"basic-encoding", {2, 1, 1}},
      {"id-as-acse", {2, 2, 1, 0, 1}},
      {"id-as-msse", {2, 6, 0, 2, 1}},
      {"id-as-mdse", {2, 6, 0, 2, 2}},
      {"id-as-mrse", {2, 6, 0, 2, 5}},
      {"id-as-mase", {2, 6, 0, 2, 6}},
      {"id-as-mtse", {2, 6, 0, 2, 7}},
      {"id-as-mts-rtse", {2, 6, 0, 2, 8}},
      {"id-as-ms", {2, 6, 0, 2, 9}},
      {"id-as-ms-rtse", {2, 6, 0, 2, 10}},
      {"id-as-mts", {2, 6, 0, 2, 11}},
      {"id-as-mta-rtse", {2, 6, 0, 2, 12}},
      {"id-ac-mts-access", {2, 6, 0, 1, 0}},
      {"id-ac-mts-forced-access", {2, 6, 0, 1, 1}},
      {"id-ac-mts-reliable-access", {2, 6, 0, 1, 2}},
      {"id-ac-mts-forced-reliable-access", {2, 6, 0, 1, 3}},
      {"id-ac-ms-access", {2, 6, 0, 1, 4}},
      {"id-ac-ms-reliable-access", {2, 6, 0, 1, 5}},
      {"id-ac-mts-transfer", {2, 6, 0, 1, 6}},
  }};
  return known;
}

}  // namespace

const asn1::Oid& basic_encoding() { return table()[BasicEncoding].oid; }
const asn1::Oid& acse() { return table()[Acse].oid; }
const asn1::Oid& as_msse() { return table()[Msse].oid; }
const asn1::Oid& as_mdse() { return table()[Mdse].oid; }
const asn1::Oid& as_mrse() { return table()[Mrse].oid; }
const asn1::Oid& as_mase() { return table()[Mase].oid; }
const asn1::Oid& as_mtse() { return table()[Mtse].oid; }
const asn1::Oid& as_mts_rtse() { return table()[MtsRtse].oid; }
const asn1::Oid& as_ms() { return table()[Ms].oid; }
const asn1::Oid& as_ms_rtse() { return table()[MsRtse].oid; }
const asn1::Oid& as_mts() { return table()[Mts].oid; }
const asn1::Oid& as_mta_rtse() { return table()[MtaRtse].oid; }
const asn1::Oid& ac_mts_access() { return table()[MtsAccess].oid; }
const asn1::Oid& ac_mts_forced_access() { return table()[MtsForcedAccess].oid; }
const asn1::Oid& ac_mts_reliable_access() { return table()[MtsReliableAccess].oid; }
const asn1::Oid& ac_mts_forced_reliable_access() { return table()[MtsForcedReliableAccess].oid; }
const asn1::Oid& ac_ms_access() { return table()[MsAccess].oid; }
const asn1::Oid& ac_ms_reliable_access() { return table()[MsReliableAccess].oid; }
const asn1::Oid& ac_mts_transfer() { return table()[MtsTransfer].oid; }

std::string describe(const asn1::Oid& oid) {
  const auto* found = std::ranges::find(table(), oid, &Named::oid);
  if (found == table().end()) return oid.text();
  return std::string(found->name) + " (" + oid.text() + ")";
}

}  // namespace postern::osi::oid
