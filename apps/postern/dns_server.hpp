// One name server, asked over TCP (RFC 7766), one connection for each message.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "dns/record.hpp"
#include "io/endpoint.hpp"

namespace postern::cli {

/// "192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:53"; without a port it is 53.
[[nodiscard]] Result<io::Endpoint> parse_server(const std::string& text);

class DnsServer final : public DnsPort {
 public:
  explicit DnsServer(io::Endpoint server, std::chrono::seconds timeout = std::chrono::seconds(10))
      : m_server(std::move(server)), m_timeout(timeout) {}

  /// Sends one message and waits for one. Unavailable or Timeout say which server.
  [[nodiscard]] Result<Bytes> exchange(ByteView message) const;
  /// The zone that the name is in, as this server has it; NotFound when it has none.
  [[nodiscard]] Result<std::string> zone_of(const std::string& name) const;
  /// Every question goes out once until forget(). A server that does not answer is a Timeout, one that says nonsense a ServFail.
  [[nodiscard]] Result<dns::Answer> query(std::string_view name, dns::RecordType type) override;
  void forget() { m_known.clear(); }

 private:
  [[nodiscard]] dns::Answer ask(const std::string& name, dns::RecordType type) const;
  io::Endpoint m_server;
  std::chrono::seconds m_timeout;
  std::map<std::pair<std::string, dns::RecordType>, dns::Answer> m_known;
};

/// For a message of its own: hard to guess (RFC 5452 9.2).
[[nodiscard]] std::uint16_t random_message_id();

}  // namespace postern::cli
