#include "api/remote_vault.hpp"

#include <boost/asio/post.hpp>

#include "base/secret.hpp"
#include "io/sync.hpp"

namespace postern::api {
namespace {

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::Exhausted: return 429;
    case ErrorCode::TooLarge: return 413;
    case ErrorCode::Denied: return 403;
    default: return 503;
  }
}

}  // namespace

/// After what is ready on this loop now: other requests of the same round go with the same write.
void RemoteVault::flush_soon(const io::Executor& loop) {
  // Whose flush waits on this thread's loop. Each loop has its own: one must not wait for what another is busy with.
  static thread_local const RemoteVault* waits = nullptr;
  if (std::exchange(waits, this) == this) return;
  boost::asio::post(loop, [this] {
    waits = nullptr;
    m_client.flush();
  });
}

io::Task<vault::Reply> RemoteVault::ask(vault::Request request) {
  const io::Executor loop = co_await io::this_executor();
  const io::OneShot<Result<vault::Reply>> answer(loop);
  m_client.ask(request, answer.setter(), custody::Link::Send::Later);
  wipe(request.token);
  flush_soon(loop);
  Result<vault::Reply> reply = co_await answer.wait();
  if (reply) co_return *std::move(reply);
  co_return refusal(status_of(reply.error().code), reply.error().what);
}

}  // namespace postern::api
