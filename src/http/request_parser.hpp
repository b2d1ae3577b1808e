// One HTTP/1.1 request after the other out of a stream of bytes (RFC 9112): no I/O, no waiting, bounded, and never more lenient than two
// parsers could agree on.
//
// A line ends with CRLF and with nothing else. What could be read in two ways is refused: Content-Length with Transfer-Encoding, repeated
// or listed lengths, any coding but one `chunked`, folded lines, space around a field's name, control characters. Bodies are handed out
// decoded; chunk extensions and trailers are checked and dropped, and count against the limit of the fields.
// The head is read in place when it came in one piece, which is the usual case; only parts of one are kept in between.
// Memory: at most header_bytes and body_bytes, and only what has really arrived. Bodies that grow leave no copy behind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace postern::http {

struct ParserLimits {
  std::size_t header_bytes = 32U * 1024;       ///< Request line and fields with their line ends; more: 431.
  std::size_t body_bytes = 32U * 1024 * 1024;  ///< More: 413.
  std::size_t fields = 256;                    ///< More: 431.
};

/// Why a request was not taken. The connection must be closed after the answer: where the next request begins is not known.
struct ParseRefusal {
  int status = 400;
  std::string_view code;
  std::string_view detail;
};

class RequestParser {
 public:
  enum class Stage {
    Head,     ///< Nothing, or not all of it, has come.
    Body,     ///< The head is there.
    Done,     ///< take() it.
    Refused,  ///< refusal() says why; nothing more is taken.
  };
  explicit RequestParser(const ParserLimits& limits) : m_limits(limits) {}
  /// Wipes what it still holds.
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// Takes bytes from the front and returns how many; fewer than given only when Done or Refused. Nothing is borrowed afterwards.
  [[nodiscard]] std::size_t feed(std::string_view bytes);

  [[nodiscard]] Stage stage() const noexcept { return m_stage; }
  /// Whether bytes of a request have come that is not Done.
  [[nodiscard]] bool begun() const noexcept { return m_stage != Stage::Head || !m_held.empty(); }
  [[nodiscard]] const ParseRefusal& refusal() const noexcept { return m_refusal; }
  /// The bytes of the body so far.
  [[nodiscard]] std::size_t body_bytes() const noexcept { return m_request.body.size(); }
  /// RFC 9110 10.1.1: the client waits for a 100 before it sends the body. From Stage::Body on.
  [[nodiscard]] bool expects_continue() const noexcept { return m_stage == Stage::Body && m_expects_continue; }
  /// RFC 9112 9.3. From Stage::Body on.
  [[nodiscard]] bool keeps_alive() const noexcept { return m_keep_alive; }
  [[nodiscard]] bool is_http_10() const noexcept { return m_http_10; }

  /// The request of Stage::Done: method, target, headers and body; and the parser is ready for the next one.
  [[nodiscard]] Request take();

 private:
  enum class Chunk { Size, Data, DataEnd, Trailer };

  std::size_t take_head(std::string_view bytes);
  std::size_t hold_head(std::string_view bytes);
  std::size_t take_body(std::string_view bytes);
  std::size_t take_chunked(std::string_view bytes);
  std::size_t take_line(std::string_view bytes, std::string_view& line);
  void read_chunk_line(std::string_view line);

  void read_head(std::string_view head);
  [[nodiscard]] bool read_request_line(std::string_view line);
  [[nodiscard]] bool read_field(std::string_view line);
  [[nodiscard]] bool note_field(std::string_view name, std::string_view value);
  [[nodiscard]] bool note_length(std::string_view value);
  void note_connection(std::string_view value) noexcept;
  [[nodiscard]] bool settle_framing();
  [[nodiscard]] bool read_chunk_size(std::string_view line);
  [[nodiscard]] bool spend(std::size_t bytes);
  void append_body(std::string_view bytes);
  bool refuse(int status, std::string_view code, std::string_view detail) noexcept;
  bool refuse(std::string_view detail) noexcept { return refuse(400, "bad_request", detail); }

  ParserLimits m_limits;
  Stage m_stage = Stage::Head;
  ParseRefusal m_refusal;
  Request m_request;
  std::string m_held;  // the part of a head, or of a line in a chunked body, that has come so far
  unsigned m_blank_lines = 0;
  // Of this request's head:
  unsigned m_lengths = 0, m_codings = 0, m_hosts = 0;
  bool m_close = false, m_asks_to_keep = false;
  bool m_http_10 = false, m_keep_alive = false, m_chunked = false, m_expects_continue = false, m_unknown_expectation = false;
  // Of its body:
  std::uint64_t m_left = 0;  // of a body with a length, or of the chunk
  Chunk m_chunk = Chunk::Size;
  std::size_t m_spent = 0;  // on extensions and trailers
};

}  // namespace postern::http
