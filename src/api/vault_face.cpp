#include "api/vault_face.hpp"

#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"

namespace postern::api {
namespace {

http::Response response_of(vault::Reply reply, std::string_view ns) {
  http::Response response;
  response.status = reply.status;
  if (reply.status != 204 || !reply.body.empty()) response.headers.set("Content-Type", std::move(reply.content_type));
  response.body = std::move(reply.body);
  response.headers.set("Cache-Control", "no-store");
  if (!ns.empty()) response.headers.set("X-Vault-Namespace", std::string(ns));
  for (auto& [name, value] : reply.headers) response.headers.set(std::move(name), std::move(value));
  return response;
}

}  // namespace

io::Task<http::Response> VaultFace::handle(http::Request request) {
  SystemRandom random;
  auto read = read_vault_request(request, make_uuid(random));
  wipe(request.body);
  if (auto* refused = std::get_if<http::Response>(&read)) co_return std::move(*refused);
  auto& asked = std::get<VaultRequest>(read);
  const std::string ns = asked.request.ns;
  co_return response_of(co_await m_port.ask(std::move(asked.request)), ns);
}

}  // namespace postern::api
