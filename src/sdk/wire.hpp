// The language between Postern and the process that holds a vendor's library: frames over a socket pair.
//
//   frame     size u32 | kind u8 | id u64 | body        size counts kind, id and body; at most kMaxFrame
//   Hello     parent's first:  protocol u32, mode, library, check, kit settings, limits
//   Welcome   child's answer:  version u32, capabilities u64, max_calls u32
//   Refused   instead of it, or instead of an answer:  an error; the child ends after it when `distrust` is set
//   Request   call u8 | timeout_ms u32 | diagnostics u8 | fields of the request (fields.hpp)
//   Content   octets of the submission that comes next with this id
//   Answer    fields of the answer
//   Piece     octets of the content that a fetch gives; each is answered by Credit (u8: 1 more, 0 stop)
//   Cancel    ends the call with this id
//   Verdict   of a check of the conformance kit: passed u8, skipped u8, words
//
// Integers are big-endian; texts and octets have a u32 size before them, lists a u32 count, an optional a u8. The reader is total: it
// never reads past the end, and takes no memory for a count that the octets left could not hold. Both ends are one build, but the child's
// memory belongs to a stranger's library: the parent believes nothing it reads.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/cursor.hpp"
#include "base/text.hpp"
#include "sdk/fields.hpp"

namespace postern::sdk {

inline constexpr std::uint32_t kProtocol = 1;
inline constexpr std::size_t kMaxFrame = 32U << 20;
inline constexpr std::size_t kPiece = 64U << 10;   ///< Of content.
inline constexpr std::uint32_t kWindow = 8;        ///< Pieces on the way that were not answered yet.
inline constexpr std::uint32_t kMostWorkers = 16;  ///< Calls at once, whatever more a library could bear.
inline constexpr std::size_t kMostContent = std::size_t{1} << 30;
inline constexpr std::size_t kFrameHead = 4 + 1 + 8;

enum class Kind : std::uint8_t { Hello = 1, Welcome, Refused, Request, Content, Answer, Piece, Credit, Cancel, Verdict };

/// Appends values to a frame's body.
class ValueWriter {
 public:
  template <class... T>
  void operator()(const T&... values) {
    (put(values), ...);
  }
  [[nodiscard]] const Bytes& bytes() const noexcept { return m_out.bytes(); }
  [[nodiscard]] Bytes take() && { return std::move(m_out).take(); }

 private:
  template <class T>
  void put(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      put(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_integral_v<T>) {
      m_out.write_uint(static_cast<std::uint64_t>(value), sizeof(T));
    } else {
      fields(*this, const_cast<T&>(value));
    }
  }
  void put(const std::string& text) { m_out.write_block(std::string_view(text)); }
  void put(const Bytes& octets) { m_out.write_block(ByteView(octets)); }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class T>
  void put(const std::vector<T>& list) {
    put(static_cast<std::uint32_t>(list.size()));
    for (const T& one : list) put(one);
  }
  ByteWriter m_out;
};

/// Reads them back. The first fault stays and everything after it reads as nothing.
class ValueReader {
 public:
  explicit ValueReader(ByteView bytes) noexcept : m_in(bytes) {}

  template <class... T>
  void operator()(T&... values) {
    (get(values), ...);
  }
  /// BadInput with the first fault, also when octets are left over.
  [[nodiscard]] Status finish() const {
    if (m_fault) return fail(ErrorCode::BadInput, *m_fault, "frame");
    if (!m_in.at_end()) return fail(ErrorCode::BadInput, "has octets left over", "frame");
    return {};
  }

 private:
  void refuse(const char* why) {
    if (!m_fault) m_fault = why;
  }
  template <class T>
  void get(T& value) {
    if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> raw{};
      get(raw);
      const auto range = range_of(value);
      value = static_cast<T>(raw);
      if (!m_fault && (value < range.first || value > range.last)) refuse("has a number that its enumeration has not");
      if (m_fault) value = range.first;
    } else if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t raw = 0;
      get(raw);
      if (raw > 1) refuse("has a truth value that is neither 0 nor 1");
      value = raw == 1;
    } else if constexpr (std::is_integral_v<T>) {
      const auto read = m_fault ? Result<std::uint64_t>(0) : m_in.read_uint(sizeof(T), "number");
      if (!read) return refuse("ends within a number");
      value = static_cast<T>(*read);
    } else {
      fields(*this, value);
    }
  }
  [[nodiscard]] ByteView block() {
    const auto read = m_fault ? Result<ByteView>(ByteView()) : m_in.read_block("block");
    if (read) return *read;
    refuse("ends within a text");
    return {};
  }
  void get(std::string& text) {
    text = as_text(block());
    if (!is_utf8(text)) refuse("has a text that is not UTF-8");
  }
  void get(Bytes& octets) {
    const ByteView view = block();
    octets.assign(view.begin(), view.end());
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool there = false;
    get(there);
    value.reset();
    if (there && !m_fault) get(value.emplace());
  }
  template <class T>
  void get(std::vector<T>& list) {
    std::uint32_t count = 0;
    get(count);
    list.clear();
    if (count > m_in.remaining()) return refuse("counts more than it holds");  // every element has an octet at least
    for (std::uint32_t i = 0; i < count && !m_fault; ++i) get(list.emplace_back());
  }

  ByteReader m_in;
  std::optional<std::string> m_fault;
};

template <class T>
[[nodiscard]] Bytes encode(const T& value) {
  ValueWriter out;
  out(value);
  return std::move(out).take();
}
template <class T>
[[nodiscard]] Result<T> decode(ByteView body) {
  T value;
  ValueReader in(body);
  in(value);
  POSTERN_CHECK(in.finish());
  return value;
}

struct Frame {
  Kind kind = Kind::Hello;
  std::uint64_t id = 0;
  Bytes body;
};

/// The whole frame in octets.
[[nodiscard]] Bytes frame(Kind kind, std::uint64_t id, ByteView body);
/// The first whole frame of `bytes` and how many octets it takes; nullopt while it is not whole. TooLarge, BadInput for an unknown kind.
[[nodiscard]] Result<std::optional<std::pair<Frame, std::size_t>>> read_frame(ByteView bytes);

// ---- Bodies that are no requests or answers ---------------------------------------------------------------------------------------------

enum class Mode : std::uint8_t { Serve = 0, Check = 1 };
constexpr Range<Mode> range_of(Mode) { return {Mode::Serve, Mode::Check}; }

/// Whom the conformance kit binds as.
struct KitUser {
  std::string peer = "localhost", name = "C=XX;A=MEMORY;P=EXAMPLE;S=Kit", unreachable = "127.0.0.1:1";
  std::uint32_t role = 2;
  Bytes password;
};

struct Hello {
  std::uint32_t protocol = kProtocol;
  Mode mode = Mode::Serve;
  std::string library;                   ///< Absolute path.
  std::uint32_t descriptors = 256;       ///< At most open in the child.
  std::uint64_t memory = 2ULL << 30;     ///< Octets of data at most; 0: no bound.
  std::string check, profile, settings;  ///< Of Mode::Check.
  KitUser user;
};

struct Welcome {
  std::uint32_t version = 0;
  std::uint64_t capabilities = 0;
  std::uint32_t max_calls = 1;
};

struct Refusal {
  Error error;
  Bytes diagnostic;       ///< What the peer sent, where it was asked for.
  bool distrust = false;  ///< The library's memory may be damaged; the child ends.
};

inline constexpr std::size_t kRequestHead = 1 + 4 + 1;
struct RequestHead {
  Call call = Call::Open;
  std::uint32_t timeout_ms = 0;
  bool diagnostics = false;
};

struct Verdict {
  bool passed = false, skipped = false;
  std::string words;
};

// clang-format off
template <class A> void fields(A& a, KitUser& v) { a(v.peer, v.name, v.unreachable, v.role, v.password); }
template <class A> void fields(A& a, Hello& v) {
  a(v.protocol, v.mode, v.library, v.descriptors, v.memory, v.check, v.profile, v.settings, v.user);
}
template <class A> void fields(A& a, Welcome& v) { a(v.version, v.capabilities, v.max_calls); }
template <class A> void fields(A& a, Error& v) {
  std::uint32_t code = static_cast<std::uint32_t>(v.code);
  a(code, v.what, v.field);
  if (code > static_cast<std::uint32_t>(ErrorCode::Internal)) code = static_cast<std::uint32_t>(ErrorCode::Internal);
  if (v.code != static_cast<ErrorCode>(code)) v.code = static_cast<ErrorCode>(code);  // when reading
}
template <class A> void fields(A& a, Refusal& v) { a(v.error, v.diagnostic, v.distrust); }
template <class A> void fields(A& a, RequestHead& v) { a(v.call, v.timeout_ms, v.diagnostics); }
template <class A> void fields(A& a, Verdict& v) { a(v.passed, v.skipped, v.words); }
// clang-format on

}  // namespace postern::sdk
