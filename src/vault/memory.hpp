// Memory for the JSON of secrets: of an answer while it lives, and on its way to and from storage.
#pragma once

#include <boost/json.hpp>
#include <cstddef>

#include "base/secret.hpp"

namespace postern::vault {

/// Hands memory out in order and takes nothing back; all of it is wiped and released with the last value that lies in it. Not thread safe.
class WipedArena final : public boost::json::memory_resource {
 public:
  /// `first`: the size of the first block; those behind it grow.
  explicit WipedArena(std::size_t first = 2048) noexcept : m_next_size(first) {}
  WipedArena(const WipedArena&) = delete;
  WipedArena& operator=(const WipedArena&) = delete;
  ~WipedArena() override;

 private:
  struct Block {
    Block* next;
    std::size_t size;
  };
  void* do_allocate(std::size_t bytes, std::size_t align) override;
  void do_deallocate(void* /*memory*/, std::size_t /*bytes*/, std::size_t /*align*/) override {}
  bool do_is_equal(const boost::json::memory_resource& other) const noexcept override { return this == &other; }
  void grow(std::size_t bytes);

  Block* m_blocks = nullptr;
  std::byte* m_at = nullptr;
  std::byte* m_end = nullptr;
  std::size_t m_next_size;
};

}  // namespace postern::vault

/// Values that borrow an arena are not taken apart when they go: it is wiped as a whole.
template <>
struct boost::json::is_deallocate_trivial<postern::vault::WipedArena> {
  static constexpr bool value = true;
};

namespace postern::vault {

/// A new arena, owned by the values in it. Values that are put into each other must share one, or they are copied.
[[nodiscard]] inline boost::json::storage_ptr wiped_memory() { return boost::json::make_shared_resource<WipedArena>(); }

/// As JSON text, without a copy that stays behind.
[[nodiscard]] SecretBytes to_secret(const boost::json::value& value);
/// What to_secret() made of an object, in `memory`. Internal when it is something else: the barrier vouches for the bytes, so it is our
/// bug.
[[nodiscard]] Result<boost::json::object> object_from_secret(ByteView bytes, boost::json::storage_ptr memory);

/// Bytes on their way, wiped when released; grows by doubling.
class WipedBuffer {
 public:
  WipedBuffer() = default;
  explicit WipedBuffer(std::size_t size) { (void)resize(size); }
  WipedBuffer(const WipedBuffer&) = delete;
  WipedBuffer& operator=(const WipedBuffer&) = delete;
  ~WipedBuffer() { wipe(m_bytes); }
  /// Contents do not survive; memory is kept from use to use.
  ByteSpan resize(std::size_t size);
  void append(ByteView more);
  [[nodiscard]] ByteView view() const noexcept { return ByteView(m_bytes).first(m_size); }

 private:
  RawBytes m_bytes;  ///< As long as ever was needed, so that all of it is wiped.
  std::size_t m_size = 0;
};

}  // namespace postern::vault
