// Signatures as X.509 names them (AlgorithmIdentifier: RFC 3279, 4055, 5758, 8410): by whom, with what, over which octets. MD5 and SHA-1
// are refused, whoever asks.
#pragma once

#include "crypto/pkey.hpp"
#include "mts/security.hpp"

namespace postern::credentials {

/// RSA keys under it are refused, as pki/verify.hpp does in a chain.
inline constexpr int kLeastRsaBits = 2048;

/// What a key of this kind signs with here: RSA with PKCS#1 v1.5 and SHA-256, ECDSA with the digest of its curve, Ed25519. Unsupported:
/// X25519.
[[nodiscard]] Result<mts::AlgorithmIdentifier> identifier_for(KeyKind kind);
/// For a key of this kind. Unsupported: an algorithm that is unknown, weak, or of another kind of key; BadInput: parameters that are none.
[[nodiscard]] Result<SignAlgorithm> algorithm_of(const mts::AlgorithmIdentifier& identifier, KeyKind kind);

/// With identifier_for(kind). The key may be a handle of the keeper's (keys/evp_handle.hpp).
[[nodiscard]] Result<asn1::BitString> sign(EVP_PKEY* key, KeyKind kind, ByteView octets);
/// Errors as algorithm_of(), and IntegrityFailed.
[[nodiscard]] Status verify(const PublicKey& key, const mts::AlgorithmIdentifier& identifier, ByteView octets,
                            const asn1::BitString& signature);

}  // namespace postern::credentials
