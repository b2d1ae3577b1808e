#include "vault/audit_mask.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <functional>

namespace postern::vault {
namespace {

constexpr std::size_t kKnown = 64;

void append_hex(std::string& out, ByteView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::array<char, 64> text;
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), text.size() / 2);
    for (std::size_t at = 0; at < count; ++at) {
      text[2 * at] = kDigits[bytes[at] >> 4];
      text[2 * at + 1] = kDigits[bytes[at] & 15];
    }
    out.append(text.data(), 2 * count);
    bytes = bytes.subspan(count);
  }
}

}  // namespace

/// Longer texts are not remembered; a service token has 28 to 95 characters. Size 0: free.
struct AuditMask::Known {
  std::uint32_t size;
  std::array<Byte, 188> text;
  Sha256 tag;
};

AuditMask::AuditMask(ByteView salt) : m_hmac(salt), m_known(kKnown * sizeof(Known)) {
  std::memset(m_known.span().data(), 0, m_known.size());
}

AuditMask& AuditMask::feed(std::string_view piece) {
  m_hmac.update(as_bytes(piece));
  return *this;
}

void AuditMask::finish(std::string& out) {
  out += kPrefix;
  append_hex(out, m_hmac.finish());
}

void AuditMask::append_known(std::string& out, std::string_view text) {
  if (text.empty() || text.size() > sizeof(Known::text)) return append(out, text);
  Byte* const place = m_known.span().data() + std::hash<std::string_view>{}(text) % kKnown * sizeof(Known);
  std::uint32_t size = 0;
  std::memcpy(&size, place, sizeof size);
  const ByteView stored(place + offsetof(Known, text), size);
  const ByteSpan tag(place + offsetof(Known, tag), sizeof(Known::tag));
  if (size != text.size() || !constant_time_equal(stored, as_bytes(text))) {
    const Sha256 fresh = m_hmac.update(as_bytes(text)).finish();
    size = static_cast<std::uint32_t>(text.size());
    std::memcpy(place, &size, sizeof size);
    std::memcpy(place + offsetof(Known, text), text.data(), text.size());
    std::memcpy(tag.data(), fresh.data(), tag.size());
  }
  out += kPrefix;
  append_hex(out, tag);
}

std::size_t AuditMaskPool::own_slot() noexcept {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % kSlots;
  return mine;
}

}  // namespace postern::vault
