// Encryption of message content of any size in chunks, so that it can be written and read in pieces: the STREAM construction
// (Hoang, Reyhanitabar, Rogaway, Vizar 2015) over AES-256-GCM.
//
//   sealed := header chunk+
//   header := format (1 byte, 0x01) prefix (7 random bytes)
//   chunk  := AES-256-GCM(key, nonce = prefix || counter (4 bytes, big-endian, from 0) || last (1 byte, 0 or 1),
//                         aad = header || caller's aad, plaintext) ciphertext || 16-byte tag
//
// Every chunk but the last carries exactly kStreamChunk bytes; the last carries 1 to kStreamChunk, or 0 when the whole text is empty.
// Changed, swapped, dropped, repeated or appended chunks fail (IntegrityFailed), and so does an end that comes too early.
// Overhead: 8 bytes and 16 for each begun 64 KiB.
//
// Use a fresh data key for each stream. (The 56-bit random prefix makes an accidental second use harmless, not a habit.)
#pragma once

#include <cstdint>
#include <memory>

#include "crypto/aead.hpp"

namespace postern {

inline constexpr std::size_t kStreamChunk = 64 * 1024;
inline constexpr std::size_t kStreamHeader = 8;
inline constexpr std::size_t kStreamKey = 32;

/// The size of the sealed form of `plaintext_size` bytes.
[[nodiscard]] std::uint64_t stream_sealed_size(std::uint64_t plaintext_size) noexcept;

/// Whole buffers. The key must be kStreamKey bytes.
[[nodiscard]] Result<RawBytes> stream_seal(ByteView key, ByteView aad, ByteView plaintext);
[[nodiscard]] Result<Bytes> stream_open(ByteView key, ByteView aad, ByteView sealed);

/// In pieces. Appends to `out`; keeps at most one chunk of plaintext (wiped when destroyed). After an error the object is spent.
class StreamSealer {
 public:
  [[nodiscard]] static Result<StreamSealer> create(ByteView key, ByteView aad);
  [[nodiscard]] Status update(ByteView plaintext, Bytes& out);
  /// The plaintext that was taken and is in no chunk yet: at most kStreamChunk bytes. Until the next call.
  [[nodiscard]] ByteView held() const noexcept;
  /// Ends the stream; without it the sealed form is a truncated one.
  [[nodiscard]] Status finish(Bytes& out);
  StreamSealer(StreamSealer&&) noexcept;
  StreamSealer& operator=(StreamSealer&&) noexcept;
  ~StreamSealer();

 private:
  struct State;
  explicit StreamSealer(std::unique_ptr<State> state);
  std::unique_ptr<State> m_state;
};

/// In pieces. What update() appends is authentic text from the beginning of the stream, but only finish() proves that nothing is
/// missing at its end: do not act on the text before finish() said yes.
class StreamOpener {
 public:
  [[nodiscard]] static Result<StreamOpener> create(ByteView key, ByteView aad);
  [[nodiscard]] Status update(ByteView sealed, Bytes& out);
  [[nodiscard]] Status finish(Bytes& out);
  StreamOpener(StreamOpener&&) noexcept;
  StreamOpener& operator=(StreamOpener&&) noexcept;
  ~StreamOpener();

 private:
  struct State;
  explicit StreamOpener(std::unique_ptr<State> state);
  std::unique_ptr<State> m_state;
};

/// Any chunk of a stream whose plaintext size is known from a trusted place, in any order. Each chunk that opens is authentic and stands
/// where it was written; the last one opens only as the last.
class StreamAccess {
 public:
  /// `header`: the first kStreamHeader bytes of the sealed form.
  [[nodiscard]] static Result<StreamAccess> create(ByteView key, ByteView aad, ByteView header, std::uint64_t plaintext_size);
  [[nodiscard]] std::uint64_t chunks() const noexcept;
  /// Where chunk `index` lies in the sealed form, and how long it is there.
  struct Place {
    std::uint64_t offset = 0;
    std::size_t length = 0;
  };
  [[nodiscard]] Place place(std::uint64_t index) const noexcept;
  /// Replaces `out` by the plaintext of the chunk. IntegrityFailed: `out` is empty.
  [[nodiscard]] Status open(std::uint64_t index, ByteView sealed, Bytes& out);
  StreamAccess(StreamAccess&&) noexcept;
  StreamAccess& operator=(StreamAccess&&) noexcept;
  ~StreamAccess();

 private:
  struct State;
  explicit StreamAccess(std::unique_ptr<State> state);
  std::unique_ptr<State> m_state;
};

}  // namespace postern
