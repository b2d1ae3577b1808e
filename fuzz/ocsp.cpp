// rooms: pki
// What a stranger's OCSP responder, or a TLS server that staples, sends: nothing signed by nobody we know ever says "good" or "revoked".
#include <cstdlib>

#include "pki/revocation.hpp"
#include "pki/testing/certificates.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto issuer = testing::make_certificate({.name = "CA", .ca = true});
  static const auto leaf = testing::make_certificate({.name = "leaf"}, &issuer);
  const Bytes nonce(16, 0x11);
  for (const bool with_nonce : {false, true}) {
    const RevocationVerdict verdict = check_ocsp({.leaf = &leaf.certificate,
                                                  .issuer = &issuer.certificate,
                                                  .response = ByteView(data, size),
                                                  .at = wall_from_millis(1'800'000'000'000),
                                                  .nonce = with_nonce ? ByteView(nonce) : ByteView(),
                                                  .require_nonce = with_nonce});
    if (verdict.status != RevocationStatus::Invalid || verdict.reason.empty()) std::abort();
  }
  return 0;
}
