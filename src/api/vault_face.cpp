#include "api/vault_face.hpp"

#include "base/secret.hpp"
#include "vault/ids.hpp"

namespace postern::api {
namespace {

constexpr std::size_t kReadHere = 256U * 1024;

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
  if (request.body.size() > kReadHere) return handle_large(std::move(request));
  auto read = read_vault_request(request, vault::make_uuid());
  wipe(request.body);
  return ask(std::move(read));
}

io::Task<http::Response> VaultFace::handle_large(http::Request request) {
  auto read = co_await m_workers.run([&request] { return read_vault_request(request, vault::make_uuid()); });
  wipe(request.body);
  if (!read) co_return vault_error(read.error().code == ErrorCode::Exhausted ? 429 : 500, read.error().text());
  co_return co_await ask(*std::move(read));
}

io::Task<http::Response> VaultFace::ask(std::variant<VaultRequest, http::Response> read) {
  if (auto* refused = std::get_if<http::Response>(&read)) co_return std::move(*refused);
  auto& asked = std::get<VaultRequest>(read);
  const std::string ns = asked.request.ns;
  co_return response_of(co_await m_port.ask(std::move(asked.request)), ns);
}

}  // namespace postern::api
