#include "pack/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>

namespace postern {
namespace {

constexpr int kGzip = 15 + 16;  // the largest window, with RFC 1952 around it
constexpr std::size_t kPiece = 64UL * 1024;

Error bad(const char* what) { return {ErrorCode::BadInput, what, "gzip"}; }

class Inflater {
 public:
  Inflater() {
    if (::inflateInit2(&m_stream, kGzip) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { ::inflateEnd(&m_stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// One member from the front of `in`; what it left is the new `in`.
  Status member(ByteView& in, std::string& out, std::size_t limit) {
    ::inflateReset(&m_stream);
    m_stream.next_in = const_cast<Byte*>(in.data());
    m_stream.avail_in = static_cast<uInt>(std::min<std::size_t>(in.size(), UINT32_MAX));
    int state = Z_OK;
    while (state != Z_STREAM_END) {
      m_stream.next_out = m_piece.data();
      m_stream.avail_out = static_cast<uInt>(m_piece.size());
      state = ::inflate(&m_stream, Z_NO_FLUSH);
      if (state == Z_MEM_ERROR) throw std::bad_alloc();
      if (state == Z_BUF_ERROR) return fail(bad("is cut off"));
      if (state != Z_OK && state != Z_STREAM_END) return fail(bad("is no gzip, or was damaged"));
      const std::size_t made = m_piece.size() - m_stream.avail_out;
      if (made > limit - out.size()) return fail(ErrorCode::TooLarge, "unpacks to more than " + std::to_string(limit) + " bytes", "gzip");
      out.append(reinterpret_cast<const char*>(m_piece.data()), made);
    }
    in = in.subspan(in.size() - m_stream.avail_in);
    return {};
  }

 private:
  z_stream m_stream{};
  std::array<Byte, kPiece> m_piece{};
};

}  // namespace

bool is_gzip(ByteView bytes) noexcept { return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b; }

Result<std::string> gunzip(ByteView bytes, std::size_t limit) {
  if (bytes.size() > UINT32_MAX) return fail(ErrorCode::TooLarge, "is larger than 4 GiB", "gzip");
  std::string out;
  const auto inflater = std::make_unique<Inflater>();
  do {
    if (!is_gzip(bytes)) return fail(bad(out.empty() ? "is no gzip" : "has something behind its end"));
    POSTERN_CHECK(inflater->member(bytes, out, limit));
  } while (!bytes.empty());
  return out;
}

Bytes gzip(std::string_view text) {
  z_stream stream{};
  if (::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  Bytes out(::deflateBound(&stream, static_cast<uLong>(text.size())));
  stream.next_in = reinterpret_cast<Byte*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const int state = ::deflate(&stream, Z_FINISH);  // the bound is enough for one call
  out.resize(out.size() - stream.avail_out);
  ::deflateEnd(&stream);
  if (state != Z_STREAM_END) throw std::bad_alloc();
  return out;
}

}  // namespace postern
