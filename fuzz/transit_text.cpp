// rooms: transit
// Texts of strangers (ciphertexts, signatures, MACs, wrapped data keys, names of options) are read without harm; none of them opens or
// verifies, and what is read as base64 is written back the same.
#include <cstdlib>

#include "transit/engine.hpp"
#include "transit/text_form.hpp"

using namespace postern;
using namespace postern::transit;

namespace {

struct Keys {
  MemoryStorage storage;
  SystemClock clock;
  Engine engine{storage, clock};
  Keys() {
    must(engine.create("aes", {}));
    must(engine.create("derived", {.type = KeyType::XChaCha20Poly1305, .derived = true}));
    must(engine.create("ec", {.type = KeyType::EcdsaP256}));
    must(engine.create("ed", {.type = KeyType::Ed25519}));
  }
  template <class T>
  static void must(const T& result) {
    if (!result) std::abort();
  }
};

void check_base64(std::string_view text) {
  const auto mine = decode_base64<Bytes>(text);
  const auto other = base64_decode(text);
  if (mine.has_value() != other.has_value()) std::abort();
  if (!mine) return;
  std::string again;
  append_base64(again, *mine);
  if (*mine != *other || again != text) std::abort();
}

void check_names(std::string_view text) {
  (void)key_type_from_name(text, text);
  (void)salt_from_name(text);
  (void)version_from_text(text, 3);
  (void)sign_hash_from_name(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Keys keys;
  const std::string_view text = as_text(ByteView(data, size));
  check_base64(text);
  check_names(text);
  for (const char* name : {"aes", "derived", "ec", "ed"}) {
    const KeyRef key = keys.engine.get(name).value();
    if (key.decrypt(text, {.context = as_bytes("c")})) std::abort();
    if (key.rewrap(text, {.context = as_bytes("c")})) std::abort();
    if (key.verify_hmac(as_bytes("x"), text, HashAlgorithm::Sha256).value_or(false)) std::abort();
    for (const Marshaling marshaling : {Marshaling::Asn1, Marshaling::Jws}) {
      if (key.verify(as_bytes("x"), text, {.marshaling = marshaling}).value_or(false)) std::abort();
    }
    if (key.unwrap_data_key(as_bytes(text), {})) std::abort();
  }
  return 0;
}
