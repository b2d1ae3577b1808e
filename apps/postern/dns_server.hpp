// One name server for one-shot verbs: questions wait for their answers.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "gateway/name_server.hpp"

namespace postern::cli {

class DnsServer final : public DnsPort {
 public:
  explicit DnsServer(io::Endpoint server) : m_server(std::move(server)) {}

  [[nodiscard]] Result<std::string> zone_of(const std::string& name) const;
  /// Every question goes out once until forget().
  [[nodiscard]] Result<dns::Answer> query(std::string_view name, dns::RecordType type) override;
  [[nodiscard]] Status update(const dnszone::Update& update, const dnszone::TsigKey& key, const Clock& clock) const;
  void forget() { m_known.clear(); }

 private:
  gateway::NameServer m_server;
  std::map<std::pair<std::string, dns::RecordType>, dns::Answer> m_known;
};

}  // namespace postern::cli
