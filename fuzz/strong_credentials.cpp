// rooms: credentials
// Strong credentials of a stranger: token, certificates and their path, names of algorithms with parameters; the first octet says which.
// Never a crash; where nobody is trusted nothing is accepted, and what is read as a path is written again to an equal one.
#include <cstdlib>

#include "asn1/ber.hpp"
#include "credentials/proof.hpp"
#include "credentials/signature.hpp"

using namespace postern;

namespace {

void judge_credentials(ByteView octets) {
  const auto shown = asn1::decode<mts::StrongCredentials>(octets);
  if (!shown) return;
  mts::TokenCheck check{{mts::TokenName()}, 0, 1LL << 40};
  check.us.push_back({mts::MTANameAndOptionalGDI{{}, "south"}});
  if (credentials::judge(*shown, {}, check)) std::abort();
  (void)mts::random_number_of(*shown);
}

void judge_certificates(ByteView octets) {
  const auto read = asn1::decode<mts::Certificates>(octets);
  if (!read) return;
  const auto chain = credentials::chain_of(*read);
  if (!chain) return;
  const auto again = credentials::chain_of(credentials::certificates_of(*chain));
  if (!again || *again != *chain) std::abort();
}

void judge_algorithm(ByteView octets) {
  const auto identifier = asn1::decode<mts::AlgorithmIdentifier>(octets);
  if (!identifier) return;
  for (const KeyKind kind : {KeyKind::Rsa, KeyKind::EcP256, KeyKind::EcP384, KeyKind::EcP521, KeyKind::Ed25519})
    (void)credentials::algorithm_of(*identifier, kind);
  if (credentials::algorithm_of(*identifier, KeyKind::X25519)) std::abort();
}

using Judge = void (*)(ByteView);
constexpr Judge kJudges[] = {&judge_credentials, &judge_certificates, &judge_algorithm};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  kJudges[data[0] % std::size(kJudges)]({data + 1, size - 1});
  return 0;
}
