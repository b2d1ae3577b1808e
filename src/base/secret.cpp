#include "base/secret.hpp"

#include <string.h>

#include <cstring>
#include <utility>

#include "base/secret_arena.hpp"

namespace postern {

void wipe(ByteSpan bytes) noexcept {
  if (!bytes.empty()) ::explicit_bzero(bytes.data(), bytes.size());
}
void wipe(std::string& text) noexcept {
  if (!text.empty()) ::explicit_bzero(text.data(), text.size());
  text.clear();
}

SecretBytes::SecretBytes(std::size_t size) : m_data(static_cast<Byte*>(secret_arena::allocate(size))), m_size(size) {}
SecretBytes::SecretBytes(ByteView bytes) : SecretBytes(bytes.size()) {
  if (m_data != nullptr) std::memcpy(m_data, bytes.data(), bytes.size());
}
SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : m_data(std::exchange(other.m_data, nullptr)), m_size(std::exchange(other.m_size, 0)) {}
SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this == &other) return *this;
  release();
  m_data = std::exchange(other.m_data, nullptr);
  m_size = std::exchange(other.m_size, 0);
  return *this;
}
SecretBytes::~SecretBytes() { release(); }

void SecretBytes::release() noexcept {
  if (m_data == nullptr) return;
  secret_arena::release(m_data, m_size);
  m_data = nullptr;
  m_size = 0;
}

}  // namespace postern
