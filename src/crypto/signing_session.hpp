// Many signatures by one key: while one of these lives, PrivateKey::sign() of this thread keeps what it prepared.
//
// Preparing costs OpenSSL a tenth of an ECDSA signature. What is kept goes with the object, the reference to the key included. One at a
// time per thread; an inner one counts for nothing.
#pragma once

#include "crypto/pkey.hpp"

namespace postern {

class SigningSession {
 public:
  SigningSession() noexcept;
  ~SigningSession();
  SigningSession(const SigningSession&) = delete;
  SigningSession& operator=(const SigningSession&) = delete;

 private:
  friend struct SigningSessionAccess;
  EVP_PKEY* m_key = nullptr;  // the context holds a reference, so the address stays this key's
  SignAlgorithm m_algorithm;
  EvpPkeyCtxPtr m_context;
  bool m_current = false;
};

}  // namespace postern
