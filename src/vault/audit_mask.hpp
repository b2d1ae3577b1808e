// "hmac-sha256:HEX" under the salt of one audit device: what stands in a line instead of a string.
//
// Tokens, accessors and the like come again with each request: their last masks are remembered, at most 64 of them, in memory that is
// locked and wiped like the salt itself, and compared in constant time.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "crypto/hmac_sha256.hpp"

namespace postern::vault {

/// One key schedule. Not thread safe; see AuditMaskPool.
class AuditMask {
 public:
  explicit AuditMask(ByteView salt);
  /// For strings that hardly come again, and for secrets that should not stay anywhere.
  void append(std::string& out, std::string_view text) { feed(text).finish(out); }
  /// The same in pieces.
  AuditMask& feed(std::string_view piece);
  void finish(std::string& out);
  /// For what comes with each request.
  void append_known(std::string& out, std::string_view text);

  static constexpr std::string_view kPrefix = "hmac-sha256:";

 private:
  struct Known;
  HmacSha256 m_hmac;
  SecretBytes m_known;
};

/// The key schedules of one device: each thread has its usual one, so that nobody waits, and their number is bounded. They die with the
/// pool, and with them every copy of the salt.
class AuditMaskPool {
 public:
  explicit AuditMaskPool(SecretBytes salt) : m_salt(std::move(salt)) {}

  template <class Work>
  auto use(const Work& work) {
    Slot& slot = m_slots[own_slot()];
    const std::lock_guard lock(slot.mutex);
    if (!slot.mask) slot.mask = std::make_unique<AuditMask>(m_salt.view());
    return work(*slot.mask);
  }

 private:
  static constexpr std::size_t kSlots = 32;
  struct alignas(64) Slot {
    std::mutex mutex;
    std::unique_ptr<AuditMask> mask;
  };
  [[nodiscard]] static std::size_t own_slot() noexcept;
  SecretBytes m_salt;
  std::array<Slot, kSlots> m_slots;
};

}  // namespace postern::vault
