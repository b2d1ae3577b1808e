// HTTP requests and responses as plain values. No Asio, no Beast: handlers and their tests need nothing else.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "io/endpoint.hpp"
#include "io/stream.hpp"

namespace postern::http {

/// Field lines in order; names compare without case (RFC 9110 5.1).
class Headers {
 public:
  using Item = std::pair<std::string, std::string>;

  void add(std::string name, std::string value) { m_items.emplace_back(std::move(name), std::move(value)); }
  void reserve(std::size_t fields) { m_items.reserve(fields); }
  /// Replaces every field of that name.
  void set(std::string name, std::string value);
  void erase(std::string_view name);
  /// The first of that name, or empty.
  [[nodiscard]] std::string_view get(std::string_view name) const noexcept;
  [[nodiscard]] bool has(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
  [[nodiscard]] auto begin() const noexcept { return m_items.begin(); }
  [[nodiscard]] auto end() const noexcept { return m_items.end(); }
  [[nodiscard]] std::size_t size() const noexcept { return m_items.size(); }

 private:
  std::vector<Item> m_items;
};

/// What a handler gets. Everything in it is the client's word, already checked for form and limits.
struct Request {
  std::string method;  ///< Any token of RFC 9110 9.1, as sent: "GET", "LIST".
  std::string target;  ///< As sent, origin form: "/api/v1/mail?limit=5".
  std::string path;    ///< Percent-decoded, without the query; "." and ".." segments never get this far.
  std::vector<std::pair<std::string, std::string>> query;   ///< Decoded ("+" is a space), in order.
  std::vector<std::pair<std::string, std::string>> params;  ///< Filled by the Router from {name} patterns, decoded.
  Headers headers;
  std::string body;
  io::Endpoint peer;
  bool tls = false;
  const io::TlsInfo* tls_info = nullptr;  ///< The connection's, which outlives the handler; null without TLS.
  std::string id;                         ///< The X-Request-Id of this exchange: always ours, never the client's.
  std::string user;                       ///< Who it is, once a guard has found out; empty: nobody asked.

  /// The first value of a query parameter or path parameter; empty when absent (has_query tells).
  [[nodiscard]] std::string_view query_value(std::string_view name) const noexcept;
  [[nodiscard]] bool has_query(std::string_view name) const noexcept;
  [[nodiscard]] std::string_view param(std::string_view name) const noexcept;
  /// The body as JSON; BadInput says where it stops being JSON. The media type is not looked at.
  [[nodiscard]] Result<boost::json::value> json() const;
};

class ResponseStream;

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  /// When set, `body` is not used: the headers go out, then this coroutine writes (chunked; server-sent events) until it returns.
  std::function<io::Task<void>(ResponseStream&)> stream;
};

/// A response whose body is written piece by piece. Valid only inside Response::stream.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  /// Sends one piece; Unavailable when the client has gone, Timeout when it does not read.
  [[nodiscard]] virtual io::Task<Status> write(std::string_view piece) = 0;
  /// The client has gone, or the server is stopping: return soon.
  [[nodiscard]] virtual bool closed() const = 0;
  [[nodiscard]] virtual io::Executor executor() const = 0;
};

/// One server-sent event (the WHATWG event stream form): `event` and `id` may be empty; line ends in data become several data lines.
[[nodiscard]] std::string sse_event(std::string_view event, std::string_view data, std::string_view id = {});
/// A comment line that keeps the connection alive.
[[nodiscard]] std::string sse_comment(std::string_view text = "");

[[nodiscard]] Response text_response(int status, std::string body);
[[nodiscard]] Response json_response(int status, const boost::json::value& body);
/// A page of our own: HTML with the security headers of page_headers().
[[nodiscard]] Response page_response(std::string html);
/// A file of the console: the media type from its name, nosniff, cacheable only when `immutable`.
[[nodiscard]] Response asset_response(std::string_view name, std::string body, bool immutable);
/// 200 text/event-stream, not cached, written by `stream`.
[[nodiscard]] Response event_stream(std::function<io::Task<void>(ResponseStream&)> stream);

/// RFC 9457: {"type":"about:blank","title":...,"status":...,"code":...,"detail":...,"field":...}. `code` is stable, for programs.
[[nodiscard]] Response problem(int status, std::string_view code, std::string_view detail, std::string_view field = {});
/// The same from an Error: BadInput 400, TooLarge 413, NotFound 404, Conflict 409, Denied 403, IntegrityFailed 422, Unavailable 503,
/// Timeout 504, Exhausted 429 with Retry-After, Unsupported 501, Internal 500 (whose detail stays in the log).
[[nodiscard]] Response problem(const Error& error);

/// Content-Security-Policy (self only, no inline script, no frames), nosniff, no-referrer, no-store.
void page_headers(Headers& headers);

[[nodiscard]] std::string_view reason_phrase(int status) noexcept;
/// Percent-decoding (RFC 3986 2.1); a bad escape or a zero byte is BadInput. `plus_is_space` for query strings.
[[nodiscard]] Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
/// Everything but unreserved characters becomes %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace postern::http
