#include "api/vault_port.hpp"

#include <boost/json.hpp>

namespace postern::api {

vault::Reply refusal(int status, std::string_view text) {
  vault::Reply reply;
  reply.status = status;
  reply.body = boost::json::serialize(boost::json::object{{"errors", boost::json::array{text}}});
  return reply;
}

io::Task<vault::Reply> LocalVault::ask(vault::Request request) {
  if (m_core.is_quick(request)) co_return m_core.handle(std::move(request));
  auto reply = co_await m_workers.run([this, &request] { return m_core.handle(std::move(request)); });
  if (reply) co_return *std::move(reply);
  // A full pool pushes back; clients of this API wait and try again on 429 and 503.
  co_return refusal(reply.error().code == ErrorCode::Exhausted ? 429 : 500, reply.error().what);
}

}  // namespace postern::api
