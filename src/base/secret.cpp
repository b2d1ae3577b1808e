#include "base/secret.hpp"

#include <sys/mman.h>

#include <cstring>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace postern {
namespace {

// Locking is by page, and a message needs a data key: one mmap per secret would cost two system calls per message.
// So secrets up to one slot live in a few locked pages that are never given back.
constexpr std::size_t kSlot = 128;
constexpr std::size_t kArena = 64 * 1024;

Byte* map_locked(std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  (void)::mlock(memory, size);  // best effort: RLIMIT_MEMLOCK may be small
  (void)::madvise(memory, size, MADV_DONTDUMP);
  return static_cast<Byte*>(memory);
}

class SlotPool {
 public:
  Byte* take() {
    const std::lock_guard lock(m_mutex);
    if (m_free.empty()) grow();
    Byte* slot = m_free.back();
    m_free.pop_back();
    return slot;
  }
  void give(Byte* slot) noexcept {
    const std::lock_guard lock(m_mutex);
    m_free.push_back(slot);  // capacity was reserved when the slot was made
  }

 private:
  void grow() {
    Byte* arena = map_locked(kArena);
    m_slots += kArena / kSlot;
    m_free.reserve(m_slots);
    for (std::size_t at = 0; at < kArena; at += kSlot) m_free.push_back(arena + at);
  }
  std::mutex m_mutex;
  std::vector<Byte*> m_free;
  std::size_t m_slots = 0;
};

SlotPool& pool() {
  static auto* instance = new SlotPool;  // outlives every static SecretBytes
  return *instance;
}

Byte* allocate(std::size_t size) {
  if (size == 0) return nullptr;
  return size <= kSlot ? pool().take() : map_locked(size);
}

}  // namespace

void wipe(ByteSpan bytes) noexcept {
  if (!bytes.empty()) ::explicit_bzero(bytes.data(), bytes.size());
}
void wipe(std::string& text) noexcept {
  if (!text.empty()) ::explicit_bzero(text.data(), text.size());
  text.clear();
}

SecretBytes::SecretBytes(std::size_t size) : m_data(allocate(size)), m_size(size) {
  if (m_data != nullptr) std::memset(m_data, 0, m_size);
}
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
  wipe(span());
  if (m_size <= kSlot) {
    pool().give(m_data);
  } else {
    (void)::munmap(m_data, m_size);
  }
  m_data = nullptr;
  m_size = 0;
}

}  // namespace postern
