// rooms: dnszone
// What a name server may send, and what may stand in a key file: any bytes are read in bounded time; no unsigned response counts as done,
// none that was not made with the key verifies, what is read is written and read again to the same bytes.
#include <cstdlib>

#include "dnszone/update.hpp"

using namespace postern;
using namespace postern::dnszone;

namespace {

constexpr WallTime kNow(std::chrono::seconds(1795646012));

const TsigKey& fixed_key() {
  static const TsigKey key = parse_tsig_key("key update.example.org { algorithm hmac-sha256; secret AAECAwQFBgcICQoLDA0ODw==; };").value();
  return key;
}

const SignedMessage& fixed_request() {
  static const SignedMessage request = [] {
    Update update;
    update.zone = "example.org";
    update.add = {{"example.org", dns::RecordType::Txt, 60, dns::TxtData{{"x"}}}};
    return tsig_sign(encode_update(update, 0x1234).value(), fixed_key(), kNow).value();
  }();
  return request;
}

void judge_response(ByteView bytes) {
  if (read_update_response(bytes, fixed_request(), fixed_key(), "example.org", kNow)) std::abort();  // nobody here knows the key
  (void)read_zone(bytes, "mx.example.org", 0x1234);
  for (const auto type : {dns::RecordType::Txt, dns::RecordType::Mx, dns::RecordType::Cname}) {
    const auto answer = read_answer(bytes, "example.org", type, 0x1234);
    if (answer && answer->secure) std::abort();
  }
  const auto message = parse_message(bytes);
  const auto written = message ? encode_message(*message) : Result<Bytes>(fail(Error{}));
  if (!written) return;  // names that ours never are
  const auto again = parse_message(*written);
  if (!again || encode_message(*again).value() != *written) std::abort();
}

void judge_key_file(std::string_view text) {
  const auto key = parse_tsig_key(text);
  if (!key) return;
  if (key->name.empty() || key->secret.empty()) std::abort();
  if (!tsig_sign(fixed_request().bytes, *key, kNow)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  judge_response({data, size});
  judge_key_file({reinterpret_cast<const char*>(data), size});
  return 0;
}
