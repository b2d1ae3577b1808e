// Memory for secrets: pages that only this process reads (secret_arena.hpp), never swapped where the machine allows, left out of core
// files, wiped when released.
//
// Use it for key material, passphrases, data keys. It cannot be copied by accident and never converts to text. In a forked child it is
// zero.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/bytes.hpp"

namespace postern {

/// Overwrites memory in a way the compiler may not remove.
void wipe(ByteSpan bytes) noexcept;
void wipe(std::string& text) noexcept;

/// A fixed-size buffer in secret memory, wiped on destruction and on move-from. Writing beyond its end ends the process at the latest then.
/// That the pages are secret or locked is best effort (kernel, RLIMIT_MEMLOCK); wiping is not.
class SecretBytes {
 public:
  SecretBytes() noexcept = default;
  explicit SecretBytes(std::size_t size);
  /// Copies `bytes`; the caller still has to wipe its own copy.
  explicit SecretBytes(ByteView bytes);
  static SecretBytes from_text(std::string_view text) { return SecretBytes(as_bytes(text)); }

  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes();

  [[nodiscard]] SecretBytes clone() const { return SecretBytes(view()); }
  [[nodiscard]] ByteView view() const noexcept { return {m_data, m_size}; }
  [[nodiscard]] ByteSpan span() noexcept { return {m_data, m_size}; }
  [[nodiscard]] std::size_t size() const noexcept { return m_size; }
  [[nodiscard]] bool empty() const noexcept { return m_size == 0; }

 private:
  void release() noexcept;
  Byte* m_data = nullptr;
  std::size_t m_size = 0;
};

}  // namespace postern
