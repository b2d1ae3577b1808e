// rooms: transit
// Wrapped keys of strangers, and what would be in them: imported only when they are keys of the type that was announced.
#include <cstdlib>

#include "transit/byok.hpp"
#include "transit/engine.hpp"

using namespace postern;
using namespace postern::transit;

namespace {

// The type from the first byte, the material from the rest.
void import_material(ByteView input) {
  static MemoryStorage storage;
  static SystemClock clock;
  static Engine engine(storage, clock);
  const auto type = static_cast<KeyType>(input[0] % (static_cast<int>(KeyType::MlKem1024) + 1));
  const SecretBytes material(input.subspan(1));
  if (engine.exists("k").value_or(false)) {
    (void)engine.configure("k", {.deletion_allowed = true});
    if (!engine.remove("k")) std::abort();
  }
  const auto made = engine.import_key("k", {.plain = &material}, {.type = type, .exportable = true});
  if (made && !engine.info("k")) std::abort();
  if (made) (void)engine.export_key("k", ExportType::SigningKey);
  (void)engine.import_key("p", {.public_key = as_text(input.subspan(1))}, {.type = type});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const PrivateKey wrapping = PrivateKey::generate(KeyKind::Rsa, 2048).value();
  const ByteView input(data, size);
  if (transit::detail::open_byok(wrapping, HashAlgorithm::Sha256, as_text(input))) std::abort();
  if (size > 0 && size < 8192) import_material(input);
  return 0;
}
