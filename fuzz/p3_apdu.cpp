// rooms: mts
// Arguments, results, errors and binds of P3, and the binds of P1; the first octet says which. What is taken is written again to an equal
// value.
#include <cstdlib>

#include "mts/oids.hpp"
#include "mts/p3.hpp"
#include "mts/rules_bind.hpp"

using namespace postern;
using namespace postern::mts;

namespace {

template <class T>
void judge(ByteView octets) {
  const auto read = asn1::decode<T>(octets);
  if (!read) return;
  const auto written = asn1::encode_as_taken(*read);
  if (!written) std::abort();
  const auto again = asn1::decode<T>(*written);
  if (!again || !(*again == *read)) std::abort();
}

void judge_p1_bind(ByteView octets) {
  const auto argument = decode_mta_bind_argument(octets);
  if (!argument) return;
  (void)judge_bind(argument->value, {}, true);
  if (argument->form == BindForm::P1984 && !decode_mta_bind_argument(encode_mta_bind(argument->value, BindForm::P1988).value()))
    std::abort();
}

void judge_token(ByteView octets) {
  const auto credentials = asn1::decode<StrongCredentials>(octets);
  if (!credentials) return;
  const VerifySignature accepts = [](const AlgorithmIdentifier&, ByteView, const asn1::BitString&, const Certificates*) {
    return Status{};
  };
  (void)check_bind_token(*credentials, {{TokenName()}, 0, 1LL << 40}, accepts);
}

void judge_error(ByteView octets) {
  const asn1::Any parameter{Bytes(octets.begin(), octets.end())};
  for (const ErrorInfo& error : p3_errors()) (void)words_of_p3_error(error.port, error.code, &parameter);
}

using Judge = void (*)(ByteView);
constexpr Judge kJudges[] = {
    &judge<MessageSubmissionArgument>,
    &judge<MessageSubmissionResult>,
    &judge<ProbeSubmissionArgument>,
    &judge<ProbeSubmissionResult>,
    &judge<MTSIdentifier>,
    &judge<Controls>,
    &judge<Waiting>,
    &judge<MessageDeliveryArgument>,
    &judge<MessageDeliveryResult>,
    &judge<ReportDeliveryArgument>,
    &judge<ReportDeliveryResult>,
    &judge<DeliveryControlArgument>,
    &judge<DeliveryControlResult>,
    &judge<RegisterArgument>,
    &judge<RegisterArgument88>,
    &judge<RegisterResult>,
    &judge<ChangeCredentialsArgument>,
    &judge<MTSBindArgument>,
    &judge<MTSBindResult>,
    &judge<RefusedOperation>,
    &judge_p1_bind,
    &judge_token,
    &judge_error,
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  kJudges[data[0] % std::size(kJudges)]({data + 1, size - 1});
  return 0;
}
