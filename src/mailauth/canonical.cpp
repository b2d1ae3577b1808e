#include "mailauth/canonical.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace postern {
namespace {

/// Collects octets into blocks for the hash, and stops hashing (not counting) at the limit.
class HashSink {
 public:
  explicit HashSink(std::optional<std::uint64_t> limit) : m_hasher(HashAlgorithm::Sha256), m_left(limit.value_or(UINT64_MAX)) {}

  void put(char c) {
    if (m_used == m_block.size()) flush();
    m_block[m_used++] = static_cast<Byte>(c);
  }
  void put(std::string_view text) {
    flush();
    hash(as_bytes(text));
  }
  /// For text that may be short: then it is copied into the block.
  void put_piece(std::string_view text) {
    if (text.size() > m_block.size() - m_used) flush();
    if (text.size() > m_block.size() / 8) return put(text);
    std::copy(text.begin(), text.end(), m_block.begin() + static_cast<std::ptrdiff_t>(m_used));
    m_used += text.size();
  }
  [[nodiscard]] bool is_empty() const noexcept { return m_size + m_used == 0; }

  BodyHash finish() {
    flush();
    BodyHash out;
    const Bytes digest = m_hasher.finish();
    std::copy(digest.begin(), digest.end(), out.digest.begin());
    out.canonical_size = m_size;
    return out;
  }

 private:
  void flush() {
    hash(ByteView(m_block).first(m_used));
    m_used = 0;
  }
  void hash(ByteView bytes) {
    m_size += bytes.size();
    bytes = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), m_left)));
    if (bytes.empty()) return;
    m_hasher.update(bytes);
    m_left -= bytes.size();
  }

  Hasher m_hasher;
  std::uint64_t m_left;
  std::uint64_t m_size = 0;
  std::size_t m_used = 0;
  std::array<Byte, 8192> m_block;  // filled before it is read
};

/// RFC 6376 3.4.3: empty lines at the end go; "if there is no body or no trailing CRLF on the message body, a CRLF is added".
void simple_body(std::string_view body, HashSink& sink) {
  while (body.ends_with("\r\n")) body.remove_suffix(2);
  sink.put(body);
  sink.put("\r\n");
}

constexpr std::size_t kStride = 64;

/// Whether relaxed canonicalization changes anything in these kStride octets, given the one behind them. Branchless, for the vector unit.
bool changes(const char* at) noexcept {
  unsigned char found = 0;
  for (std::size_t i = 0; i < kStride; ++i) {
    const char c = at[i], next = at[i + 1];
    const auto spaced = static_cast<unsigned char>((next == ' ') | (next == '\t') | (next == '\r'));
    found |= static_cast<unsigned char>((c == '\t') | ((c == ' ') & spaced));
  }
  return found != 0;
}

/// How much from the front, which is neither white space nor a line end, stays as it is: single spaces and line ends inside, no line end at
/// its end.
std::size_t plain_stretch(std::string_view text) noexcept {
  std::size_t size = 0;
  while (size + kStride < text.size() && !changes(text.data() + size)) size += kStride;
  for (; size < text.size(); ++size) {
    const char c = text[size];
    if (c == '\t' || c == '\r') break;
    if (c == ' ' && (size + 1 == text.size() || is_wsp(text[size + 1]) || text[size + 1] == '\r')) break;
  }
  // Line ends at its end may turn out to be the end of the body. They go back to the caller, who does not ask
  // again before he is past them: the work stays linear.
  if (size > 1 && size < text.size() && text[size - 1] == '\r' && text[size] == '\n') --size;
  while (size > 2 && text.substr(0, size).ends_with("\r\n")) size -= 2;
  return std::max<std::size_t>(size, 1);
}

/// RFC 6376 3.4.4: white space at line ends goes, runs become one space, empty lines at the end go; a body of nothing else is empty.
void relaxed_body(std::string_view body, HashSink& sink) {
  std::uint64_t line_ends = 0;  // seen, not yet written
  bool space = false;
  while (!body.empty()) {
    const char c = body.front();
    if (is_wsp(c)) {
      space = true;
      body.remove_prefix(1);
      continue;
    }
    if (c == '\r' && body.size() > 1 && body[1] == '\n') {
      space = false;
      ++line_ends;
      body.remove_prefix(2);
      continue;
    }
    for (; line_ends > 0; --line_ends) {
      sink.put('\r');
      sink.put('\n');
    }
    if (space) sink.put(' ');
    space = false;
    const std::size_t size = plain_stretch(body);
    sink.put_piece(body.substr(0, size));
    body.remove_prefix(size);
  }
  if (sink.is_empty()) return;
  sink.put('\r');
  sink.put('\n');
}

void relaxed_field(std::string& out, std::string_view raw) {
  const auto colon = raw.find(':');
  std::string_view name = raw.substr(0, colon);
  while (!name.empty() && is_wsp(name.back())) name.remove_suffix(1);
  const std::string_view value = trim(colon == std::string_view::npos ? std::string_view{} : raw.substr(colon + 1));
  const std::size_t begin = out.size();
  out.resize(begin + name.size() + 1 + value.size() + 2);  // it does not become longer
  char* to = std::ranges::transform(name, out.data() + begin, ascii_lower).out;
  *to++ = ':';
  bool space = false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '\r' && i + 1 < value.size() && value[i + 1] == '\n') {
      ++i;  // unfolding removes the line end and leaves the white space behind it
    } else if (is_wsp(c)) {
      space = true;
    } else {
      if (space) *to++ = ' ';
      space = false;
      *to++ = c;
    }
  }
  *to++ = '\r';
  *to++ = '\n';
  out.resize(static_cast<std::size_t>(to - out.data()));
}

}  // namespace

BodyHash hash_body(std::string_view body, Canonicalization how, std::optional<std::uint64_t> limit) {
  HashSink sink(limit);
  if (how == Canonicalization::Simple) {
    simple_body(body, sink);
  } else {
    relaxed_body(body, sink);
  }
  return sink.finish();
}

void append_canonical_field(std::string& out, std::string_view raw, Canonicalization how) {
  if (how == Canonicalization::Relaxed) return relaxed_field(out, raw);
  out += raw;
  if (!raw.ends_with('\n')) out += "\r\n";
}

void append_canonical_fields(std::string& out, const MessageView& message, const std::vector<std::string>& names, Canonicalization how) {
  const auto& fields = message.fields();
  std::vector<bool> taken(fields.size());
  for (const std::string& name : names) {
    for (std::size_t i = fields.size(); i-- > 0;) {
      if (taken[i] || !fields[i].is(name)) continue;
      taken[i] = true;
      append_canonical_field(out, fields[i].raw, how);
      break;
    }
  }
}

}  // namespace postern
