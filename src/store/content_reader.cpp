#include "store/content_reader.hpp"

#include <algorithm>

namespace postern {
namespace {

Status read_sealed(const StoredContent& content, std::uint64_t offset, ByteSpan out) {
  if (content.file) return content.file->read_part(content.place, offset, out);
  if (offset > content.sealed.size() || out.size() > content.sealed.size() - offset)
    return fail(ErrorCode::IntegrityFailed, "the stored content has a wrong size");
  std::copy_n(content.sealed.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
  return {};
}

}  // namespace

Result<ContentReader> ContentReader::open(Keeper& keeper, StoredContent content) {
  const std::uint64_t length = content.file ? content.place.length : content.sealed.size();
  if (length != stream_sealed_size(content.size)) return fail(ErrorCode::IntegrityFailed, "the stored content has a wrong size");
  if (content.file) POSTERN_CHECK(content.file->check(content.place, content.message));
  const std::string aad = content_aad(content.message);
  POSTERN_TRY(const SecretBytes key, open_content_key(keeper, content.message, content.wrapped_key));
  Bytes header(kStreamHeader);
  POSTERN_CHECK(read_sealed(content, 0, header));
  POSTERN_TRY(StreamAccess access, StreamAccess::create(key.view(), as_bytes(aad), header, content.size));
  return ContentReader(std::move(content), std::move(access));
}

Status ContentReader::seek(std::uint64_t position) {
  if (position > m_content.size) return fail(ErrorCode::BadInput, "a position behind the end of the content", "position");
  m_position = position;
  return {};
}

Status ContentReader::load(std::uint64_t chunk) {
  if (m_loaded == chunk) return {};
  m_loaded.reset();
  const StreamAccess::Place place = m_access.place(chunk);
  m_sealed.resize(place.length);
  POSTERN_CHECK(read_sealed(m_content, place.offset, m_sealed));
  auto opened = m_access.open(chunk, m_sealed, m_plain);
  if (!opened) return fail(ErrorCode::IntegrityFailed, "the stored content cannot be opened: " + opened.error().what);
  m_loaded = chunk;
  return {};
}

Result<ByteView> ContentReader::next() {
  if (m_position == m_content.size) return ByteView();
  POSTERN_CHECK(load(m_position / kStreamChunk));
  const ByteView rest = ByteView(m_plain).subspan(static_cast<std::size_t>(m_position % kStreamChunk));
  m_position += rest.size();
  return rest;
}

Result<std::size_t> ContentReader::read(ByteSpan out) {
  std::size_t done = 0;
  while (done < out.size()) {
    POSTERN_TRY(const ByteView piece, next());
    if (piece.empty()) break;
    const std::size_t taken = std::min(piece.size(), out.size() - done);
    std::copy_n(piece.begin(), taken, out.begin() + static_cast<std::ptrdiff_t>(done));
    done += taken;
    m_position -= piece.size() - taken;
  }
  return done;
}

}  // namespace postern
