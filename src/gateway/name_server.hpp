// One name server of a zone: asked and changed over TCP, one connection for each message.
//
// Threads: coroutines of any loop; an object may be used by one of them at a time. Every call ends within the timeout for each message.
#pragma once

#include <chrono>
#include <string>

#include "base/clock.hpp"
#include "dns/record.hpp"
#include "dnszone/update.hpp"
#include "io/endpoint.hpp"
#include "io/task.hpp"

namespace postern::gateway {

/// "192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:53"; without a port it is 53. BadInput.
[[nodiscard]] Result<io::Endpoint> parse_name_server(const std::string& text);

/// The key in a file as tsig-keygen writes it. BadInput names the file, never its content.
[[nodiscard]] Result<dnszone::TsigKey> read_tsig_key(const std::string& path);

class NameServer {
 public:
  explicit NameServer(io::Endpoint server, std::chrono::seconds timeout = std::chrono::seconds(10))
      : m_server(std::move(server)), m_timeout(timeout) {}

  /// The zone that the name is in, as this server has it; NotFound when it has none. Unavailable, Timeout.
  [[nodiscard]] io::Task<Result<std::string>> zone_of(std::string name) const;
  /// CNAMEs are followed as far as this server knows. A server that does not answer is a Timeout, one that says nonsense a ServFail.
  /// BadInput: no domain name.
  [[nodiscard]] io::Task<Result<dns::Answer>> query(std::string name, dns::RecordType type) const;
  /// Signed with the key. Errors as read_update_response(), and of the connection.
  [[nodiscard]] io::Task<Status> update(dnszone::Update update, const dnszone::TsigKey& key, const Clock& clock) const;

 private:
  [[nodiscard]] io::Task<Result<Bytes>> exchange(Bytes message) const;
  [[nodiscard]] io::Task<dns::Answer> ask(std::string name, dns::RecordType type) const;
  io::Endpoint m_server;
  std::chrono::seconds m_timeout;
};

}  // namespace postern::gateway
