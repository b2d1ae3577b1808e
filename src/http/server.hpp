// The HTTP/1.1 server shell: reads requests, calls one handler, answers, keeps the connection alive, streams events.
//
// What it does itself, before a handler is asked: limits, timeouts, request forms that could smuggle (RFC 9112 6.1 and 6.3: both
// Content-Length and Transfer-Encoding, differing lengths, a transfer coding other than chunked), Host (RFC 9112 3.2), 100-continue, HEAD,
// X-Request-Id, `X-Content-Type-Options: nosniff`, `Cache-Control: no-store` where the handler set none. What it refuses: HTTP/0.9 and 2,
// Upgrade, CONNECT, absolute-form targets of other schemes, trailers (read and dropped). A failing handler (exception) gives 500 with the
// request id and nothing else; the cause is in the log as "http.handler_failed".
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "http/message.hpp"
#include "io/listener.hpp"

namespace postern::http {

using Handler = std::function<io::Task<Response>(Request)>;

struct ServerLimits {
  std::size_t header_bytes = 32U * 1024;              ///< Request line and fields; more: 431.
  std::size_t body_bytes = 32U * 1024 * 1024;         ///< More: 413.
  std::size_t body_bytes_total = 256U * 1024 * 1024;  ///< Bodies in memory of all connections together; more: 503 with Retry-After.
  std::size_t requests_per_connection = 10000;
  std::size_t max_connections = 2000;
  std::size_t max_per_peer = 200;
  std::chrono::seconds idle_timeout{60};    ///< Between requests; then closed in silence.
  std::chrono::seconds header_timeout{15};  ///< From the first byte to the end of the fields, however they trickle; then 408.
  std::chrono::seconds body_timeout{120};   ///< The whole body; then 408.
  std::chrono::seconds write_timeout{60};   ///< One response, or one piece of a stream.
};

struct ServerOptions {
  io::Endpoint address;
  std::string interface;                ///< As io::ListenOptions::device.
  std::function<io::SslContext()> tls;  ///< Asked for each connection, on any loop (an empty context: closed); null: plain HTTP.
  io::PeerJudge judge_client = {};      ///< Of clients that show a certificate; those that it refuses are hung up on.
  ServerLimits limits;
  std::size_t loops = 0;      ///< As io::ListenOptions::loops.
  std::string name = "http";  ///< For the log.
  /// The answer to a target that is refused before the handler sees it, where an API has its own form of errors; null: problem+json.
  std::function<Response(const Error& error, std::string_view target)> bad_target;
};

class Server {
 public:
  /// The handler is called on the loop of the connection, on many loops at once.
  [[nodiscard]] static Result<std::unique_ptr<Server>> open(io::Loops& loops, ServerOptions options, Handler handler);
  ~Server();

  [[nodiscard]] const io::Endpoint& local() const noexcept;
  [[nodiscard]] io::ListenerStats stats() const;
  /// Stops accepting, lets requests in progress finish and streams end (ResponseStream::closed), aborts the rest at the deadline.
  [[nodiscard]] io::Task<void> stop(SteadyTime deadline);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> m_impl;
};

}  // namespace postern::http
