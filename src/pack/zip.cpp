#include "pack/zip.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <optional>

namespace postern {
namespace {

// The names of APPNOTE 4.3; all numbers are little-endian.
constexpr std::uint32_t kLocalHeader = 0x04034b50, kCentralHeader = 0x02014b50, kEndOfCentral = 0x06054b50;
constexpr std::size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22;
constexpr std::size_t kLongestComment = 0xffff;
constexpr unsigned kStored = 0, kDeflated = 8;
constexpr std::size_t kMostEntries = 100;  // folders included
constexpr std::size_t kPiece = 64UL * 1024;

Error bad(const char* what) { return {ErrorCode::BadInput, what, "zip"}; }
Error too_large(std::size_t limit) { return {ErrorCode::TooLarge, "unpacks to more than " + std::to_string(limit) + " bytes", "zip"}; }

std::uint32_t number(ByteView bytes, std::size_t at, std::size_t octets) {
  std::uint32_t out = 0;
  for (std::size_t i = octets; i > 0; --i) out = out << 8 | bytes[at + i - 1];
  return out;
}

/// 4.3.12, as far as it is needed.
struct Entry {
  std::uint32_t flags = 0, method = 0, checksum = 0, packed = 0, unpacked = 0, offset = 0;
  bool folder = false;
};

/// 4.3.16: the last record, behind which there is only its own comment.
std::optional<std::size_t> find_end(ByteView bytes) {
  if (bytes.size() < kEndSize) return std::nullopt;
  const std::size_t last = bytes.size() - kEndSize;
  const std::size_t first = last > kLongestComment ? last - kLongestComment : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    if (number(bytes, at, 4) == kEndOfCentral && at + kEndSize + number(bytes, at + 20, 2) == bytes.size()) return at;
  }
  return std::nullopt;
}

/// One entry of the directory; `at` goes on to the next.
Result<Entry> read_entry(ByteView bytes, std::size_t& at) {
  if (bytes.size() < kCentralSize || at > bytes.size() - kCentralSize || number(bytes, at, 4) != kCentralHeader)
    return fail(bad("has a directory that is damaged"));
  Entry out{.flags = number(bytes, at + 8, 2),
            .method = number(bytes, at + 10, 2),
            .checksum = number(bytes, at + 16, 4),
            .packed = number(bytes, at + 20, 4),
            .unpacked = number(bytes, at + 24, 4),
            .offset = number(bytes, at + 42, 4)};
  const std::size_t name = number(bytes, at + 28, 2), behind = number(bytes, at + 30, 2) + number(bytes, at + 32, 2);
  if (kCentralSize + name + behind > bytes.size() - at) return fail(bad("has a directory that is damaged"));
  out.folder = name > 0 && bytes[at + kCentralSize + name - 1] == '/';
  at += kCentralSize + name + behind;
  return out;
}

Result<Entry> find_member(ByteView bytes) {
  const auto end = find_end(bytes);
  if (!end) return fail(bad("is no zip archive, or is cut off"));
  const std::size_t entries = number(bytes, *end + 10, 2);
  if (entries > kMostEntries) return fail(bad("has more than one file: send a report alone"));
  std::size_t at = number(bytes, *end + 16, 4);
  if (at == 0xffffffff || entries == 0xffff) return fail(ErrorCode::Unsupported, "is ZIP64: send a plain zip or gzip", "zip");
  std::optional<Entry> out;
  for (std::size_t i = 0; i < entries; ++i) {
    POSTERN_TRY(const Entry entry, read_entry(bytes.first(*end), at));
    if (entry.folder) continue;
    if (out) return fail(bad("has more than one file: send a report alone"));
    out = entry;
  }
  if (!out) return fail(bad("has no file in it"));
  return *out;
}

/// Behind the local header, whose own sizes may be zero (4.4.4, bit 3).
Result<ByteView> packed_bytes(ByteView bytes, const Entry& entry) {
  if (bytes.size() < kLocalSize || entry.offset > bytes.size() - kLocalSize || number(bytes, entry.offset, 4) != kLocalHeader)
    return fail(bad("has no file where its directory says"));
  const std::size_t begin = entry.offset + kLocalSize + number(bytes, entry.offset + 26, 2) + number(bytes, entry.offset + 28, 2);
  if (begin > bytes.size() || entry.packed > bytes.size() - begin) return fail(bad("is cut off"));
  return bytes.subspan(begin, entry.packed);
}

class RawInflater {
 public:
  RawInflater() {
    if (::inflateInit2(&m_stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~RawInflater() { ::inflateEnd(&m_stream); }
  RawInflater(const RawInflater&) = delete;
  RawInflater& operator=(const RawInflater&) = delete;

  Result<std::string> run(ByteView in, std::size_t limit) {
    std::string out;
    m_stream.next_in = const_cast<Byte*>(in.data());
    m_stream.avail_in = static_cast<uInt>(in.size());
    for (int state = Z_OK; state != Z_STREAM_END;) {
      m_stream.next_out = m_piece.data();
      m_stream.avail_out = static_cast<uInt>(m_piece.size());
      state = ::inflate(&m_stream, Z_NO_FLUSH);
      if (state == Z_MEM_ERROR) throw std::bad_alloc();
      if (state == Z_BUF_ERROR) return fail(bad("is cut off"));
      if (state != Z_OK && state != Z_STREAM_END) return fail(bad("was damaged"));
      const std::size_t made = m_piece.size() - m_stream.avail_out;
      if (made > limit - out.size()) return fail(too_large(limit));
      out.append(reinterpret_cast<const char*>(m_piece.data()), made);
    }
    if (m_stream.avail_in != 0) return fail(bad("has something behind the end of its file"));
    return out;
  }

 private:
  z_stream m_stream{};
  std::array<Byte, kPiece> m_piece{};
};

Result<std::string> unpack(const Entry& entry, ByteView packed, std::size_t limit) {
  if ((entry.flags & 1) != 0) return fail(ErrorCode::Unsupported, "is encrypted: send it without a password", "zip");
  if (entry.method == kDeflated) return std::make_unique<RawInflater>()->run(packed, limit);
  if (entry.method != kStored) return fail(ErrorCode::Unsupported, "is packed by a method other than deflate", "zip");
  if (packed.size() > limit) return fail(too_large(limit));
  return std::string(as_text(packed));
}

}  // namespace

bool is_zip(ByteView bytes) noexcept { return bytes.size() >= 4 && number(bytes, 0, 4) == kLocalHeader; }

Result<std::string> unzip_one(ByteView bytes, std::size_t limit) {
  if (bytes.size() > UINT32_MAX) return fail(ErrorCode::TooLarge, "is larger than 4 GiB", "zip");
  POSTERN_TRY(const Entry entry, find_member(bytes));
  POSTERN_TRY(const ByteView packed, packed_bytes(bytes, entry));
  POSTERN_TRY(std::string out, unpack(entry, packed, limit));
  const auto checksum = ::crc32_z(0, reinterpret_cast<const Bytef*>(out.data()), out.size());
  if (out.size() != entry.unpacked || checksum != entry.checksum) return fail(bad("has a wrong size or checksum: it was damaged"));
  return out;
}

}  // namespace postern
