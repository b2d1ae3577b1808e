#include "gateway/settings_check.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "config/validate.hpp"
#include "dns/name.hpp"
#include "gateway/dkim_settings.hpp"
#include "gateway/door_settings.hpp"
#include "gateway/name_server.hpp"
#include "gateway/pipeline.hpp"
#include "gateway/routing.hpp"
#include "gateway/tenants.hpp"
#include "gateway/verdict_settings.hpp"

namespace postern::gateway {
namespace {

class Check {
 public:
  explicit Check(config::Loaded& loaded) : m_loaded(loaded), m_config(loaded.config) {}

  void run() {
    check_door_settings(m_loaded);
    judge(make_rules(m_config.policies));
    for (std::size_t i = 0; i < m_config.verdicts.size(); ++i)
      judge(make_verdict_rule(m_config.verdicts[i], "verdict[" + std::to_string(i) + "]"));
    judge(RouteTable::make(m_config));
    judge(Tenants::make(m_config));
    check_dkim_settings(m_loaded);
    for (std::size_t i = 0; i < m_config.zones.size(); ++i) check_zone(m_config.zones[i], "zone[" + std::to_string(i) + "]");
    if (m_config.mta_hook.enabled) check_networks("mta_hook.relay_from", m_config.mta_hook.relay_from, m_loaded);
    check_networks("outbound.revocation_networks", m_config.outbound.revocation_networks, m_loaded);
    if (m_config.dns.fixture_file.empty()) check_forwarders();
  }

 private:
  void fault(const std::string& field, const std::string& what) {
    m_loaded.faults.push_back({ErrorCode::BadInput, field + " " + what, field});
  }
  template <class T>
  void judge(const Result<T>& made) {
    if (!made) m_loaded.faults.push_back(made.error());
  }

  void check_zone(const config::Zone& zone, const std::string& path) {
    if (const auto name = dns::normalize_name(zone.name); !name)
      fault(path + ".name", "is \"" + printable(zone.name) + "\": " + name.error().what);
    if (const auto server = parse_name_server(zone.server); !server)
      fault(path + ".server", "is \"" + printable(zone.server) + "\"; " + server.error().what);
  }

  /// As libunbound reads them.
  void check_forwarders() {
    for (const std::string& text : m_config.dns.servers) {
      const std::size_t at = text.find('@');
      const std::string host = text.substr(0, std::min(at, text.find('%')));
      const bool port = at == std::string::npos || config::parse_host_port("host:" + text.substr(at + 1)).has_value();
      if (!port || !dns::IpAddress::parse(host))
        fault("dns.servers", "has \"" + printable(text) + "\"; must be ADDRESS or ADDRESS@PORT, such as 192.0.2.53");
    }
  }

  config::Loaded& m_loaded;
  const config::Config& m_config;
};

}  // namespace

void check_settings(config::Loaded& loaded) { Check(loaded).run(); }

}  // namespace postern::gateway
