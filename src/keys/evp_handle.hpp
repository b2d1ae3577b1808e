// An OpenSSL key object without a key: an EVP_PKEY that carries the public part and sends every private operation to the keeper.
//
// It is what CMS_sign, CMS_decrypt, X509_sign and SSL_CTX_use_PrivateKey want, so those work although the private key is elsewhere.
// Underneath is a small OpenSSL provider in a library context of its own; the default context and its algorithms are untouched.
//
// Does: RSA (PKCS#1 v1.5 and PSS signatures, OAEP and PKCS#1 v1.5 decryption), ECDSA and ECDH on P-256/384/521 (raw, or with the X9.63 KDF
// as CMS wants it), Ed25519 signatures; it compares with public keys and certificates. Does not: X25519; public operations (verify and
// encrypt with Keeper::public_key(), and put that, not a handle, into certificates); any export of a private component: there is none in
// it.
#pragma once

#include <memory>

#include "crypto/openssl.hpp"
#include "keys/keeper.hpp"

namespace postern {

/// The handle shares ownership of the keeper. Version 0 is resolved now: the handle goes on meaning that version after a rotation.
/// NotFound; Unsupported for keys that are not RSA, EC or Ed25519. Thread safe to create and to use.
[[nodiscard]] Result<EvpPkeyPtr> evp_handle(std::shared_ptr<Keeper> keeper, const KeyName& name, std::uint32_t version = 0);

}  // namespace postern
