#include "api/vault_port.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json.hpp>

namespace postern::api {

vault::Reply refusal(int status, std::string_view text) {
  vault::Reply reply;
  reply.status = status;
  reply.body = boost::json::serialize(boost::json::object{{"errors", boost::json::array{text}}});
  return reply;
}

HeldReplies& LocalVault::held_of(const io::Executor& loop) {
  const std::lock_guard lock(m_mutex);
  for (const auto& [at, held] : m_held) {
    if (at == loop) return *held;
  }
  return *m_held.emplace_back(loop, std::make_shared<HeldReplies>(loop)).second;
}

io::Task<vault::Reply> LocalVault::hold_back(vault::Reply reply, vault::AuditReceipt receipt) {
  const io::Executor loop = co_await boost::asio::this_coro::executor;
  const bool recorded = co_await held_of(loop).recorded(std::move(receipt));
  if (!recorded) co_return m_core.refuse_unrecorded(std::move(reply));
  co_return reply;
}

io::Task<vault::Reply> LocalVault::ask(vault::Request request) {
  vault::AuditReceipt receipt;
  std::optional<vault::Reply> quick = m_core.handle_if_quick(request, receipt);
  if (quick && receipt.settled()) co_return *std::move(quick);
  if (quick) co_return co_await hold_back(*std::move(quick), std::move(receipt));
  auto reply = co_await m_workers.run([this, &request] { return m_core.handle(std::move(request)); });
  if (reply) co_return *std::move(reply);
  // A full pool pushes back; clients of this API wait and try again on 429 and 503.
  co_return refusal(reply.error().code == ErrorCode::Exhausted ? 429 : 500, reply.error().what);
}

}  // namespace postern::api
