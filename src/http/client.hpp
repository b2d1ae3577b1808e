// A small HTTP/1.1 client for the command line and for health checks: one request, one connection, bounded and with a deadline.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "http/message.hpp"
#include "io/dialer.hpp"

namespace postern::http {

struct Url {
  bool tls = false;
  std::string host;  ///< Without brackets.
  std::uint16_t port = 80;
  std::string target = "/";  ///< Path and query.

  /// "http://host:port/path?query" or "https://..."; no user information, no fragment. BadInput otherwise.
  [[nodiscard]] static Result<Url> parse(std::string_view text);
  /// "host", "[::1]:8200": the Host field, without the scheme's own port (RFC 9110 4.2.3: servers choose by it, and may take it literally).
  [[nodiscard]] std::string authority() const;
};

/// The addresses of a host by the system's resolver, with the URL's port. Blocks as long as that likes. NotFound.
[[nodiscard]] Result<std::vector<io::Endpoint>> look_up(const Url& url);

struct ClientRequest {
  std::string method = "GET";
  Url url;
  Headers headers;
  std::string body;
};

struct ClientOptions {
  std::chrono::milliseconds timeout{30000};    ///< The whole exchange; for streams, until the headers and then between pieces.
  std::size_t body_limit = 32U * 1024 * 1024;  ///< More is TooLarge.
  io::SslContext tls;                          ///< Needed for https; it decides what is trusted. The name is always checked.
  io::PeerJudge judge = {};                    ///< Of an https host, before the request is sent; it is asked for a stapled answer, too.
  std::string unix_path;                       ///< Connect here instead of to the host.
  /// Gets the body piece by piece instead of ClientResponse::body (event streams); false ends the exchange.
  std::function<bool(std::string_view)> on_body;
  bool secret = false;  ///< Our own buffers of the answer are wiped (the body is the caller's); OpenSSL's records are not ours.
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

/// On the caller's loop; `where_to` are the addresses of the host. Redirects are not followed; informational answers are skipped.
/// Errors: those of dial() and Stream, BadInput for an answer that is not HTTP, TooLarge.
[[nodiscard]] io::Task<Result<ClientResponse>> fetch(std::vector<io::Endpoint> where_to, ClientRequest request, ClientOptions options);

/// Blocking, with a loop of its own and the system's name lookup: for the command line only, never inside a loop.
[[nodiscard]] Result<ClientResponse> fetch_blocking(ClientRequest request, ClientOptions options);

}  // namespace postern::http
