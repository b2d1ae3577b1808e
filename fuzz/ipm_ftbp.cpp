// rooms: ipm
// Octets are one file transfer body part: its parameters, then its data. Whatever they say, the file's name is safe and its octets are no
// more than came.
#include <cstdlib>

#include "ipm/file_transfer.hpp"
#include "ipm/read.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input(data, size);
  const auto parameters = asn1::decode_front<ipm::FileTransferParameters>(input);
  if (!parameters) return 0;
  const auto octets = asn1::encode_as_taken(*parameters);
  if (!octets || !(asn1::decode<ipm::FileTransferParameters>(*octets).value() == *parameters)) std::abort();
  const std::string name = ipm::safe_file_name(ipm::file_name(*parameters), "part.bin");
  if (name.empty() || name.size() > 255 || name.find_first_of("/\\") != std::string::npos) std::abort();
  const auto contents = asn1::decode<ipm::FileTransferData>(input);
  if (!contents) return 0;
  if (const auto file = ipm::file_octets(*parameters, *contents); file && file->size() > size) std::abort();
  return 0;
}
