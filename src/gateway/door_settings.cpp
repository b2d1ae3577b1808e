#include "gateway/door_settings.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "io/endpoint.hpp"

namespace postern::gateway {
namespace {

void add_fault(config::Loaded& loaded, const std::string& field, const std::string& what) {
  loaded.faults.push_back({ErrorCode::BadInput, field + " " + what, field});
}

struct Door {
  std::string setting;
  io::Endpoint at;
  std::string interface, network_namespace;
};

bool is_any(const io::IpAddress& ip) {
  return std::ranges::all_of(ip.bytes(), [](Byte b) { return b == 0; });
}

/// "*" and [::] take the port of both families.
bool overlap(const io::IpAddress& a, const io::IpAddress& b) {
  if (a == b || (a.is_v6() && is_any(a)) || (b.is_v6() && is_any(b))) return true;
  return a.is_v6() == b.is_v6() && (is_any(a) || is_any(b));
}

bool clash(const Door& a, const Door& b) {
  if (a.at.is_unix() || b.at.is_unix()) return a.at.path == b.at.path;
  const bool apart =
      a.network_namespace != b.network_namespace || (!a.interface.empty() && !b.interface.empty() && a.interface != b.interface);
  return !apart && a.at.port != 0 && a.at.port == b.at.port && overlap(a.at.ip, b.at.ip);
}

class Check {
 public:
  explicit Check(config::Loaded& loaded) : m_loaded(loaded) {}

  void run() {
    const config::Config& config = m_loaded.config;
    for (std::size_t i = 0; i < config.listeners.size(); ++i) check_listener(config.listeners[i], "listener[" + std::to_string(i) + "]");
    add("http.address", config.http.address, config.http.interface);
    add("http.tls.address", config.http.tls.address, config.http.tls.interface);
    if (!config.x400.enabled()) return;
    add("x400.address", config.x400.address, {});
    add("x400.tls.address", config.x400.tls.address, {});
  }

 private:
  void check_listener(const config::Listener& listener, const std::string& path) {
    add(path + ".address", listener.address, listener.interface, listener.network_namespace);
    check_networks(path + ".proxy_from", listener.proxy_from, m_loaded);
    check_networks(path + ".relay_from", listener.relay_from, m_loaded);
  }

  void add(const std::string& setting, const std::string& address, const std::string& interface, const std::string& space = {}) {
    if (address.empty()) return;
    const auto at = io::Endpoint::parse(address);
    if (!at) return add_fault(m_loaded, setting, "is \"" + printable(address) + "\"; " + at.error().what);
    Door door{setting, *at, interface, space};
    const auto taken = std::ranges::find_if(m_doors, [&](const Door& other) { return clash(door, other); });
    if (taken != m_doors.end())
      add_fault(m_loaded, setting, "is " + at->text() + ", where " + taken->setting + " listens; give one of the two another port");
    m_doors.push_back(std::move(door));
  }

  config::Loaded& m_loaded;
  std::vector<Door> m_doors;
};

}  // namespace

void check_networks(const std::string& setting, const std::vector<std::string>& networks, config::Loaded& loaded) {
  for (const std::string& text : networks) {
    if (const auto network = io::IpNetwork::parse(text); !network)
      add_fault(loaded, setting, "has \"" + printable(text) + "\": " + network.error().what);
  }
}

void check_door_settings(config::Loaded& loaded) { Check(loaded).run(); }

}  // namespace postern::gateway
