// rooms: seal
// Any bytes as a message and as an OpenPGP certificate: classification never fails and never claims more than the bytes hold; certificates
// and signatures get an answer.
#include <cstdlib>

#include "seal/content_peek.hpp"
#include "seal/openpgp.hpp"

using namespace postern;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void judge(std::string_view raw, const SealContext& context) {
  const auto view = MessageView::parse(raw, context.limits);
  if (!view) return;
  const Detection found = classify(*view);
  require(found.label_agrees == found.reason.empty());
  // Without an OpenPGP or CMS object somewhere there is no protection.
  const auto verified = pgp_verify(raw, {}, context);
  if (!verified) return;
  require(found.protection == Protection::PgpSigned || found.protection == Protection::PgpInlineSigned);
  require(!verified->valid());
}

void read_certificate(ByteView bytes) {
  static_cast<void>(peek_cms(bytes));
  static_cast<void>(peek_pgp(as_text(bytes)));
  const auto certificate = PgpCertificate::parse(bytes);
  if (certificate) static_cast<void>(certificate->recipient_fault(wall_from_millis(1'900'000'000'000)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 64U * 1024) return 0;
  FixedRandom random;
  const Limits limits;
  judge(std::string_view(reinterpret_cast<const char*>(data), size), {wall_from_millis(1'900'000'000'000), random, limits});
  read_certificate(ByteView(data, size));
  return 0;
}
