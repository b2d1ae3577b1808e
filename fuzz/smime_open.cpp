// rooms: seal
// Any message, opened and verified as S/MIME: an answer each time, what comes out is a message, and a label is never stronger than the
// bytes.
#include <cstdlib>

#include "crypto/pkey.hpp"
#include "seal/smime.hpp"

using namespace postern;

namespace {

// A certificate and key made for this file and nothing else, so that seeds sealed to them can be opened and mutated.
constexpr std::string_view kCertificate =
    "308201cc30820171a003020102021420863542af03ff317bc12fe6bb6cb614ebfd2cf0300a06082a8648ce3d040302300f310d300b06035504030c04"
    "46757a7a3020170d3236313132323032313035365a180f32313236313032393032313035365a300f310d300b06035504030c0446757a7a3059301306"
    "072a8648ce3d020106082a8648ce3d03010703420004773bd8578edd524b21dd1f5d58815ee6078d2adfce3a1cf77741968aacac96c959a0e3deee61"
    "1cd8879121bdbc06f20646ea8b33169acab389930a54ea572ec2a381a83081a5301d0603551d0e041604144d2bfa44a06519d9aeba199488b1d156cf"
    "fa8850301f0603551d230418301680144d2bfa44a06519d9aeba199488b1d156cffa8850300f0603551d130101ff040530030101ff302d0603551d11"
    "04263024810f626f62406578616d706c652e6e65748111616c696365406578616d706c652e6f7267300e0603551d0f0101ff04040302038830130603"
    "551d25040c300a06082b06010505070304300a06082a8648ce3d0403020349003046022100c25345cb5becd351224fe49ac7ea41324a0033313e9438"
    "16975dec62c247461302210082edf22ac576c08febcb1aa5d62c46f859b89fd25cbd9b9206cc3c9ffb6324a1";
constexpr std::string_view kKey =
    "30770201010420b7f37d85a30b869ce8ebad1261ae12e21c5bc33ae468aaecd40e013edb91c639a00a06082a8648ce3d030107a14403420004773bd8"
    "578edd524b21dd1f5d58815ee6078d2adfce3a1cf77741968aacac96c959a0e3deee611cd8879121bdbc06f20646ea8b33169acab389930a54ea572e"
    "c2";

constexpr WallTime kNow{std::chrono::seconds(1'900'000'000)};

const SmimeIdentity& identity() {
  static const SmimeIdentity instance{{Certificate::from_der(hex_decode(kCertificate).value()).value()},
                                      std::shared_ptr<EVP_PKEY>(share(PrivateKey::from_der(hex_decode(kKey).value()).value().native()))};
  return instance;
}

void require(bool condition) {
  if (!condition) std::abort();
}

Limits small() {
  Limits limits;
  limits.message_bytes = 256U * 1024;
  return limits;
}

void open(std::string_view message, const SealContext& context) {
  const auto opened = smime_decrypt(message, std::span(&identity(), 1), context);
  if (!opened) return;
  const auto view = MessageView::parse(opened->message);
  require(view.has_value());
  require(classify(*view).protection == opened->inner);
}

void verify(std::string_view message, const SealContext& context) {
  const auto verified = smime_verify(message, {.roots = identity().chain}, context);
  if (!verified) return;
  require(!verified->signers.empty());
  require(is_signed(verified->protection));
  for (const SmimeSigner& signer : verified->signers) require(signer.valid() == signer.reason.empty());
}

/// Whatever is not protected can be sealed, or is refused; what was sealed opens to the same protection again.
void seal(std::string_view message, const SealContext& context) {
  const auto sealed = smime_sign_encrypt(message, identity(), identity().chain, {.header = {.hide_subject = true}}, context);
  if (!sealed) return;
  const auto opened = smime_decrypt(*sealed, std::span(&identity(), 1), context);
  if (!opened) {
    require(opened.error().code == ErrorCode::TooLarge);
    return;
  }
  const auto verified = smime_verify(opened->message, {.roots = identity().chain}, context);
  require(verified.has_value());
  require(verified->signers.size() == 1 && verified->signers[0].signature_ok && verified->signers[0].trusted);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 128U * 1024) return 0;
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  FixedRandom random;
  const Limits limits = small();
  const SealContext context{kNow, random, limits};
  open(message, context);
  verify(message, context);
  seal(message, context);
  return 0;
}
