// rooms: pki
// A stranger's certificate (DER, or PEM text) is read, described and judged without harm, and what was read is written back the same.
#include <cstdlib>

#include "pki/verify.hpp"

using namespace postern;

namespace {

void look_at(const Certificate& certificate) {
  const auto again = Certificate::from_der(certificate.to_der());
  if (!again || !(*again == certificate)) std::abort();
  (void)certificate.describe();
  (void)certificate.has_email("alice@example.org");
  (void)certificate.may_receive_keys();
  (void)certificate_matches_host(certificate, "mail.example.org");
  const ChainVerdict verdict = verify_chain({.leaf = &certificate,
                                             .intermediates = {&certificate, 1},
                                             .at = wall_from_millis(1795308067000),
                                             .purpose = CertificatePurpose::Email,
                                             .email = "alice@example.org"});
  if (verdict.ok) std::abort();  // nothing is trusted here
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  if (const auto one = Certificate::from_der(bytes)) look_at(*one);
  if (const auto chain = certificates_from_pem(as_text(bytes))) {
    for (const Certificate& certificate : *chain) look_at(certificate);
  }
  return 0;
}
