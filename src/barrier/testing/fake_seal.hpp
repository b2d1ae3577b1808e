// A Seal in memory for tests: wraps under a key of its own; can be away, lie, or wait.
#pragma once

#include <functional>
#include <string>

#include "barrier/seal.hpp"
#include "crypto/aead.hpp"

namespace postern::test {

class FakeSeal final : public Seal {
 public:
  explicit FakeSeal(std::string type = "fake", std::string name = "", Byte key = 0x77)
      : m_type(std::move(type)), m_name(std::move(name)), m_cipher(Aead::create(AeadAlgorithm::Aes256Gcm, Bytes(32, key)).value()) {}

  std::string_view type() const noexcept override { return m_type; }
  std::string_view name() const noexcept override { return m_name; }
  Result<Bytes> wrap(ByteView root_key) override {
    ++wraps;
    if (away) return fail(ErrorCode::Unavailable, "the fake seal is away");
    return m_cipher.seal_random(as_bytes(m_type), root_key);
  }
  Result<SecretBytes> unwrap(ByteView blob) override {
    ++unwraps;
    if (before_unwrap) before_unwrap();
    if (away) return fail(ErrorCode::Unavailable, "the fake seal is away");
    POSTERN_TRY(SecretBytes key, m_cipher.open_random(as_bytes(m_type), blob));
    if (lies) key.span().front() ^= 1;
    return key;
  }

  bool away = false;
  bool lies = false;
  int wraps = 0, unwraps = 0;
  std::function<void()> before_unwrap;

 private:
  std::string m_type, m_name;
  Aead m_cipher;
};

}  // namespace postern::test
