// A seal by a key that never leaves a PKCS#11 token: AES-256-GCM where the token has it, RSA-OAEP (SHA-256, or SHA-1 where the token knows
// no other) where not. The token locks a key of the blob's own, which locks the root key (envelope.hpp).
//
// The token is found anew for each call. When it is gone or its session is lost, the library is loaded afresh and the call made once more;
// after that it is Unavailable and says what to do. A PIN that the token refused is not sent again before the PIN file changes, because
// tokens lock themselves after a few tries.
// A token's call blocks as long as the token likes: wrap this seal with with_deadline().
// Weak point: with RSA anybody who has the public key can make a blob that opens; the custodian notices that it holds another root key.
#pragma once

#include <memory>

#include "seals/envelope.hpp"
#include "seals/pkcs11_session.hpp"

namespace postern::seals {

/// What a blob remembers of the token's part. Foreign bytes.
struct Pkcs11Recipe {
  Pkcs11Scheme scheme = Pkcs11Scheme::AesGcm;
  Pkcs11KeyName key;
  Bytes iv;      ///< AES-GCM only, 1 to 64 bytes.
  Bytes locked;  ///< At most 1,024 bytes.
};
[[nodiscard]] Result<Pkcs11Recipe> read_pkcs11_recipe(ByteView bytes);
[[nodiscard]] Bytes write_pkcs11_recipe(const Pkcs11Recipe& recipe);

struct Pkcs11SealOptions {
  std::string name = {};
  Pkcs11Uri uri = {};
  /// At wrap(): makes the key when the token has none of that name (which `uri.object` must then give). unwrap() never makes one.
  bool create = false;
  Pkcs11Loader load = load_pkcs11_module;
};
/// BadInput when a key is to be made and has no label.
[[nodiscard]] Result<std::unique_ptr<Seal>> make_pkcs11_seal(Pkcs11SealOptions options);

}  // namespace postern::seals
