// AES-256-GCM of whole messages through EVP alone: what engines of this project are held against.
#pragma once

#include <openssl/evp.h>

#include "bench/measure.hpp"
#include "crypto/openssl.hpp"
#include "crypto/random.hpp"

namespace postern::bench {

/// What nobody can beat with this library: everything that can be kept is kept.
class RawCipher {
 public:
  explicit RawCipher(std::size_t size) : m_plaintext(size, 'x'), m_out(12 + size + 16), m_context(EVP_CIPHER_CTX_new()) {
    const EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    const Bytes key(32, 7);
    must(EVP_EncryptInit_ex2(m_context.get(), cipher, key.data(), nullptr, nullptr) == 1, "key");
  }
  void operator()() {
    int size = 0;
    fill_nonce(ByteSpan(m_out).first(12));
    bool ok = EVP_EncryptInit_ex2(m_context.get(), nullptr, nullptr, m_out.data(), nullptr) == 1;
    ok = ok && EVP_EncryptUpdate(m_context.get(), m_out.data() + 12, &size, m_plaintext.data(), static_cast<int>(m_plaintext.size())) == 1;
    ok = ok && EVP_EncryptFinal_ex(m_context.get(), m_out.data() + m_out.size() - 16, &size) == 1;
    ok = ok && EVP_CIPHER_CTX_ctrl(m_context.get(), EVP_CTRL_AEAD_GET_TAG, 16, m_out.data() + m_out.size() - 16) == 1;
    must(ok, "AES-256-GCM");
  }

 private:
  Bytes m_plaintext, m_out;
  EvpCipherCtxPtr m_context;
};

}  // namespace postern::bench
