// Buffers of the channel: ordinary vectors whose memory is overwritten before it is given back, also when they grow.
//
// Not locked against swapping: what passes here is in flight for microseconds, and the keeper's process locks all of its memory anyway.
#pragma once

#include "base/secret.hpp"

namespace postern::custody {

template <class T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <class U>
  WipingAllocator(const WipingAllocator<U>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, std::size_t count) noexcept {
    wipe(ByteSpan(reinterpret_cast<Byte*>(memory), count * sizeof(T)));
    std::allocator<T>().deallocate(memory, count);
  }
  /// resize() does not write zeros first: what is made larger is filled in the next step.
  template <class U>
  void construct(U* place) noexcept {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Values>
  void construct(U* place, Values&&... values) {
    ::new (static_cast<void*>(place)) U(std::forward<Values>(values)...);
  }
  friend bool operator==(const WipingAllocator&, const WipingAllocator&) noexcept { return true; }
};

using WipedBytes = std::vector<Byte, WipingAllocator<Byte>>;

}  // namespace postern::custody
