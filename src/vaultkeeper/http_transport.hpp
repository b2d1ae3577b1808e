// The external Vault over HTTP/1.1: kept connections on a loop of our own, TLS 1.3 verified, a bounded number of questions at once.
#pragma once

#include <memory>

#include "http/client_pool.hpp"
#include "vaultkeeper/transport.hpp"

namespace postern::vaultkeeper {

struct HttpTransportOptions {
  io::SslContext tls;       ///< Needed for https; what is trusted, and our client certificate.
  io::PeerJudge judge;      ///< Of the Vault's certificate, once it is trusted.
  std::string server_name;  ///< Empty: the URL's host.
  std::string interface;    ///< As io::DialOptions::device.
  std::size_t connections = 8;
  std::size_t waiting = 256;  ///< Callers that may wait for a connection; more are Unavailable at once.
};

/// Destroy it when no call is in progress.
[[nodiscard]] std::shared_ptr<Transport> http_transport(HttpTransportOptions options);

}  // namespace postern::vaultkeeper
