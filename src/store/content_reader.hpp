// A stored content, read in pieces: at most one chunk (64 KiB) of it is in memory.
//
// Nothing is handed out that is not authentic: a chunk that does not open is IntegrityFailed, and the bytes before it were right. The
// reader keeps the data key; the file it reads from lives as long as the reader, whatever happens to the content meanwhile.
#pragma once

#include "crypto/stream_aead.hpp"
#include "store/content_store.hpp"

namespace postern {

class ContentReader {
 public:
  /// Asks the keeper for the data key. Errors: NotFound, IntegrityFailed, Unavailable.
  [[nodiscard]] static Result<ContentReader> open(Keeper& keeper, StoredContent content);

  [[nodiscard]] std::uint64_t size() const noexcept { return m_content.size; }
  [[nodiscard]] std::uint64_t position() const noexcept { return m_position; }
  /// Where the next read begins; BadInput behind the end.
  [[nodiscard]] Status seek(std::uint64_t position);
  /// The bytes from here to the end of their chunk, and the position moves behind them; empty: the end. Valid until the next call.
  [[nodiscard]] Result<ByteView> next();
  /// As many as `out` takes; fewer only at the end.
  [[nodiscard]] Result<std::size_t> read(ByteSpan out);

 private:
  ContentReader(StoredContent content, StreamAccess access) : m_content(std::move(content)), m_access(std::move(access)) {}
  [[nodiscard]] Status load(std::uint64_t chunk);

  StoredContent m_content;
  StreamAccess m_access;
  std::uint64_t m_position = 0;
  std::optional<std::uint64_t> m_loaded;  ///< The chunk in m_plain.
  Bytes m_plain, m_sealed;
};

}  // namespace postern
