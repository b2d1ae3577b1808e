// rooms: barrier
// What lies on the disk below the barrier: a keyring or a seal's record that is read writes the same bytes again, and no bytes open as a
// keyring or as a value that were not sealed.
#include <algorithm>
#include <cstdlib>

#include "barrier/barrier_form.hpp"
#include "barrier/seal_record.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  const Bytes key(32, 0x42);
  static const Aead cipher = Aead::create(AeadAlgorithm::Aes256Gcm, key).value();
  if (const auto ring = Keyring::decode(bytes)) {
    if (ring->terms.empty() || !std::ranges::equal(ring->encode().view(), bytes)) std::abort();
    const Bytes sealed = detail::seal_keyring(*ring, key).value();
    if (!detail::open_keyring(sealed, key) || detail::open_keyring(sealed, Bytes(32, 0x43))) std::abort();
  }
  if (const auto record = SealRecord::decode(bytes); record && !std::ranges::equal(record->encode(), bytes)) std::abort();
  if (detail::open_keyring(bytes, key)) std::abort();
  if (detail::term_of(bytes, "d/path") && detail::open_value(cipher, "d/path", bytes)) std::abort();
  return 0;
}
