// The identity that what is fuzzed was sealed to, for the fuzzers that open S/MIME objects.
#pragma once

#include <cstdlib>

#include "crypto/pkey.hpp"
#include "seal/smime.hpp"

namespace postern::fuzz {

// A certificate and key made for fuzzing and nothing else, so that seeds sealed to them can be opened and mutated: they name
// bob@example.net and alice@example.org.
inline constexpr std::string_view kCertificate =
    "308201cc30820171a003020102021420863542af03ff317bc12fe6bb6cb614ebfd2cf0300a06082a8648ce3d040302300f310d300b06035504030c04"
    "46757a7a3020170d3236313132323032313035365a180f32313236313032393032313035365a300f310d300b06035504030c0446757a7a3059301306"
    "072a8648ce3d020106082a8648ce3d03010703420004773bd8578edd524b21dd1f5d58815ee6078d2adfce3a1cf77741968aacac96c959a0e3deee61"
    "1cd8879121bdbc06f20646ea8b33169acab389930a54ea572ec2a381a83081a5301d0603551d0e041604144d2bfa44a06519d9aeba199488b1d156cf"
    "fa8850301f0603551d230418301680144d2bfa44a06519d9aeba199488b1d156cffa8850300f0603551d130101ff040530030101ff302d0603551d11"
    "04263024810f626f62406578616d706c652e6e65748111616c696365406578616d706c652e6f7267300e0603551d0f0101ff04040302038830130603"
    "551d25040c300a06082b06010505070304300a06082a8648ce3d0403020349003046022100c25345cb5becd351224fe49ac7ea41324a0033313e9438"
    "16975dec62c247461302210082edf22ac576c08febcb1aa5d62c46f859b89fd25cbd9b9206cc3c9ffb6324a1";
inline constexpr std::string_view kKey =
    "30770201010420b7f37d85a30b869ce8ebad1261ae12e21c5bc33ae468aaecd40e013edb91c639a00a06082a8648ce3d030107a14403420004773bd8"
    "578edd524b21dd1f5d58815ee6078d2adfce3a1cf77741968aacac96c959a0e3deee611cd8879121bdbc06f20646ea8b33169acab389930a54ea572e"
    "c2";

inline constexpr WallTime kNow{std::chrono::seconds(1'900'000'000)};

inline const SmimeIdentity& identity() {
  static const SmimeIdentity instance{{Certificate::from_der(hex_decode(kCertificate).value()).value()},
                                      std::shared_ptr<EVP_PKEY>(share(PrivateKey::from_der(hex_decode(kKey).value()).value().native()))};
  return instance;
}

inline void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace postern::fuzz
