#include "api/vault_face.hpp"

#include "base/secret.hpp"
#include "vault/ids.hpp"

namespace postern::api {
namespace {

http::Response response_of(vault::Reply reply, std::string_view ns) {
  http::Response response;
  response.status = reply.status;
  response.headers.reserve(reply.headers.size() + 2);
  if (reply.status != 204 || !reply.body.empty()) response.headers.add("Content-Type", std::move(reply.content_type));
  response.body = std::move(reply.body);
  if (!ns.empty()) response.headers.add("X-Vault-Namespace", std::string(ns));
  for (auto& [name, value] : reply.headers) response.headers.set(std::move(name), std::move(value));
  return response;
}

}  // namespace

io::Task<http::Response> VaultFace::handle(http::Request request) {
  auto read = read_vault_request(request, vault::make_uuid());
  wipe(request.body);
  if (auto* refused = std::get_if<http::Response>(&read)) co_return std::move(*refused);
  auto& asked = std::get<VaultRequest>(read);
  const std::string ns = asked.request.ns;
  co_return response_of(co_await m_port.ask(std::move(asked.request)), ns);
}

}  // namespace postern::api
