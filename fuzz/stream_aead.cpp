// rooms: crypto
// Whatever stands in the spool: reading it whole and reading it in pieces agree, and only what was sealed opens.
#include <algorithm>
#include <cstdlib>

#include "crypto/stream_aead.hpp"

using namespace postern;

namespace {

Result<Bytes> open_in_pieces(const Bytes& key, ByteView sealed, std::size_t piece) {
  auto opener = StreamOpener::create(key, {});
  Bytes out;
  for (std::size_t at = 0; at < sealed.size(); at += piece)
    POSTERN_CHECK(opener->update(sealed.subspan(at, std::min(piece, sealed.size() - at)), out));
  POSTERN_CHECK(opener->finish(out));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes key(kStreamKey, 0x42);
  const ByteView bytes(data, size);
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] * 257U;
  const auto whole = stream_open(key, {}, bytes);
  const auto parts = open_in_pieces(key, bytes, piece);
  if (whole.has_value() != parts.has_value() || (whole && *whole != *parts)) std::abort();
  // The bytes as a text: sealed, one byte changed, it must not open.
  RawBytes sealed = stream_seal(key, {}, bytes).value();
  if (stream_open(key, {}, sealed) != Bytes(bytes.begin(), bytes.end())) std::abort();
  sealed[(data[0] * 131U + size) % sealed.size()] ^= static_cast<Byte>(1U << data[size - 1] % 8);
  if (stream_open(key, {}, sealed)) std::abort();
  return 0;
}
