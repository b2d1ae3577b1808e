// The language between gate and keeper: frames, the greeting, and how each type of the Keeper port stands in bytes.
//
//   frame     size u32 | body                                     size counts the body only; at most kMaxFrame
//   greeting  magic u32 | protocol u16 | calls u64 | build block  the gate's first frame
//   welcome   magic u32 | accepted u8 | build block | text block  the keeper's first frame
//   request   id u64 | call u8 | patience u32 | arguments         ids rise; patience in milliseconds
//   reply     id u64 | kind u8 | result, or: code u8 | what block | field block
//
// Integers are big-endian; a block is a u32 size and that many bytes. Greeting and welcome keep their form in every version, so that two
// builds can tell each other why they do not go together.
//
// Total: no bytes make a read throw, read out of bounds, or allocate more than a small multiple of what has arrived; every count is
// compared with the bytes that are left before memory is taken. What a reader refuses, the writer refuses first (Writer::fault()), so that
// no caller can break a channel by what it asks. No I/O, no locks. Source: this project's own; both ends are always one build.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <tuple>

#include "base/cursor.hpp"
#include "custody/wiped.hpp"
#include "keys/keeper.hpp"

namespace postern::custody {

inline constexpr std::size_t kMaxFrame = 96U << 20;    ///< An HTTP body of 32 MiB grows to at most 72 MiB as a tree.
inline constexpr std::size_t kMaxGreeting = 512;       ///< Of the first frame of each side.
inline constexpr std::size_t kMaxKeyName = 128;        ///< parse_key_name()
inline constexpr std::size_t kMaxErrorText = 4096;     ///< Longer ones are cut.
inline constexpr std::size_t kMaxCertificates = 4096;  ///< Recipients or signers of one OpenPGP call.
inline constexpr std::size_t kSizeField = 4;
inline constexpr std::size_t kRequestHead = 8 + 1 + 4;
inline constexpr std::size_t kReplyHead = 8 + 1;

/// Appends to a buffer that is wiped. Begins with room for the size field, which finish() fills.
class Writer {
 public:
  /// `expected`: bytes that are likely to come. Growing copies and wipes what is there.
  explicit Writer(std::size_t expected = 0) {
    m_out.reserve(kUsual + expected);
    m_out.resize(kSizeField);
  }

  Writer& uint(std::uint64_t value, std::size_t width) {
    std::array<Byte, sizeof value> big_endian;
    for (std::size_t i = 0; i < width; ++i) big_endian[i] = static_cast<Byte>(value >> (8 * (width - 1 - i)));
    m_out.insert(m_out.end(), big_endian.begin(), big_endian.begin() + static_cast<std::ptrdiff_t>(width));
    return *this;
  }
  Writer& u8(std::uint8_t v) { return uint(v, 1); }
  Writer& u16(std::uint16_t v) { return uint(v, 2); }
  Writer& u32(std::uint32_t v) { return uint(v, 4); }
  Writer& u64(std::uint64_t v) { return uint(v, 8); }
  Writer& bytes(ByteView view) {
    m_out.insert(m_out.end(), view.begin(), view.end());
    return *this;
  }
  Writer& block(ByteView view);
  Writer& block(std::string_view text) { return block(as_bytes(text)); }

  /// This cannot be said. The first reason is kept.
  void refuse(Error why) {
    if (!m_fault) m_fault = std::move(why);
  }
  [[nodiscard]] std::size_t size() const noexcept { return m_out.size(); }
  /// The whole frame; the first fault, or TooLarge.
  [[nodiscard]] Result<WipedBytes> finish() &&;

 private:
  static constexpr std::size_t kUsual = 240;
  WipedBytes m_out;
  std::optional<Error> m_fault;
};

/// Reads a body. A failed read is BadInput and says where.
class Reader : public ByteReader {
 public:
  using ByteReader::ByteReader;
  [[nodiscard]] Result<std::string_view> text(std::string_view field, std::size_t limit = kMaxFrame);
  /// A number of elements of at least `least` bytes each.
  [[nodiscard]] Result<std::size_t> count(std::string_view field, std::size_t least);
  [[nodiscard]] Result<bool> flag(std::string_view field);
  /// A number below `end`, as an enum.
  template <class E>
  [[nodiscard]] Result<E> choice(std::string_view field, E last) {
    POSTERN_TRY(const std::uint8_t value, read_u8(field));
    if (value > static_cast<std::uint8_t>(last)) return fail(ErrorCode::BadInput, "is out of range", std::string(field));
    return static_cast<E>(value);
  }
  /// BadInput when something is left.
  [[nodiscard]] Status end() const;
};

// The greeting. ------------------------------------------------------------------------------------------------------------------------

struct Greeting {
  std::uint16_t protocol = 0;
  std::uint64_t calls = 0;  ///< Fingerprint of the table of calls.
  std::string build;

  /// Of this program.
  [[nodiscard]] static Greeting own();
  friend bool operator==(const Greeting&, const Greeting&) = default;
};
struct Welcome {
  bool accepted = false;
  std::string build;
  std::string text;  ///< Why not.
};

[[nodiscard]] WipedBytes write_greeting(const Greeting& greeting);
[[nodiscard]] Result<Greeting> read_greeting(ByteView body);
[[nodiscard]] WipedBytes write_welcome(const Welcome& welcome);
[[nodiscard]] Result<Welcome> read_welcome(ByteView body);
/// What the keeper answers to a greeting.
[[nodiscard]] Welcome answer_to(const Greeting& theirs, const Greeting& own);

// Requests and replies. -----------------------------------------------------------------------------------------------------------------

struct RequestHead {
  std::uint64_t id = 0;
  std::uint8_t call = 0;
  std::uint32_t patience = 0;  ///< Milliseconds after which nobody waits for the reply.
};
[[nodiscard]] Result<RequestHead> read_request_head(Reader& in);
/// A writer that stands behind the head of a request; id and patience are filled by stamp().
[[nodiscard]] Writer begin_request(std::uint8_t call, std::size_t expected = 0);
void stamp(WipedBytes& frame, std::uint64_t id, std::uint32_t patience) noexcept;

enum class ReplyKind : std::uint8_t { Done = 0, Failed = 1 };
struct ReplyHead {
  std::uint64_t id = 0;
  ReplyKind kind = ReplyKind::Done;
};
[[nodiscard]] Result<ReplyHead> read_reply_head(Reader& in);
[[nodiscard]] Writer begin_reply(std::uint64_t id, ReplyKind kind, std::size_t expected = 0);
[[nodiscard]] WipedBytes write_error(std::uint64_t id, const Error& error);
/// What stands behind the head; read_error() reads it to the end.
void write_error_body(Writer& out, const Error& error);
[[nodiscard]] Result<Error> read_error(Reader& in);

// Values: `write` and `read` of each type that a call of the port takes or gives. ---------------------------------------------------------

template <class T>
struct Codec;

#define POSTERN_CODEC(Type)                         \
  template <>                                       \
  struct Codec<Type> {                              \
    static void write(Writer& out, const Type& in); \
    static Result<Type> read(Reader& in);           \
  }
POSTERN_CODEC(std::uint32_t);
POSTERN_CODEC(std::size_t);
POSTERN_CODEC(ByteView);          ///< Read: borrows from the frame.
POSTERN_CODEC(std::string_view);  ///< Read: borrows from the frame.
POSTERN_CODEC(std::string);
POSTERN_CODEC(Bytes);
POSTERN_CODEC(SecretBytes);
POSTERN_CODEC(KeyName);  ///< Any bytes up to kMaxKeyName; the grammar is the dispatcher's to check.
POSTERN_CODEC(std::vector<KeyName>);
POSTERN_CODEC(KeyType);
POSTERN_CODEC(HashAlgorithm);
POSTERN_CODEC(SignAlgorithm);
POSTERN_CODEC(OaepOptions);
POSTERN_CODEC(KeySettings);
POSTERN_CODEC(KeyInfo);
POSTERN_CODEC(KeeperState);
POSTERN_CODEC(KeeperCondition);
POSTERN_CODEC(PublicKey);
POSTERN_CODEC(DataKey);
POSTERN_CODEC(OpenPgpOpened);
#undef POSTERN_CODEC

template <>
struct Codec<std::vector<Bytes>> {
  static void write(Writer& out, std::span<const Bytes> in);
  static Result<std::vector<Bytes>> read(Reader& in);
};

/// A public key as an argument: kind and raw point, put into a fixed frame by the reader, so that the keeper never reads ASN.1 that a
/// gate wrote. RSA keys agree with nobody and are refused.
struct Peer {
  PublicKey key;
};
template <>
struct Codec<Peer> {
  static void write(Writer& out, const PublicKey& in);
  static Result<Peer> read(Reader& in);
};

}  // namespace postern::custody
