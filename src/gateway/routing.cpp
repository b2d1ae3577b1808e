#include "gateway/routing.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "config/validate.hpp"

namespace postern::gateway {
namespace {

Result<Route> make_route(const config::Route& settings, const config::Config& config) {
  Route route;
  route.settings = settings;
  route.settings.domain = to_lower(settings.domain);
  route.id = settings.via;
  const auto colon = settings.via.find(':');
  const std::string kind = settings.via.substr(0, colon);
  const std::string rest = colon == std::string::npos ? "" : settings.via.substr(colon + 1);
  if (kind == "smtp" || kind == "lmtp") {
    POSTERN_TRY(auto at, config::parse_host_port(rest));
    route.via = kind == "smtp" ? Via::Smtp : Via::Lmtp;
    route.host = at.host;
    route.port = at.port;
  } else if (kind == "file") {
    route.via = Via::File;
    route.directory = config.beside_config(rest);
  } else {
    route.via = settings.via == "mailbox" ? Via::Mailbox : Via::Mx;
  }
  return route;
}

}  // namespace

Result<RouteTable> RouteTable::make(const config::Config& config) {
  RouteTable table;
  table.m_local = config.domains.local;
  // RFC 5321 4.5.1: postmaster at this host always has a mailbox, so the host's own name is local.
  if (!table.is_local(to_lower(config.server.hostname))) table.m_local.push_back(to_lower(config.server.hostname));
  for (const auto& settings : config.routes) {
    POSTERN_TRY(auto route, make_route(settings, config));
    if (table.exact(route.settings.domain) != nullptr)
      return fail(ErrorCode::BadInput, "two routes for " + route.settings.domain + "; keep one", "route.domain");
    if (table.by_id(route.id) != nullptr) route.id += "#" + route.settings.domain;  // same next hop, own settings
    table.m_routes.push_back(std::move(route));
  }
  for (const auto& domain : table.m_local) {
    if (table.exact(domain) != nullptr) continue;
    config::Route settings;
    settings.domain = domain;
    settings.via = "mailbox";
    POSTERN_TRY(auto route, make_route(settings, config));
    table.m_routes.push_back(std::move(route));
  }
  if (table.exact("*") == nullptr) {
    POSTERN_TRY(auto route, make_route(config::Route{}, config));
    table.m_routes.push_back(std::move(route));
  }
  return table;
}

const Route* RouteTable::exact(std::string_view domain) const {
  const auto it = std::find_if(m_routes.begin(), m_routes.end(), [&](const Route& r) { return r.settings.domain == domain; });
  return it == m_routes.end() ? nullptr : &*it;
}

const Route& RouteTable::find(std::string_view domain) const {
  if (const Route* route = exact(domain)) return *route;
  for (auto dot = domain.find('.'); dot != std::string_view::npos; dot = domain.find('.', dot + 1)) {
    if (const Route* route = exact(domain.substr(dot))) return *route;
  }
  return *exact("*");
}

const Route* RouteTable::by_id(std::string_view id) const {
  const auto it = std::find_if(m_routes.begin(), m_routes.end(), [&](const Route& r) { return r.id == id; });
  return it == m_routes.end() ? nullptr : &*it;
}

bool RouteTable::is_local(std::string_view domain) const { return std::find(m_local.begin(), m_local.end(), domain) != m_local.end(); }

}  // namespace postern::gateway
