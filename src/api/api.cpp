#include "api/api.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <charconv>
#include <fstream>

#include "base/secret.hpp"
#include "base/text.hpp"

namespace postern::api {
namespace {

constexpr std::size_t kTokenBytes = 32;

http::Response unauthorized() {
  auto response =
      http::problem(401, "unauthorized",
                    "send Authorization: Bearer TOKEN; the token stands in admin.token in the data directory, or is an operator's own");
  response.headers.set("WWW-Authenticate", "Bearer");
  return response;
}

http::Response forbidden(const Operator& who, Role needs) {
  return http::problem(403, "forbidden",
                       "this takes the role " + std::string(name_of(needs)) + ", and " + who.name + " has the role " +
                           std::string(name_of(who.role)) + "; ask an admin");
}

io::Task<http::Response> guarded(const http::Handler& handler, http::Request request, const Operators& operators, Role needs) {
  const Operator* who = operators.find(request.headers.get("Authorization"));
  if (who == nullptr) co_return unauthorized();
  if (!may(who->role, needs)) co_return forbidden(*who, needs);
  request.user = who->name;
  co_return co_await handler(std::move(request));
}

io::Task<http::Response> on_worker(gateway::Gateway& gateway, const std::function<http::Response(const http::Request&)>& work,
                                   http::Request request) {
  auto job = [&work, request = std::move(request)]() mutable -> Result<http::Response> {
    auto response = work(request);
    wipe(request.body);  // it may hold a password
    return response;
  };
  auto done = co_await gateway.workers().run(std::move(job));
  co_return done ? *std::move(done) : http::problem(done.error());
}

/// Whatever is asked of the mail system needs its keys.
io::Task<http::Response> closed(Error why) { co_return http::problem(503, "sealed", why.text()); }

}  // namespace

Result<std::string> load_or_make_token(const std::string& path, Random& random) {
  if (std::ifstream file(path); file) {
    std::string text;
    std::getline(file, text);
    if (trim(text).size() < kTokenBytes)
      return fail(ErrorCode::BadInput, path + " holds no token; delete it and start again to have one made");
    return std::string(trim(text));
  }
  const std::string token = base64url_encode(random.bytes(kTokenBytes));
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const std::string line = token + "\n";
  const bool written = fd >= 0 && ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!written) return fail(ErrorCode::Unavailable, "cannot write " + path + "; check the permissions of the data directory");
  return token;
}

void Routes::add(std::string_view method, std::string_view pattern, http::Handler handler, Role needs) const {
  router.add(method, pattern, http::Handler([handler = std::move(handler), &known = operators, needs](http::Request request) {
               return guarded(handler, std::move(request), known, needs);
             }));
}

void Routes::add_slow(std::string_view method, std::string_view pattern, std::function<http::Response(const http::Request&)> handler,
                      Role needs) const {
  add(
      method, pattern,
      [handler = std::move(handler), &gate = gateway](http::Request request) { return on_worker(gate, handler, std::move(request)); },
      needs);
}

void Routes::add_open_slow(std::string_view method, std::string_view pattern,
                           std::function<http::Response(const http::Request&)> handler) const {
  router.add(method, pattern, http::Handler([handler = std::move(handler), &gate = gateway](http::Request request) {
               return on_worker(gate, handler, std::move(request));
             }));
}

Result<std::unique_ptr<Api>> Api::make(gateway::Gateway& gateway, VaultPort* vault, EngineStateSource engine, ProcessSource processes,
                                       mhs::Service* x400, transport::Service* transport, cabinet::Cabinet* cabinet) {
  POSTERN_TRY(auto token, load_or_make_token(gateway.config().in_data_dir("admin.token"), gateway.random()));
  POSTERN_TRY(auto operators, Operators::make(gateway.config(), token));
  POSTERN_TRY(auto hook, MtaHookFace::make(gateway));
  std::unique_ptr<Api> api(new Api(gateway, vault, std::move(engine), std::move(processes), x400, transport, cabinet, std::move(token)));
  api->m_operators = std::move(operators);
  api->m_hook = std::move(hook);
  return api;
}

Api::Api(gateway::Gateway& gateway, VaultPort* vault, EngineStateSource engine, ProcessSource processes, mhs::Service* x400,
         transport::Service* transport, cabinet::Cabinet* cabinet, std::string token)
    : m_gateway(gateway),
      m_engine(std::move(engine)),
      m_processes(std::move(processes)),
      m_x400(x400),
      m_transport(transport),
      m_cabinet(cabinet),
      m_token(std::move(token)) {
  if (vault != nullptr) m_vault.emplace(*vault, m_gateway.workers());
  const Routes routes{m_gateway, m_router, m_operators, m_engine, m_processes, m_x400, m_transport, m_cabinet};
  add_status_routes(routes);
  add_page_routes(routes);
  add_queue_routes(routes);
  add_mail_routes(routes);
  add_key_routes(routes);
  add_rotation_routes(routes);
  add_outbound_routes(routes);
  add_chart_routes(routes);
  add_dns_routes(routes);
  add_x400_routes(routes);
  add_transport_routes(routes);
  add_cabinet_routes(routes);
  add_admin_routes(routes);
}

http::Handler Api::handler() {
  return [this](http::Request request) {
    if (m_hook && m_hook->takes(request)) return m_hook->handle(std::move(request));
    if (m_vault && VaultFace::takes(request.path)) return m_vault->handle(std::move(request));
    if (request.path.starts_with("/api/")) {
      if (const Status open = m_gateway.mail_open(); !open) return closed(open.error());
    }
    return m_router.handle(std::move(request));
  };
}

Result<boost::json::object> object_body(const http::Request& request) {
  const auto body = request.json();
  if (!body) return fail(body.error());
  if (!body->is_object()) return fail(ErrorCode::BadInput, "the body must be a JSON object", "body");
  return body->as_object();
}

std::string text_field(const boost::json::object& object, std::string_view field, std::string_view fallback) {
  const auto* value = object.if_contains(field);
  return std::string(value != nullptr && value->is_string() ? std::string_view(value->as_string()) : fallback);
}

AuditRecord admin_record(const gateway::Gateway& gateway, const http::Request& request, std::string_view act, AuditFacts facts) {
  AuditRecord record;
  record.time = gateway.clock().now();
  record.kind = "admin";
  record.correlation = CorrelationId(request.id);
  record.actor = request.user;
  record.facts = facts.add("act", act).text();
  return record;
}

Result<std::size_t> number_parameter(const http::Request& request, std::string_view name, std::size_t fallback, std::size_t most) {
  if (!request.has_query(name)) return fallback;
  const std::string_view text = request.query_value(name);
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > most)
    return fail(ErrorCode::BadInput, "must be a number up to " + std::to_string(most), std::string(name));
  return value;
}

}  // namespace postern::api
