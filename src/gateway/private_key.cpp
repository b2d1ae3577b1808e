// By itself, so that who needs a key file and no mail links nothing of it (libpostern_x400.so).
#include <openssl/evp.h>

#include <fstream>

#include "gateway/hops.hpp"

namespace postern::gateway {

Result<EvpPkeyPtr> load_private_key(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::NotFound, "cannot read the private key in " + path + "; check the path and its permissions");
  std::string pem((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  auto key = PrivateKey::from_pem(as_bytes(pem));
  wipe(pem);
  if (!key) return fail(std::move(key).error().context(path));
  EVP_PKEY* native = key->native();
  EVP_PKEY_up_ref(native);
  return EvpPkeyPtr(native);
}

}  // namespace postern::gateway
