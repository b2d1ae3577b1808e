// One checked cursor for reading binary formats and one for writing them, so that parsers read like the format's table.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"

namespace postern {

/// Reads forward over borrowed bytes. Every read is checked; a failed read consumes nothing. Integers are big-endian.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) noexcept : m_rest(bytes) {}

  [[nodiscard]] std::size_t remaining() const noexcept { return m_rest.size(); }
  [[nodiscard]] bool at_end() const noexcept { return m_rest.empty(); }
  [[nodiscard]] ByteView remainder() const noexcept { return m_rest; }

  [[nodiscard]] Result<std::uint64_t> read_uint(std::size_t width, std::string_view field) {
    POSTERN_TRY(const ByteView raw, read_bytes(width, field));
    std::uint64_t value = 0;
    for (const Byte b : raw) value = value << 8 | b;
    return value;
  }
  [[nodiscard]] Result<std::uint8_t> read_u8(std::string_view field) { return narrow<std::uint8_t>(1, field); }
  [[nodiscard]] Result<std::uint16_t> read_u16(std::string_view field) { return narrow<std::uint16_t>(2, field); }
  [[nodiscard]] Result<std::uint32_t> read_u32(std::string_view field) { return narrow<std::uint32_t>(4, field); }
  [[nodiscard]] Result<std::uint64_t> read_u64(std::string_view field) { return read_uint(8, field); }
  [[nodiscard]] Result<ByteView> read_bytes(std::size_t count, std::string_view field) {
    if (m_rest.size() < count) return fail(ErrorCode::BadInput, "ends too early", std::string(field));
    const ByteView taken = m_rest.first(count);
    m_rest = m_rest.subspan(count);
    return taken;
  }
  /// A 32-bit length, then that many bytes.
  [[nodiscard]] Result<ByteView> read_block(std::string_view field) {
    const ByteView before = m_rest;
    POSTERN_TRY(const std::uint32_t size, read_u32(field));
    auto block = read_bytes(size, field);
    if (!block) m_rest = before;
    return block;
  }

 private:
  template <class T>
  Result<T> narrow(std::size_t width, std::string_view field) {
    POSTERN_TRY(const std::uint64_t value, read_uint(width, field));
    return static_cast<T>(value);
  }
  ByteView m_rest;
};

/// The inverse: appends to a buffer it owns.
class ByteWriter {
 public:
  ByteWriter& write_uint(std::uint64_t value, std::size_t width) {
    for (std::size_t i = width; i-- > 0;) m_out.push_back(static_cast<Byte>(value >> (8 * i)));
    return *this;
  }
  ByteWriter& write_u8(std::uint8_t v) { return write_uint(v, 1); }
  ByteWriter& write_u16(std::uint16_t v) { return write_uint(v, 2); }
  ByteWriter& write_u32(std::uint32_t v) { return write_uint(v, 4); }
  ByteWriter& write_u64(std::uint64_t v) { return write_uint(v, 8); }
  ByteWriter& write_bytes(ByteView bytes) {
    append(m_out, bytes);
    return *this;
  }
  /// A 32-bit length, then the bytes; the caller keeps blocks under 4 GiB.
  ByteWriter& write_block(ByteView bytes) { return write_u32(static_cast<std::uint32_t>(bytes.size())).write_bytes(bytes); }
  ByteWriter& write_block(std::string_view text) { return write_block(as_bytes(text)); }

  [[nodiscard]] const Bytes& bytes() const noexcept { return m_out; }
  [[nodiscard]] Bytes take() && { return std::move(m_out); }

 private:
  Bytes m_out;
};

}  // namespace postern
