// Reads one response from a stream (inside http/ only): for the one-shot client and for kept connections.
#pragma once

#include <boost/beast/http.hpp>
#include <string>

#include "http/client.hpp"

namespace postern::http::detail {

/// One exchange's worth. Stream and options must outlive it.
class ResponseReader {
 public:
  ResponseReader(io::Stream& stream, const ClientOptions& options, bool head) : m_stream(stream), m_options(options), m_head(head) {}
  ~ResponseReader();
  ResponseReader(const ResponseReader&) = delete;
  ResponseReader& operator=(const ResponseReader&) = delete;

  /// The final response; informational ones are skipped (RFC 9110 15.2), at most kMostInformational.
  [[nodiscard]] io::Task<Result<ClientResponse>> read(SteadyTime deadline);
  /// After read(): whether another request may follow on this connection (RFC 9112 9.3): the response had an end of its own, said nothing
  /// of closing, and nothing came behind it.
  [[nodiscard]] bool reusable() const noexcept { return m_keep_alive && m_buffer.empty(); }
  /// Whether any byte of a response came.
  [[nodiscard]] bool got_some() const noexcept { return m_got_some; }

 private:
  using Parser = boost::beast::http::response_parser<boost::beast::http::string_body>;

  io::Task<Result<ClientResponse>> read_one();
  /// Gives the parser what is buffered, or else reads first.
  io::Task<Status> feed(Parser& parser);
  /// False: the caller has seen enough.
  bool hand_on(Parser& parser);

  io::Stream& m_stream;
  const ClientOptions& m_options;
  bool m_head;
  SteadyTime m_deadline;
  std::string m_buffer;
  bool m_stuck = false;  // what is buffered is not enough for the parser's next step
  bool m_keep_alive = false;
  bool m_got_some = false;
};

}  // namespace postern::http::detail
