#include "gateway/routing.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "config/validate.hpp"
#include "gateway/arrival.hpp"
#include "gateway/pipeline.hpp"
#include "mime/address.hpp"

namespace postern::gateway {
namespace {

/// A route's domain may begin with a dot (all below it) or be "*".
std::string route_domain(const std::string& domain) {
  if (domain.empty() || domain == "*") return domain;
  if (domain.front() == '.') return "." + routing_domain(std::string_view(domain).substr(1));
  return routing_domain(domain);
}

Result<Route> make_route(const config::Route& settings, const config::Config& config) {
  Route route;
  route.settings = settings;
  route.settings.domain = route_domain(settings.domain);
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

std::string routing_domain(std::string_view domain) {
  if (is_ascii(domain)) return to_lower(domain);
  auto ascii = to_a_labels(domain);
  return ascii ? *std::move(ascii) : to_lower(domain);
}

Result<RouteTable> RouteTable::make(const config::Config& config) {
  RouteTable table;
  for (const auto& domain : config.domains.local) table.m_local.push_back(routing_domain(domain));
  // RFC 5321 4.5.1: postmaster at this host always has a mailbox, so the host's own name is local.
  if (!table.is_local(config.server.hostname)) table.m_local.push_back(routing_domain(config.server.hostname));
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

const Route& RouteTable::find(std::string_view any_form) const {
  const std::string ascii = routing_domain(any_form);
  const std::string_view domain = ascii;
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

std::string RouteTable::queue_id(std::string_view domain) const {
  const Route& route = find(domain);
  return route.via == Via::Mx ? "mx:" + routing_domain(domain) : route.id;
}

std::string RouteTable::requeue_id(const std::string& id, std::string_view address) const {
  if (id == kPolicyRoute || id == kPolicyClearRoute || id == kBounceRoute || id.starts_with(kX400RoutePrefix)) return id;
  const bool by_mx = id.substr(0, 3) == "mx:";
  const bool known = by_mx ? find(id.substr(3)).via == Via::Mx : by_id(id) != nullptr;
  return known ? id : queue_id(domain_of(address));
}

bool RouteTable::is_local(std::string_view domain) const {
  return std::find(m_local.begin(), m_local.end(), routing_domain(domain)) != m_local.end();
}

}  // namespace postern::gateway
