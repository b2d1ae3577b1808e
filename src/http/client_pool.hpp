// Kept connections of an HTTP/1.1 client: one request after another on each, with TLS, bounded, every exchange with a deadline.
//
// For a peer that is asked often (an external Vault). One loop: all calls and the destruction happen on the loop given to make it.
#pragma once

#include <list>
#include <map>
#include <string>
#include <vector>

#include "base/secret.hpp"
#include "http/client.hpp"

namespace postern::http {

struct PoolOptions {
  io::SslContext tls;                   ///< Needed for https; it decides what is trusted. The name is always checked.
  io::PeerJudge judge = {};             ///< As ClientOptions::judge.
  std::string server_name;              ///< Name the certificate must carry; empty: the URL's host.
  std::size_t body_limit = 1U << 20;    ///< Of an answer; more is TooLarge.
  std::size_t idle_per_origin = 8;      ///< Connections kept while nothing is asked.
  std::chrono::seconds idle{30};        ///< A connection that was idle longer is not used again.
  std::string interface;                ///< As io::DialOptions::device.
  std::chrono::milliseconds connect{};  ///< One attempt to connect; 0: as long as the exchange.
};

/// What is sent. `head` are further field lines, each with its CRLF ("X-Vault-Token: ...\r\n"), apart from `headers` because they are
/// secret.
struct PoolRequest {
  std::string method = "GET";
  Url url;
  Headers headers;
  SecretBytes head;
  SecretBytes body;
  /// Whether the peer may see it twice. A kept connection that breaks before the first byte of an answer is then replaced once by a new
  /// one; otherwise such a request always travels on a new connection (RFC 9110 9.2.2, RFC 9112 9.3.1).
  bool repeatable = false;
};

/// The field of an error after which the peer may have seen the request.
inline constexpr const char* kMayBeSeen = "sent";

class ClientPool {
 public:
  explicit ClientPool(PoolOptions options) : m_options(std::move(options)) {}
  ClientPool(const ClientPool&) = delete;
  ClientPool& operator=(const ClientPool&) = delete;

  /// `where_to` are the addresses of the URL's host. The answer's body is in ordinary memory: wipe it. Errors: those of dial() and Stream,
  /// BadInput for an answer that is not HTTP or a request that would not be, TooLarge; see kMayBeSeen.
  [[nodiscard]] io::Task<Result<ClientResponse>> exchange(std::vector<io::Endpoint> where_to, PoolRequest request, SteadyTime deadline);
  [[nodiscard]] std::size_t idle() const noexcept;

 private:
  struct Kept {
    io::Stream stream;
    SteadyTime since;
  };
  struct Attempt {
    Result<ClientResponse> answer;
    bool began = false;  ///< A byte of the answer came.
  };
  [[nodiscard]] std::optional<io::Stream> take(const std::string& origin);
  void keep(const std::string& origin, io::Stream stream);
  [[nodiscard]] io::Task<Result<io::Stream>> connect(std::vector<io::Endpoint> where_to, const Url& url, SteadyTime deadline) const;
  [[nodiscard]] io::Task<Attempt> try_on(io::Stream stream, const PoolRequest& request, SteadyTime deadline);

  PoolOptions m_options;
  std::map<std::string, std::list<Kept>> m_idle;
};

}  // namespace postern::http
