#include "key_input.hpp"

#include "base/secret.hpp"
#include "file_input.hpp"

namespace postern::cli {

Result<PrivateKey> read_signing_key(const std::string& path, std::istream& in) {
  POSTERN_TRY(std::string text, read_input(path, in));
  const bool pem = text.find("-----BEGIN") != std::string::npos;
  auto seed = pem ? Result<Bytes>(Bytes{}) : base64_decode(text, Whitespace::Skip);
  auto key = pem ? PrivateKey::from_pem(as_bytes(text)) : seed ? PrivateKey::from_raw(KeyKind::Ed25519, *seed) : fail(seed.error());
  wipe(text);
  if (seed) wipe(*seed);
  if (!key) return fail(std::move(key).error().context(path));
  return key;
}

}  // namespace postern::cli
