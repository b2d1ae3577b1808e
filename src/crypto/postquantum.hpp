// Keys against quantum computers: ML-DSA (FIPS 204) signs, ML-KEM (FIPS 203) agrees. By OpenSSL >= 3.5, looked for at run time; with an
// older library every call that makes or reads a key is Unsupported, with the reason.
#pragma once

#include <string_view>

#include "base/secret.hpp"
#include "crypto/openssl.hpp"

namespace postern {

enum class PqKind { MlDsa44, MlDsa65, MlDsa87, MlKem512, MlKem768, MlKem1024 };
[[nodiscard]] bool pq_available(PqKind kind);

/// A key, whole or only its public half. Moves only; const calls are thread safe.
class PqKey {
 public:
  [[nodiscard]] static Result<PqKey> generate(PqKind kind);
  /// PKCS#8 DER; SubjectPublicKeyInfo DER. BadInput when it is not a key of this kind.
  [[nodiscard]] static Result<PqKey> from_pkcs8(PqKind kind, ByteView der);
  [[nodiscard]] static Result<PqKey> from_spki(PqKind kind, ByteView der);

  [[nodiscard]] Result<SecretBytes> to_pkcs8() const;
  [[nodiscard]] Result<Bytes> to_spki() const;

  /// ML-DSA, pure form with empty context (FIPS 204 5.2).
  [[nodiscard]] Result<Bytes> sign(ByteView data) const;
  /// Success or IntegrityFailed.
  [[nodiscard]] Status verify(ByteView data, ByteView signature) const;

  struct Encapsulated {
    SecretBytes secret;  ///< 32 bytes
    Bytes ciphertext;
  };
  [[nodiscard]] Result<Encapsulated> encapsulate() const;
  /// A wrong ciphertext of the right size gives a wrong secret, as FIPS 203 wants it.
  [[nodiscard]] Result<SecretBytes> decapsulate(ByteView ciphertext) const;

 private:
  explicit PqKey(EvpPkeyPtr key) : m_key(std::move(key)) {}
  EvpPkeyPtr m_key;
};

}  // namespace postern
