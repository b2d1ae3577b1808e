#include "http/request_parser.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/secret.hpp"
#include "base/text.hpp"

namespace postern::http {
namespace {

/// A body of a known length up to here gets its memory at once; a longer one as it comes, so that a number alone costs nothing.
constexpr std::uint64_t kReserved = 256U * 1024;
constexpr unsigned kBlankLines = 8;

enum : unsigned char { kToken = 1, kTarget = 2, kValue = 4 };

constexpr std::array<unsigned char, 256> make_kinds() {
  std::array<unsigned char, 256> kinds{};
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  for (unsigned i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    // RFC 9110 5.6.2: token
    if (is_alnum(c) || marks.find(c) != std::string_view::npos) kinds[i] |= kToken;
    // Wider than RFC 3986, as clients send it: everything visible and bytes from 0x80 on. Never a space or a control character.
    if (i > 0x20 && i != 0x7f) kinds[i] |= kTarget;
    // RFC 9110 5.5: field-value = VCHAR, obs-text, SP and HTAB
    if ((i >= 0x20 && i != 0x7f) || c == '\t') kinds[i] |= kValue;
  }
  return kinds;
}
constexpr std::array<unsigned char, 256> kKinds = make_kinds();

bool all_are(std::string_view text, unsigned char kind) noexcept {
  unsigned char common = 0xff;
  for (const char c : text) common &= kKinds[static_cast<unsigned char>(c)];
  return (common & kind) != 0;
}

std::string_view trim_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_wsp(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_wsp(text.back())) text.remove_suffix(1);
  return text;
}

int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool has_bare_line_feed(std::string_view text, std::size_t from) noexcept {
  for (std::size_t at = text.find('\n', from); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    if (at == 0 || text[at - 1] != '\r') return true;
  }
  return false;
}

}  // namespace

RequestParser::~RequestParser() {
  wipe(m_held);
  wipe(m_request.body);
}

bool RequestParser::refuse(int status, std::string_view code, std::string_view detail) noexcept {
  m_stage = Stage::Refused;
  m_refusal = {status, code, detail};
  return false;
}

std::size_t RequestParser::feed(std::string_view bytes) {
  std::size_t used = 0;
  if (m_stage == Stage::Head) used = take_head(bytes);
  if (m_stage == Stage::Body) used += take_body(bytes.substr(used));
  return used;
}

Request RequestParser::take() {
  Request out = std::move(m_request);
  m_request = Request();
  wipe(m_held);
  m_held.clear();
  m_stage = Stage::Head;
  m_lengths = m_codings = m_hosts = m_blank_lines = 0;
  m_close = m_asks_to_keep = m_http_10 = m_keep_alive = m_chunked = m_expects_continue = m_unknown_expectation = false;
  m_left = 0;
  m_chunk = Chunk::Size;
  m_spent = 0;
  return out;
}

// The head --------------------------------------------------------------------------------------------------------------------------------

std::size_t RequestParser::take_head(std::string_view bytes) {
  std::size_t skipped = 0;
  // RFC 9112 2.2: "a server that is expecting to receive and parse a request-line SHOULD ignore at least one empty line (CRLF)"
  while (m_held.empty() && bytes.starts_with("\r\n")) {
    if (++m_blank_lines > kBlankLines) return refuse("empty lines instead of a request"), skipped;
    bytes.remove_prefix(2);
    skipped += 2;
  }
  if (!m_held.empty()) return skipped + hold_head(bytes);
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos || end + 4 > m_limits.header_bytes) return skipped + hold_head(bytes);
  read_head(bytes.substr(0, end + 2));
  return skipped + end + 4;
}

/// The head in pieces. Never keeps more than the limit and looks at each byte once or twice.
std::size_t RequestParser::hold_head(std::string_view bytes) {
  const std::size_t before = m_held.size();
  m_held.append(bytes.substr(0, m_limits.header_bytes - std::min(m_limits.header_bytes, before)));
  if (m_held.starts_with("\r\n")) {  // an empty line that came in two pieces
    if (++m_blank_lines > kBlankLines) return refuse("empty lines instead of a request"), 0;
    const std::size_t used = 2 - before;
    m_held.clear();
    return used + take_head(bytes.substr(used));
  }
  const std::size_t from = before < 3 ? 0 : before - 3;
  const std::size_t end = m_held.find("\r\n\r\n", from);
  if (end != std::string::npos) {
    read_head(std::string_view(m_held).substr(0, end + 2));
    wipe(m_held);
    m_held.clear();
    return end + 4 - before;
  }
  // RFC 9112 2.2 lets a recipient take a bare LF for a line end; we do not, and there is no need to wait for more of it.
  if (has_bare_line_feed(m_held, before))
    refuse("a line ends with LF instead of CRLF");
  else if (m_held.size() >= m_limits.header_bytes)
    refuse(431, "header_too_large", "the request's header fields are too large");
  return m_held.size() - before;
}

/// All lines of the head with their ends, without the empty one.
void RequestParser::read_head(std::string_view head) {
  m_request.headers.reserve(8);
  bool first = true;
  while (!head.empty()) {
    const std::size_t end = head.find('\n');  // there is one: the head ends with it
    if (end == 0 || head[end - 1] != '\r') return (void)refuse("a line ends with LF instead of CRLF");
    const std::string_view line = head.substr(0, end - 1);
    if (!(first ? read_request_line(line) : read_field(line))) return;
    first = false;
    head.remove_prefix(end + 1);
  }
  if (!settle_framing()) return;
  const bool has_body = m_chunked || m_left > 0;
  m_stage = has_body ? Stage::Body : Stage::Done;
}

// RFC 9112 3: request-line = method SP request-target SP HTTP-version, with exactly these spaces.
bool RequestParser::read_request_line(std::string_view line) {
  const std::size_t method_end = line.find(' ');
  const std::size_t target_end = line.rfind(' ');
  if (method_end == std::string_view::npos || method_end == target_end) return refuse("the first line is not METHOD TARGET HTTP/1.1");
  const std::string_view method = line.substr(0, method_end);
  const std::string_view target = line.substr(method_end + 1, target_end - method_end - 1);
  const std::string_view version = line.substr(target_end + 1);
  if (method.empty() || !all_are(method, kToken)) return refuse("the method is not a token");
  if (target.empty() || !all_are(target, kTarget)) return refuse("the request target has a space or a control character, or is missing");
  // RFC 9112 2.3: HTTP-version = HTTP-name "/" DIGIT "." DIGIT
  const bool is_version = version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) && version[6] == '.';
  if (!is_version || !is_digit(version[7])) return refuse("the first line does not end with an HTTP version");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(505, "http_version", "this server speaks HTTP/1.1");
  m_http_10 = version.back() == '0';
  m_request.method = method;
  m_request.target = target;
  return true;
}

bool RequestParser::read_field(std::string_view line) {
  // RFC 9112 5.2: "A server that receives an obs-fold in a request message [...] MUST either reject the message by sending a 400 [...]"
  if (!line.empty() && is_wsp(line.front())) return refuse("a header field is folded over two lines");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return refuse("a header field has no colon");
  const std::string_view name = line.substr(0, colon);
  // RFC 9112 5.1: "A server MUST reject, with a response status code of 400 (Bad Request), any received request message that contains
  // whitespace between a header field name and colon."
  if (name.empty() || !all_are(name, kToken)) return refuse("a header field's name is not a token");
  const std::string_view value = trim_blanks(line.substr(colon + 1));
  // RFC 9110 5.5: CR, LF and NUL in a value make the message invalid; so does a bare CR (RFC 9112 2.2).
  if (!value.empty() && !all_are(value, kValue)) return refuse("a header field's value has a control character");
  if (m_request.headers.size() >= m_limits.fields) return refuse(431, "header_too_large", "the request has too many header fields");
  m_request.headers.add(std::string(name), std::string(value));
  return note_field(name, value);
}

/// What the framing and the connection depend on.
bool RequestParser::note_field(std::string_view name, std::string_view value) {
  switch (name.size()) {
    case 4: m_hosts += iequals(name, "host") ? 1 : 0; return true;
    case 6:
      if (!iequals(name, "expect")) return true;
      m_expects_continue = iequals(value, "100-continue");
      m_unknown_expectation = m_unknown_expectation || (!m_expects_continue && !value.empty());
      return true;
    case 10:
      if (iequals(name, "connection")) note_connection(value);
      return true;
    case 14: return !iequals(name, "content-length") || note_length(value);
    case 17:
      if (!iequals(name, "transfer-encoding")) return true;
      ++m_codings;
      m_chunked = iequals(value, "chunked");
      return true;
    default: return true;
  }
}

bool RequestParser::note_length(std::string_view value) {
  if (++m_lengths > 1) return refuse("more than one Content-Length");
  // RFC 9112 6.3 lets a recipient read "4, 4" as 4; we need not.
  if (value.empty() || !std::ranges::all_of(value, is_digit)) return refuse("Content-Length is not a number");
  m_left = 0;
  for (const char digit : value) {
    m_left = m_left * 10 + static_cast<unsigned>(digit - '0');
    if (m_left > m_limits.body_bytes) return refuse(413, "body_too_large", "the request's body is larger than this server takes");
  }
  return true;
}

// RFC 9110 7.6.1: a list of options, without case.
void RequestParser::note_connection(std::string_view value) noexcept {
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    const std::string_view option = trim_blanks(value.substr(0, comma));
    m_close = m_close || iequals(option, "close");
    m_asks_to_keep = m_asks_to_keep || iequals(option, "keep-alive");
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
}

/// RFC 9112 6.1, 6.3: what two parsers could read differently is refused.
bool RequestParser::settle_framing() {
  m_keep_alive = !m_close && (!m_http_10 || m_asks_to_keep);
  if (m_codings > 0) {
    if (m_lengths > 0) return refuse("both Content-Length and Transfer-Encoding");
    // RFC 9112 6.1: "A server or client that receives an HTTP/1.0 message containing a Transfer-Encoding header field MUST treat the
    // message as if the framing is faulty"
    if (m_http_10) return refuse("Transfer-Encoding in HTTP/1.0");
    if (m_codings > 1 || !m_chunked) return refuse(501, "transfer_coding", "the only transfer coding here is chunked");
  }
  // RFC 9112 3.2: exactly one Host in HTTP/1.1.
  if (m_hosts > 1 || (!m_http_10 && m_hosts == 0)) return refuse("exactly one Host is needed");
  const bool has_body = m_chunked || m_left > 0;
  if (m_unknown_expectation && has_body && !m_http_10) return refuse(417, "expectation", "the only expectation met here is 100-continue");
  m_expects_continue = m_expects_continue && has_body && !m_http_10;
  if (m_left > 0) m_request.body.reserve(static_cast<std::size_t>(std::min(m_left, kReserved)));
  return true;
}

// The body --------------------------------------------------------------------------------------------------------------------------------

/// As push_back would grow it, but the old memory is wiped.
void RequestParser::append_body(std::string_view bytes) {
  std::string& body = m_request.body;
  const std::size_t needed = body.size() + bytes.size();
  if (needed > body.capacity()) {
    std::string larger;
    larger.reserve(std::max(needed, std::min(body.capacity() * 2, m_limits.body_bytes)));
    larger.assign(body);
    wipe(body);
    body.swap(larger);
  }
  body.append(bytes);
}

std::size_t RequestParser::take_body(std::string_view bytes) {
  if (m_chunked) return take_chunked(bytes);
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(m_left, bytes.size()));
  append_body(bytes.substr(0, count));
  m_left -= count;
  if (m_left == 0) m_stage = Stage::Done;
  return count;
}

std::size_t RequestParser::take_chunked(std::string_view bytes) {
  std::size_t used = 0;
  while (m_stage == Stage::Body && used < bytes.size()) {
    if (m_chunk == Chunk::Data) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(m_left, bytes.size() - used));
      append_body(bytes.substr(used, count));
      used += count;
      m_left -= count;
      if (m_left == 0) m_chunk = Chunk::DataEnd;
      continue;
    }
    std::string_view line;
    used += take_line(bytes.substr(used), line);
    if (line.data() == nullptr) continue;  // not all of it yet, or refused
    read_chunk_line(line);
    m_held.clear();
  }
  return used;
}

void RequestParser::read_chunk_line(std::string_view line) {
  if (m_chunk == Chunk::Size) return (void)read_chunk_size(line);
  if (m_chunk == Chunk::DataEnd) {
    // RFC 9112 7.1: chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
    if (!line.empty()) return (void)refuse("a chunk is longer than its size says");
    m_chunk = Chunk::Size;
    return;
  }
  if (line.empty()) {
    m_stage = Stage::Done;
    return;
  }
  // RFC 9112 7.1.2: trailer fields are fields in form; here they are dropped.
  const std::size_t colon = line.find(':');
  const bool is_field = colon != std::string_view::npos && colon > 0 && all_are(line.substr(0, colon), kToken);
  if (!is_field) return (void)refuse("a trailer is not a header field");
  (void)spend(line.size() + 2);
}

/// A line without its end, in place when it came whole; valid until m_held changes.
std::size_t RequestParser::take_line(std::string_view bytes, std::string_view& line) {
  const std::size_t feed = bytes.find('\n');
  const std::size_t count = std::min(bytes.size(), feed == std::string_view::npos ? bytes.size() : feed + 1);
  if (m_held.size() + count > m_limits.header_bytes) return refuse(400, "header_too_large", "a line of the request is too long"), 0;
  std::string_view whole = bytes.substr(0, count);
  if (feed == std::string_view::npos || !m_held.empty()) {
    m_held.append(whole);
    whole = m_held;
  }
  // RFC 9112 2.2: a CR not immediately followed by LF is invalid, and no bare LF ends a line here; nor may anything else that is no text
  // hide in an extension or a trailer.
  if (feed == std::string_view::npos) return count;
  if (whole.size() < 2 || whole[whole.size() - 2] != '\r') return refuse("a line ends with LF instead of CRLF"), count;
  whole.remove_suffix(2);
  if (!whole.empty() && !all_are(whole, kValue)) return refuse("a control character in a chunked body's lines"), count;
  line = whole;
  return count;
}

bool RequestParser::spend(std::size_t bytes) {
  m_spent += bytes;
  return m_spent <= m_limits.header_bytes || refuse(400, "header_too_large", "chunk extensions or trailers are too long");
}

// RFC 9112 7.1: chunk-size = 1*HEXDIG, then perhaps extensions, which are dropped (7.1.1).
bool RequestParser::read_chunk_size(std::string_view line) {
  std::uint64_t size = 0;
  std::size_t at = 0;
  for (int digit = 0; at < line.size() && (digit = hex_value(line[at])) >= 0; ++at) {
    size = size << 4 | static_cast<unsigned>(digit);
    if (at >= 16 || size > m_limits.body_bytes) return refuse(413, "body_too_large", "the request's body is larger than this server takes");
  }
  const std::string_view rest = trim_blanks(line.substr(at));
  if (at == 0 || (!rest.empty() && rest.front() != ';')) return refuse("a chunk's size is not a hexadecimal number");
  if (rest.empty() && at != line.size()) return refuse("space behind a chunk's size");
  if (size > m_limits.body_bytes - m_request.body.size())
    return refuse(413, "body_too_large", "the request's body is larger than this server takes");
  m_left = size;
  m_chunk = size == 0 ? Chunk::Trailer : Chunk::Data;
  return spend(line.size() - at);
}

}  // namespace postern::http
