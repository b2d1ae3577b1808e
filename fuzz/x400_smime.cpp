// rooms: contentseal
// Any octets as an S/MIME content of X.400: an answer each time, and nothing that is believed without a reason for it.
#include <algorithm>
#include <cstdlib>

#include "contentseal/open.hpp"
#include "contentseal/seal.hpp"
#include "crypto/pkey.hpp"
#include "oraddress/or_text.hpp"

using namespace postern;

namespace {

// The certificate and key of smime_open.cpp, made for fuzzing and nothing else: it names bob@example.net and alice@example.org.
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
constexpr std::size_t kLimit = 256UL * 1024;

const SmimeIdentity& identity() {
  static const SmimeIdentity instance{{Certificate::from_der(hex_decode(kCertificate).value()).value()},
                                      std::shared_ptr<EVP_PKEY>(share(PrivateKey::from_der(hex_decode(kKey).value()).value().native()))};
  return instance;
}

void require(bool condition) {
  if (!condition) std::abort();
}

Result<contentseal::Opened> open(ByteView octets) {
  contentseal::OpenRequest request;
  request.octets = octets;
  request.originator = oraddress::parse("C=DE;A= ;P=GW;DDA:RFC-822=alice(a)example.org").value();
  request.identities = std::span(&identity(), 1);
  request.trust.roots = identity().chain;
  request.now = kNow;
  request.limit = kLimit;
  return contentseal::open_content(request);
}

void judge(ByteView octets) {
  const auto opened = open(octets);
  if (!opened) return;
  const contentseal::Verdict& verdict = opened->verdict;
  require(verdict.layers > 0 && verdict.layers <= contentseal::kMostLayers);
  require(verdict.valid() == (verdict.reason() == "valid"));
  require(!verdict.valid() || opened->content.has_value());
  require(!opened->content || opened->content->size() <= kLimit);
}

/// Whatever is not sealed can be, and comes back octet for octet.
void close(ByteView octets) {
  const contentseal::PlainContent content{asn1::Oid{2, 6, 1, 10, 0}, octets};
  const auto sealed = contentseal::sign_encrypt_content(content, identity(), identity().chain, {}, kNow);
  require(sealed.has_value() != contentseal::is_sealed(octets));
  if (!sealed) return;
  const auto opened = open(sealed->octets);
  require(opened && opened->content && std::ranges::equal(*opened->content, octets));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 128U * 1024) return 0;
  const ByteView octets(data, size);
  judge(octets);
  close(octets);
  return 0;
}
