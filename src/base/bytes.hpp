// Bytes, views of bytes, and the two text encodings everything needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace postern {

using Byte = std::uint8_t;
using Bytes = std::vector<Byte>;
using ByteView = std::span<const Byte>;
using ByteSpan = std::span<Byte>;

/// Leaves what it is not told to fill as it is.
template <class T>
struct UnfilledAllocator : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = UnfilledAllocator<U>;
  };
  UnfilledAllocator() = default;
  template <class U>
  UnfilledAllocator(const UnfilledAllocator<U>&) noexcept {}
  template <class U>
  void construct(U* place) noexcept {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Values>
  void construct(U* place, Values&&... values) {
    ::new (static_cast<void*>(place)) U(std::forward<Values>(values)...);
  }
};
/// Bytes whose resize() and RawBytes(n) do not write zeros first: for large buffers that are filled whole in the next step (ciphertext,
/// reads from a file). Use Bytes for everything else.
using RawBytes = std::vector<Byte, UnfilledAllocator<Byte>>;

/// The same memory seen as bytes or as text; the view borrows.
[[nodiscard]] inline ByteView as_bytes(std::string_view text) noexcept { return {reinterpret_cast<const Byte*>(text.data()), text.size()}; }
[[nodiscard]] inline std::string_view as_text(ByteView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline Bytes to_bytes(std::string_view text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

inline void append(Bytes& out, ByteView more) { out.insert(out.end(), more.begin(), more.end()); }

/// Lower-case hexadecimal.
[[nodiscard]] std::string hex_encode(ByteView bytes);
/// Either case; an odd length or another character is BadInput.
[[nodiscard]] Result<Bytes> hex_decode(std::string_view text);

/// RFC 4648 4: standard alphabet with padding, no line breaks.
[[nodiscard]] std::string base64_encode(ByteView bytes);
/// RFC 4648 5: URL-safe alphabet without padding.
[[nodiscard]] std::string base64url_encode(ByteView bytes);
/// RFC 4648 4. Padding is required; white space is refused unless `Whitespace::Skip` (MIME bodies, DKIM tags).
enum class Whitespace { Refuse, Skip };
[[nodiscard]] Result<Bytes> base64_decode(std::string_view text, Whitespace whitespace = Whitespace::Refuse);
/// RFC 4648 5, without padding.
[[nodiscard]] Result<Bytes> base64url_decode(std::string_view text);

/// Compares in a time that depends only on the lengths.
[[nodiscard]] bool constant_time_equal(ByteView a, ByteView b) noexcept;

}  // namespace postern
