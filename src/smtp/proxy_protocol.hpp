// The PROXY protocol, versions 1 and 2 (HAProxy proxy-protocol.txt): who really connected, told by a load balancer in front.
//
// Parse only on connections from networks configured as trusted, and there always: a trusted peer that sends none is an error, a stranger
// that sends one is talking garbage to SMTP and gets a 500. Verifying the CRC32c TLV and the SSL client's fields is done when they are
// present; other TLVs are skipped. It does not do UNIX addresses (they read as "local") or datagrams (an error).
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "base/bytes.hpp"

namespace postern::smtp {

/// Give the same bytes again with more behind them.
struct ProxyNeedMore {};

struct ProxyEndpoint {
  std::string address;  ///< IPv4 dotted, or IPv6 in RFC 5952 form.
  std::uint16_t port = 0;
  friend bool operator==(const ProxyEndpoint&, const ProxyEndpoint&) = default;
};

struct ProxyHeader {
  std::size_t consumed = 0;  ///< The session's own bytes begin here.
  /// LOCAL (v2) or UNKNOWN (v1): the proxy speaks for itself (health check); use the socket's own addresses.
  bool local = false;
  ProxyEndpoint source, destination;
  bool tls = false;              ///< PP2_TYPE_SSL with PP2_CLIENT_SSL: the client's side of the proxy was TLS.
  bool client_verified = false;  ///< ... and presented a certificate that the proxy verified.
  std::string tls_version;       ///< PP2_SUBTYPE_SSL_VERSION
  std::string client_name;       ///< PP2_SUBTYPE_SSL_CN
  std::string authority;         ///< PP2_TYPE_AUTHORITY: the server name the client asked for.
};

struct ProxyError {
  std::string what;
};

/// Longest header taken: v1 has 107 bytes at most; v2 may announce up to 64 KiB of TLVs, of which this many bytes are accepted.
inline constexpr std::size_t kMaxProxyHeader = 4096;

using ProxyAnswer = std::variant<ProxyNeedMore, ProxyHeader, ProxyError>;
/// Total and bounded: NeedMore is answered only for less than kMaxProxyHeader bytes.
[[nodiscard]] ProxyAnswer parse_proxy_header(ByteView bytes);

}  // namespace postern::smtp
