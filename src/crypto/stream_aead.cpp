#include "crypto/stream_aead.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "crypto/keyed_cipher.hpp"
#include "crypto/random.hpp"

namespace postern {
namespace {

using detail::CipherDirection;
using detail::KeyedCipher;

constexpr Byte kFormat = 0x01;
constexpr std::size_t kSealedChunk = kStreamChunk + kAeadTag;
constexpr std::uint64_t kMaxChunks = 1ULL << 32;

using Nonce = std::array<Byte, kAeadNonce>;
using Header = std::array<Byte, kStreamHeader>;

// The last five bytes of a nonce: the number of the chunk, and whether it is the last.
void set_place(Nonce& nonce, std::uint64_t number, bool last) {
  for (int i = 0; i < 4; ++i) nonce[7 + i] = static_cast<Byte>(number >> (24 - 8 * i));
  nonce[11] = last ? 1 : 0;
}

Nonce nonce_of(const Header& header, std::uint64_t number, bool last) {
  Nonce nonce{};
  std::copy(header.begin() + 1, header.end(), nonce.begin());
  set_place(nonce, number, last);
  return nonce;
}

// One direction-neutral view of a stream: which nonce and which associated data its next chunk has.
class Chain {
 public:
  Chain(KeyedCipher cipher, const Header& header, ByteView aad) : m_cipher(std::move(cipher)), m_nonce(nonce_of(header, 0, false)) {
    m_aad.reserve(header.size() + aad.size());
    append(m_aad, header);
    append(m_aad, aad);
  }
  Status seal(ByteView plaintext, bool last, ByteSpan out) {
    POSTERN_CHECK(step(last));
    return m_cipher.seal(m_nonce, m_aad, plaintext, out);
  }
  Status open(ByteView sealed, bool last, ByteSpan out) {
    POSTERN_CHECK(step(last));
    return m_cipher.open(m_nonce, m_aad, sealed, out);
  }
  [[nodiscard]] std::uint64_t chunks() const noexcept { return m_next; }
  void go_to(std::uint64_t chunk) noexcept { m_next = chunk; }

 private:
  Status step(bool last) {
    if (m_next == kMaxChunks) return fail(ErrorCode::TooLarge, "more than 256 TiB in one stream");
    set_place(m_nonce, m_next++, last);
    return {};
  }
  KeyedCipher m_cipher;
  Bytes m_aad;
  Nonce m_nonce;
  std::uint64_t m_next = 0;
};

Result<KeyedCipher> stream_cipher(CipherDirection direction, ByteView key, const Nonce& first = {}) {
  if (key.size() != aead_key_size(AeadAlgorithm::Aes256Gcm))
    return fail(ErrorCode::BadInput, "the key has the wrong size for this cipher", "key");
  return KeyedCipher(AeadAlgorithm::Aes256Gcm, direction, key, first);
}

Header new_header() {
  Header header{};
  header[0] = kFormat;
  fill_nonce(ByteSpan(header).subspan(1));
  return header;
}

Result<Header> read_header(ByteView bytes) {
  if (bytes.size() < kStreamHeader) return fail(ErrorCode::IntegrityFailed, "the encrypted stream ends inside its header");
  if (bytes[0] != kFormat) return fail(ErrorCode::Unsupported, "the encrypted stream has a format of a later version, or is none");
  Header header{};
  std::copy_n(bytes.begin(), kStreamHeader, header.begin());
  return header;
}

// Grows `out` by `count` bytes and answers them.
ByteSpan grow(Bytes& out, std::size_t count) {
  out.resize(out.size() + count);
  return ByteSpan(out).last(count);
}

Status seal_chunk(Chain& chain, ByteView plaintext, bool last, Bytes& out) {
  return chain.seal(plaintext, last, grow(out, plaintext.size() + kAeadTag));
}

Status open_chunk(Chain& chain, ByteView sealed, bool last, Bytes& out) {
  if (sealed.size() < kAeadTag) return fail(ErrorCode::IntegrityFailed, "the encrypted stream ends too early");
  const std::size_t size = sealed.size() - kAeadTag;
  // One text has one form: an empty chunk stands only where the whole text is empty.
  if (size == 0 && chain.chunks() != 0) return fail(ErrorCode::IntegrityFailed, "the encrypted stream ends in an empty chunk");
  auto opened = chain.open(sealed, last, grow(out, size));
  if (!opened) out.resize(out.size() - size);
  return opened;
}

}  // namespace

std::uint64_t stream_sealed_size(std::uint64_t plaintext_size) noexcept {
  const std::uint64_t chunks = plaintext_size == 0 ? 1 : (plaintext_size + kStreamChunk - 1) / kStreamChunk;
  return kStreamHeader + plaintext_size + chunks * kAeadTag;
}

Result<RawBytes> stream_seal(ByteView key, ByteView aad, ByteView plaintext) {
  const Header header = new_header();
  POSTERN_TRY(KeyedCipher cipher, stream_cipher(CipherDirection::Seal, key, nonce_of(header, 0, plaintext.size() <= kStreamChunk)));
  Chain chain(std::move(cipher), header, aad);
  RawBytes out(stream_sealed_size(plaintext.size()));
  std::ranges::copy(header, out.begin());
  ByteSpan rest = ByteSpan(out).subspan(header.size());
  do {
    const std::size_t size = std::min(plaintext.size(), kStreamChunk);
    POSTERN_CHECK(chain.seal(plaintext.first(size), size == plaintext.size(), rest.first(size + kAeadTag)));
    plaintext = plaintext.subspan(size);
    rest = rest.subspan(size + kAeadTag);
  } while (!plaintext.empty());
  return out;
}

Result<Bytes> stream_open(ByteView key, ByteView aad, ByteView sealed) {
  POSTERN_TRY(const Header header, read_header(sealed));
  sealed = sealed.subspan(kStreamHeader);
  POSTERN_TRY(KeyedCipher cipher, stream_cipher(CipherDirection::Open, key, nonce_of(header, 0, sealed.size() <= kSealedChunk)));
  Chain chain(std::move(cipher), header, aad);
  Bytes out;
  out.reserve(sealed.size());
  do {
    const std::size_t size = std::min(sealed.size(), kSealedChunk);
    POSTERN_CHECK(open_chunk(chain, sealed.first(size), size == sealed.size(), out));
    sealed = sealed.subspan(size);
  } while (!sealed.empty());
  return out;
}

struct StreamSealer::State {
  Chain chain;
  Header header;
  bool header_written = false;
  bool spent = false;
  Bytes held;  // plaintext that may be the last chunk
  ~State() { wipe(held); }
};

StreamSealer::StreamSealer(std::unique_ptr<State> state) : m_state(std::move(state)) {}
StreamSealer::StreamSealer(StreamSealer&&) noexcept = default;
StreamSealer& StreamSealer::operator=(StreamSealer&&) noexcept = default;
StreamSealer::~StreamSealer() = default;

Result<StreamSealer> StreamSealer::create(ByteView key, ByteView aad) {
  POSTERN_TRY(KeyedCipher cipher, stream_cipher(CipherDirection::Seal, key));
  const Header header = new_header();
  std::unique_ptr<State> state(new State{Chain(std::move(cipher), header, aad), header, false, false, {}});
  state->held.reserve(kStreamChunk);
  return StreamSealer(std::move(state));
}

Status StreamSealer::update(ByteView plaintext, Bytes& out) {
  State& s = *m_state;
  if (s.spent) return fail(ErrorCode::Internal, "the stream was ended already");
  if (!std::exchange(s.header_written, true)) append(out, s.header);
  while (!plaintext.empty()) {
    if (s.held.size() == kStreamChunk) {  // more follows, so this is not the last one
      POSTERN_CHECK(seal_chunk(s.chain, s.held, false, out));
      s.held.clear();
    }
    const std::size_t size = std::min(plaintext.size(), kStreamChunk - s.held.size());
    append(s.held, plaintext.first(size));
    plaintext = plaintext.subspan(size);
  }
  return {};
}

ByteView StreamSealer::held() const noexcept { return m_state->held; }

Status StreamSealer::finish(Bytes& out) {
  POSTERN_CHECK(update({}, out));
  m_state->spent = true;
  return seal_chunk(m_state->chain, m_state->held, true, out);
}

struct StreamOpener::State {
  KeyedCipher cipher;  // until the header is there
  Bytes aad;
  std::optional<Chain> chain;
  bool spent = false;
  Bytes held;  // sealed bytes that may be the last chunk, or part of the header
};

StreamOpener::StreamOpener(std::unique_ptr<State> state) : m_state(std::move(state)) {}
StreamOpener::StreamOpener(StreamOpener&&) noexcept = default;
StreamOpener& StreamOpener::operator=(StreamOpener&&) noexcept = default;
StreamOpener::~StreamOpener() = default;

Result<StreamOpener> StreamOpener::create(ByteView key, ByteView aad) {
  POSTERN_TRY(KeyedCipher cipher, stream_cipher(CipherDirection::Open, key));
  return StreamOpener(std::unique_ptr<State>(new State{std::move(cipher), Bytes(aad.begin(), aad.end()), std::nullopt, false, {}}));
}

Status StreamOpener::update(ByteView sealed, Bytes& out) {
  State& s = *m_state;
  if (s.spent) return fail(ErrorCode::IntegrityFailed, "the encrypted stream was ended or refused before");
  s.spent = true;  // until this call succeeded
  while (!sealed.empty()) {
    const std::size_t want = s.chain ? kSealedChunk : kStreamHeader;
    if (s.held.size() == want) {
      POSTERN_CHECK(open_chunk(*s.chain, s.held, false, out));
      s.held.clear();
    }
    const std::size_t size = std::min(sealed.size(), want - s.held.size());
    append(s.held, sealed.first(size));
    sealed = sealed.subspan(size);
    if (!s.chain && s.held.size() == kStreamHeader) {
      POSTERN_TRY(const Header header, read_header(s.held));
      s.chain.emplace(std::move(s.cipher), header, s.aad);
      s.held.clear();
    }
  }
  s.spent = false;
  return {};
}

Status StreamOpener::finish(Bytes& out) {
  State& s = *m_state;
  if (s.spent) return fail(ErrorCode::IntegrityFailed, "the encrypted stream was ended or refused before");
  s.spent = true;
  if (!s.chain) return fail(ErrorCode::IntegrityFailed, "the encrypted stream ends inside its header");
  return open_chunk(*s.chain, s.held, true, out);
}

struct StreamAccess::State {
  Chain chain;
  std::uint64_t size;
};

StreamAccess::StreamAccess(std::unique_ptr<State> state) : m_state(std::move(state)) {}
StreamAccess::StreamAccess(StreamAccess&&) noexcept = default;
StreamAccess& StreamAccess::operator=(StreamAccess&&) noexcept = default;
StreamAccess::~StreamAccess() = default;

Result<StreamAccess> StreamAccess::create(ByteView key, ByteView aad, ByteView header, std::uint64_t plaintext_size) {
  POSTERN_TRY(const Header read, read_header(header));
  POSTERN_TRY(KeyedCipher cipher, stream_cipher(CipherDirection::Open, key));
  return StreamAccess(std::unique_ptr<State>(new State{Chain(std::move(cipher), read, aad), plaintext_size}));
}

std::uint64_t StreamAccess::chunks() const noexcept { return m_state->size == 0 ? 1 : (m_state->size + kStreamChunk - 1) / kStreamChunk; }

StreamAccess::Place StreamAccess::place(std::uint64_t index) const noexcept {
  const std::uint64_t before = index * kStreamChunk;
  const auto plain = static_cast<std::size_t>(std::min<std::uint64_t>(kStreamChunk, m_state->size - before));
  return {kStreamHeader + index * kSealedChunk, plain + kAeadTag};
}

Status StreamAccess::open(std::uint64_t index, ByteView sealed, Bytes& out) {
  out.clear();
  if (index >= chunks()) return fail(ErrorCode::BadInput, "the stream has no chunk of that number", "index");
  m_state->chain.go_to(index);
  return open_chunk(m_state->chain, sealed, index + 1 == chunks(), out);
}

}  // namespace postern
