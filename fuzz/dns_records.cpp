// rooms: dnszone
// The data of a record as a server sends it: what is read is written and read again to the same bytes, and shown in printable text. The
// first two octets are the type.
#include <algorithm>
#include <cstdlib>

#include "dns/rdata.hpp"
#include "dnszone/caa.hpp"
#include "dnszone/people.hpp"
#include "dnszone/zone_text.hpp"

using namespace postern;
using namespace postern::dnszone;

namespace {

void judge_caa(const dns::CaaData& property) {
  (void)stops_every_issuer(property);
  const auto issuer = parse_caa_issuer(property.value);
  if (!issuer) return;
  std::string again = issuer->domain;
  for (const auto& [name, value] : issuer->parameters) {
    again.append("; ").append(name).append("=").append(value);
  }
  if (parse_caa_issuer(again).value() != *issuer) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 65537) return 0;
  const auto type = static_cast<dns::RecordType>(data[0] << 8 | data[1]);
  const auto read = dns::decode_rdata(type, {data + 2, size - 2});
  if (!read) return 0;
  const std::string text = data_text(*read);
  if (!std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; })) std::abort();
  if (const auto* property = std::get_if<dns::CaaData>(&*read)) judge_caa(*property);
  if (const auto* key = std::get_if<dns::OpaqueData>(&*read)) {
    const auto packet = primary_key_packet(key->data);
    if (packet && packet->size() >= key->data.size()) std::abort();  // behind its own header, inside the data
  }
  const auto written = dns::encode_rdata(*read);
  if (!written) std::abort();
  const auto again = dns::decode_rdata(type, *written);
  if (!again || data_text(*again) != text) std::abort();
  return 0;
}
