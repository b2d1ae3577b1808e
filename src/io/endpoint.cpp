#include "io/endpoint.hpp"

#include <charconv>

#include "base/text.hpp"

namespace postern::io {

namespace {

template <class T>
Result<T> parse_number(std::string_view text, T most, const char* field) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > most) {
    return fail(ErrorCode::BadInput, "must be a number up to " + std::to_string(most), field);
  }
  return value;
}

bool host_bits_are_zero(const IpAddress& ip, unsigned prefix) {
  const ByteView bytes = ip.bytes();
  for (unsigned bit = prefix; bit < bytes.size() * 8; ++bit) {
    if (bytes[bit / 8] >> (7 - bit % 8) & 1) return false;
  }
  return true;
}

Result<IpAddress> parse_host(std::string_view host) {
  if (host == "*") return IpAddress::parse("::");
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const auto ip = IpAddress::parse(bracketed ? host.substr(1, host.size() - 2) : host);
  if (!ip || ip->is_v6() != bracketed) {
    return fail(ErrorCode::BadInput, "must be an IPv4 address, an IPv6 address in brackets or *, then :PORT", "address");
  }
  return *ip;
}

}  // namespace

std::string address_literal(const IpAddress& ip) { return (ip.is_v6() ? "[IPv6:" : "[") + ip.text() + "]"; }

Result<IpNetwork> IpNetwork::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  POSTERN_TRY(const IpAddress ip, IpAddress::parse(text.substr(0, slash)));
  IpNetwork out;
  out.m_base = ip;
  out.m_prefix = ip.is_v6() ? 128 : 32;
  if (slash != std::string_view::npos) {
    POSTERN_TRY(out.m_prefix, parse_number<unsigned>(text.substr(slash + 1), out.m_prefix, "prefix length"));
  }
  if (!host_bits_are_zero(ip, out.m_prefix)) {
    return fail(ErrorCode::BadInput, "has address bits set behind its prefix length; shorten the address or lengthen the prefix",
                std::string(text));
  }
  return out;
}

bool IpNetwork::contains(const IpAddress& address) const noexcept {
  return address.unmapped().in_network(m_base, m_prefix) || address.in_network(m_base, m_prefix);
}

std::string IpNetwork::text() const { return m_base.text() + "/" + std::to_string(m_prefix); }

Result<Endpoint> Endpoint::parse(std::string_view text) {
  Endpoint out;
  if (text.starts_with("unix:")) {
    out.path = text.substr(5);
    if (!out.path.starts_with('/') || out.path.find('\0') != std::string::npos) {
      return fail(ErrorCode::BadInput, "a socket path must be absolute: unix:/run/postern/name.sock", "address");
    }
    return out;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail(ErrorCode::BadInput, "must be ADDRESS:PORT or unix:/PATH", "address");
  POSTERN_TRY(out.ip, parse_host(text.substr(0, colon)));
  POSTERN_TRY(out.port, parse_number<std::uint16_t>(text.substr(colon + 1), 65535, "port"));
  return out;
}

std::string Endpoint::text() const {
  if (is_unix()) return "unix:" + path;
  return (ip.is_v6() ? "[" + ip.text() + "]" : ip.text()) + ":" + std::to_string(port);
}

}  // namespace postern::io
