// TCP ports in addresses as settings write them. Inside this room only.
#pragma once

#include <cstdint>
#include <string>

namespace postern::confine {

inline constexpr std::uint16_t kX400Port = 102;  // RFC 1006 5

/// Behind the last separator; 0: no port stands there.
[[nodiscard]] inline std::uint16_t port_in(const std::string& address, char separator = ':') {
  const auto at = address.rfind(separator);
  if (at == std::string::npos) return 0;
  const std::string digits = address.substr(at + 1);
  const bool number = !digits.empty() && digits.size() <= 5 && digits.find_first_not_of("0123456789") == std::string::npos;
  return number ? static_cast<std::uint16_t>(std::stoul(digits)) : 0;
}

/// tsel@host:port, or RFC 1278: ...host+port.
[[nodiscard]] inline std::uint16_t x400_port_in(const std::string& peer) {
  for (const char separator : {':', '+'})
    if (const auto port = port_in(peer, separator); port != 0) return port;
  return kX400Port;
}

/// "https://vault.example:8200"; without a port, that of the scheme.
[[nodiscard]] inline std::uint16_t port_of_url(const std::string& url) {
  const auto host = url.find("://");
  const std::string rest = host == std::string::npos ? url : url.substr(host + 3);
  const std::string authority = rest.substr(0, rest.find('/'));
  if (const auto port = port_in(authority); port != 0 && authority.back() != ']') return port;
  return url.starts_with("http://") ? 80 : 443;
}

}  // namespace postern::confine
