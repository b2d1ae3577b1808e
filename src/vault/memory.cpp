#include "vault/memory.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>

namespace postern::vault {
namespace {

constexpr std::size_t kLargestStep = 1024UL * 1024;
/// What most requests and answers need; a few of them are kept per thread, wiped, since the system's allocator is slow at this size.
constexpr std::size_t kUsualBlock = 4096;

class SpareBlocks {
 public:
  SpareBlocks() = default;
  SpareBlocks(const SpareBlocks&) = delete;
  SpareBlocks& operator=(const SpareBlocks&) = delete;
  ~SpareBlocks() {
    for (std::size_t at = 0; at < m_count; ++at) ::operator delete(m_spare[at], kUsualBlock);
    m_count = 0;
    m_room = 0;  // for an arena that outlives this
  }
  [[nodiscard]] void* take() { return m_count > 0 ? m_spare[--m_count] : ::operator new(kUsualBlock); }
  void give(void* block) noexcept {
    if (m_count < m_room)
      m_spare[m_count++] = block;
    else
      ::operator delete(block, kUsualBlock);
  }

 private:
  static constexpr std::size_t kSpare = 4;
  std::array<void*, kSpare> m_spare{};
  std::size_t m_count = 0, m_room = kSpare;
};
thread_local SpareBlocks t_spare;

/// Deeper than the HTTP face lets anything in.
constexpr std::size_t kDepth = 1024;

}  // namespace

WipedArena::~WipedArena() {
  while (m_blocks != nullptr) {
    Block* block = m_blocks;
    m_blocks = block->next;
    const std::size_t size = block->size;
    // Of the newest block only what was handed out.
    const std::byte* const end = m_at != nullptr ? m_at : reinterpret_cast<std::byte*>(block) + size;
    wipe({reinterpret_cast<Byte*>(block), static_cast<std::size_t>(end - reinterpret_cast<std::byte*>(block))});
    m_at = nullptr;
    if (size == kUsualBlock)
      t_spare.give(block);
    else
      ::operator delete(block, size);
  }
}

void WipedArena::grow(std::size_t bytes) {
  const std::size_t size = std::max({bytes + sizeof(Block), m_next_size, kUsualBlock});
  auto* block = static_cast<Block*>(size == kUsualBlock ? t_spare.take() : ::operator new(size));
  *block = {m_blocks, size};
  m_blocks = block;
  m_at = reinterpret_cast<std::byte*>(block + 1);
  m_end = reinterpret_cast<std::byte*>(block) + size;
  m_next_size = std::min(m_next_size * 2, kLargestStep);
}

void* WipedArena::do_allocate(std::size_t bytes, std::size_t align) {
  void* at = m_at;
  auto space = static_cast<std::size_t>(m_end - m_at);
  if (std::align(align, bytes, at, space) == nullptr) {
    grow(bytes + align);
    at = m_at;
    space = static_cast<std::size_t>(m_end - m_at);
    if (std::align(align, bytes, at, space) == nullptr) throw std::bad_alloc();
  }
  m_at = static_cast<std::byte*>(at) + bytes;
  return at;
}

ByteSpan WipedBuffer::resize(std::size_t size) {
  if (size > m_bytes.size()) {
    wipe(m_bytes);
    RawBytes larger(size);
    m_bytes.swap(larger);
  }
  m_size = size;
  return ByteSpan(m_bytes).first(size);
}

void WipedBuffer::append(ByteView more) {
  if (m_size + more.size() > m_bytes.size()) {
    RawBytes larger(std::max(m_size + more.size(), m_bytes.size() * 2));
    if (m_size > 0) std::memcpy(larger.data(), m_bytes.data(), m_size);
    wipe(m_bytes);
    m_bytes.swap(larger);
  }
  if (!more.empty()) std::memcpy(m_bytes.data() + m_size, more.data(), more.size());
  m_size += more.size();
}

SecretBytes to_secret(const boost::json::value& value) {
  boost::json::serializer serializer;
  serializer.reset(&value);
  std::array<char, 4096> part{};
  WipedBuffer text;
  while (!serializer.done()) text.append(as_bytes(serializer.read(part.data(), part.size())));
  wipe({reinterpret_cast<Byte*>(part.data()), part.size()});
  return SecretBytes(text.view());
}

Result<boost::json::object> object_from_secret(ByteView bytes, boost::json::storage_ptr memory) {
  boost::json::parse_options options;
  options.max_depth = kDepth;
  options.allow_invalid_utf8 = true;  // form bodies bring what they bring; it comes back as it was
  std::array<unsigned char, 4096> work{};
  boost::system::error_code failed;
  boost::json::value value(memory);
  {
    boost::json::parser parser(wiped_memory(), options, work.data(), work.size());
    parser.reset(memory);
    parser.write(as_text(bytes).data(), bytes.size(), failed);
    if (!failed) value = parser.release();
  }
  wipe(work);
  if (failed || !value.is_object()) return fail(ErrorCode::Internal, "a stored value is not the JSON object it was written as");
  return std::move(value.as_object());
}

}  // namespace postern::vault
