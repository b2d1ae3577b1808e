// rooms: smtp
// PROXY headers: total, bounded, and the same answer with more bytes behind.
#include <cstdint>
#include <cstdlib>

#include "smtp/proxy_protocol.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  using namespace postern::smtp;
  const ByteView input(data, size);
  const ProxyAnswer answer = parse_proxy_header(input);
  if (std::holds_alternative<ProxyNeedMore>(answer) && size >= kMaxProxyHeader) std::abort();
  const auto* header = std::get_if<ProxyHeader>(&answer);
  if (header == nullptr) return 0;
  if (header->consumed == 0 || header->consumed > size) std::abort();
  const ProxyAnswer exact = parse_proxy_header(input.first(header->consumed));
  const auto* again = std::get_if<ProxyHeader>(&exact);
  if (again == nullptr || again->consumed != header->consumed || again->source != header->source) std::abort();
  if (!std::holds_alternative<ProxyNeedMore>(parse_proxy_header(input.first(header->consumed - 1)))) std::abort();
  return 0;
}
