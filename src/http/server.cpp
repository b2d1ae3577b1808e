#include "http/server.hpp"

#include "base/ids.hpp"
#include "crypto/random.hpp"
#include "http/connection.hpp"
#include "http/response_text.hpp"

namespace postern::http {
namespace {

/// What a connection over the limits is told (without TLS; a handshake would cost what is short).
std::string turn_away(io::Refusal) {
  NonceRandom random;
  const Response busy = problem({ErrorCode::Unavailable, "too many connections right now; try again in a moment", ""});
  std::string out;
  append_head(out, busy, make_ulid(SystemClock().now(), random), {Framing::Body::Length, false, false}, busy.body.size());
  return out + busy.body;
}

}  // namespace

struct Server::Impl {
  std::shared_ptr<Shared> shared;
  std::unique_ptr<io::Listener> listener;
};

Server::Server(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::open(io::Loops& loops, ServerOptions options, Handler handler) {
  io::ListenOptions listen;
  listen.name = options.name;
  listen.address = options.address;
  listen.device = options.interface;
  listen.max_connections = options.limits.max_connections;
  listen.max_per_peer = options.limits.max_per_peer;
  listen.loops = options.loops;
  if (!options.tls) listen.refuse = turn_away;
  auto impl = std::make_unique<Impl>();
  impl->shared = std::make_shared<Shared>(std::move(options), std::move(handler));
  POSTERN_TRY(impl->listener, io::Listener::open(loops, std::move(listen),
                                                 [shared = impl->shared](io::Stream stream) { return serve(shared, std::move(stream)); }));
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

const io::Endpoint& Server::local() const noexcept { return m_impl->listener->local(); }
io::ListenerStats Server::stats() const { return m_impl->listener->stats(); }

io::Task<void> Server::stop(SteadyTime deadline) {
  m_impl->shared->stopping = true;
  (void)co_await m_impl->listener->drain(deadline);
}

}  // namespace postern::http
