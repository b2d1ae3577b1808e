// rooms: pki
// A list from anywhere, PEM or DER: read, shown and judged without harm; what nobody we know signed says nothing of a certificate.
#include <cstdlib>

#include "pki/revocation.hpp"
#include "pki/testing/certificates.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto issuer = testing::make_certificate({.name = "CA", .ca = true});
  static const auto leaf = testing::make_certificate({.name = "leaf"}, &issuer);
  const auto lists = Crl::from_text(as_text(ByteView(data, size)));
  if (!lists) return 0;
  for (const Crl& list : *lists) {
    (void)list.issuer();
    (void)delta_urls(list, leaf.certificate);
    const RevocationVerdict verdict = check_crl({.leaf = &leaf.certificate,
                                                 .issuer = &issuer.certificate,
                                                 .crl = &list,
                                                 .deltas = *lists,
                                                 .at = wall_from_millis(1'800'000'000'000)});
    if (verdict.status != RevocationStatus::Invalid || verdict.reason.empty()) std::abort();
  }
  return 0;
}
