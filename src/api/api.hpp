// The HTTP face of one gateway: status, health, metrics, the live page, REST under /api/v1, and the key engine's Vault API under /v1.
//
// /healthz, /readyz, /status and /metrics need no token and name no person. Everything else wants `Authorization: Bearer TOKEN`: that of
// data_dir/admin.token (0600), made on first start, or an operator's with the role that it takes (operators.hpp). Errors are problem+json
// (RFC 9457). Answers are JSON unless said otherwise; times RFC 3339 UTC, sizes bytes. While the mail system's keys cannot be used (a
// sealed key engine), all of /api/v1 is 503 "sealed" and /readyz and /status say why.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/engine_state.hpp"
#include "api/mta_hook.hpp"
#include "api/operators.hpp"
#include "api/process_state.hpp"
#include "api/vault_face.hpp"
#include "cabinet/cabinet.hpp"
#include "gateway/gateway.hpp"
#include "http/router.hpp"
#include "mhs/service.hpp"
#include "transport/service.hpp"

namespace postern::api {

/// data_dir/admin.token: read, or made. Api::make() does it; a daemon whose gate may not write there does it before.
[[nodiscard]] Result<std::string> load_or_make_token(const std::string& path, Random& random);

class Api {
 public:
  /// Reads or makes the token. `vault` may be null: then nothing is under /v1. Both must outlive the Api.
  /// `engine` and `processes`: the key engine's and the daemon's state for /status; either may be empty. `x400`: null where there is no
  /// MTA. `transport`: the X.400 service by [transport], `cabinet`: the operator's mailbox over it; null in tests of other parts.
  [[nodiscard]] static Result<std::unique_ptr<Api>> make(gateway::Gateway& gateway, VaultPort* vault = nullptr,
                                                         EngineStateSource engine = {}, ProcessSource processes = {},
                                                         mhs::Service* x400 = nullptr, transport::Service* transport = nullptr,
                                                         cabinet::Cabinet* cabinet = nullptr);

  [[nodiscard]] const std::string& token() const noexcept { return m_token; }
  /// For http::Server.
  [[nodiscard]] http::Handler handler();

 private:
  Api(gateway::Gateway& gateway, VaultPort* vault, EngineStateSource engine, ProcessSource processes, mhs::Service* x400,
      transport::Service* transport, cabinet::Cabinet* cabinet, std::string token);
  gateway::Gateway& m_gateway;
  EngineStateSource m_engine;
  ProcessSource m_processes;
  mhs::Service* m_x400;
  transport::Service* m_transport;
  cabinet::Cabinet* m_cabinet;
  std::optional<VaultFace> m_vault;
  std::unique_ptr<MtaHookFace> m_hook;  ///< Null: off.
  std::string m_token;
  Operators m_operators;
  http::Router m_router;
};

/// The parts, each in its own file; they add their routes.
struct Routes {
  gateway::Gateway& gateway;
  http::Router& router;
  const Operators& operators;
  const EngineStateSource& engine;
  const ProcessSource& processes;
  mhs::Service* x400;             ///< Null: no MTA.
  transport::Service* transport;  ///< Null in tests of other parts.
  cabinet::Cabinet* cabinet;      ///< The same.

  /// A handler that only runs for who has at least this role; Request::user is his name.
  void add(std::string_view method, std::string_view pattern, http::Handler handler, Role needs = Role::Admin) const;
  /// The same for work that blocks (database, keys): runs on the worker pool.
  void add_slow(std::string_view method, std::string_view pattern, std::function<http::Response(const http::Request&)> handler,
                Role needs = Role::Admin) const;
  /// Blocking work for anybody, without a token.
  void add_open_slow(std::string_view method, std::string_view pattern, std::function<http::Response(const http::Request&)> handler) const;
};
void add_status_routes(const Routes& routes);     ///< /healthz /readyz /status /metrics
void add_page_routes(const Routes& routes);       ///< / and its assets
void add_queue_routes(const Routes& routes);      ///< /api/v1/messages, /api/v1/queue, /api/v1/events
void add_mail_routes(const Routes& routes);       ///< /api/v1/mail, /api/v1/verify, /api/v1/policy/explain
void add_key_routes(const Routes& routes);        ///< /api/v1/keys, /api/v1/identities
void add_rotation_routes(const Routes& routes);   ///< /api/v1/rotation, /api/v1/tenants
void add_outbound_routes(const Routes& routes);   ///< /api/v1/outbound, /api/v1/reports
void add_chart_routes(const Routes& routes);      ///< /api/v1/reports/summary
void add_dns_routes(const Routes& routes);        ///< /api/v1/dns
void add_x400_routes(const Routes& routes);       ///< /api/v1/x400/mailboxes
void add_transport_routes(const Routes& routes);  ///< /api/v1/x400/bind-test
void add_cabinet_routes(const Routes& routes);    ///< /api/v1/x400: docs/x400-mailbox.md; /trace/bundle
void add_admin_routes(const Routes& routes);      ///< /api/v1/audit, /api/v1/users, /api/v1/config

/// The body as an object; BadInput when it is none.
[[nodiscard]] Result<boost::json::object> object_body(const http::Request& request);
/// A text field of it; `fallback` when it is missing or no text.
[[nodiscard]] std::string text_field(const boost::json::object& object, std::string_view field, std::string_view fallback = {});
/// An audit record "admin" for what whoever asks did.
[[nodiscard]] AuditRecord admin_record(const gateway::Gateway& gateway, const http::Request& request, std::string_view act,
                                       AuditFacts facts);
/// A query parameter as a number within bounds; the default when absent.
[[nodiscard]] Result<std::size_t> number_parameter(const http::Request& request, std::string_view name, std::size_t fallback,
                                                   std::size_t most);

}  // namespace postern::api
