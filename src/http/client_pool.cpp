#include "http/client_pool.hpp"

#include <algorithm>

#include "http/response_reader.hpp"

namespace postern::http {
namespace {

std::string origin_of(const Url& url) { return (url.tls ? "https://" : "http://") + url.authority(); }

/// RFC 9112 2.2, 3.2: nothing that we are given may end a line early.
Status safe_request(const PoolRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if ((name + value).find_first_of("\r\n") != std::string::npos)
      return fail(ErrorCode::BadInput, "a header field holds a line end", name);
  }
  if ((request.method + request.url.target).find_first_of(" \r\n") != std::string::npos)
    return fail(ErrorCode::BadInput, "method or target hold a space or line end", "target");
  const std::string_view head = as_text(request.head.view());
  if (!head.empty() && (!head.ends_with("\r\n") || head.find("\r\n\r\n") != std::string_view::npos || head.starts_with("\r\n")))
    return fail(ErrorCode::BadInput, "the secret header fields are not whole lines", "head");
  return {};
}

/// The whole request in one piece of wiped memory: one write, and no copy of a secret that nobody wipes.
SecretBytes request_bytes(const PoolRequest& request) {
  std::string open = request.method + " " + request.url.target + " HTTP/1.1\r\nHost: " + request.url.authority() + "\r\n";
  for (const auto& [name, value] : request.headers) open += name + ": " + value + "\r\n";
  open += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  SecretBytes out(open.size() + request.head.size() + 2 + request.body.size());
  auto at = std::ranges::copy(as_bytes(open), out.span().begin()).out;
  at = std::ranges::copy(request.head.view(), at).out;
  at = std::ranges::copy(as_bytes("\r\n"), at).out;
  std::ranges::copy(request.body.view(), at);
  return out;
}

}  // namespace

std::size_t ClientPool::idle() const noexcept {
  std::size_t count = 0;
  for (const auto& [origin, kept] : m_idle) count += kept.size();
  return count;
}

std::optional<io::Stream> ClientPool::take(const std::string& origin) {
  auto& kept = m_idle[origin];
  const SteadyTime oldest = std::chrono::steady_clock::now() - m_options.idle;
  while (!kept.empty()) {
    Kept last = std::move(kept.back());
    kept.pop_back();
    if (last.since >= oldest && last.stream.is_open() && !last.stream.peer_gone()) return std::move(last.stream);
  }
  return std::nullopt;
}

void ClientPool::keep(const std::string& origin, io::Stream stream) {
  auto& kept = m_idle[origin];
  if (kept.size() >= m_options.idle_per_origin) return;
  kept.push_back({std::move(stream), std::chrono::steady_clock::now()});
}

io::Task<Result<io::Stream>> ClientPool::connect(std::vector<io::Endpoint> where_to, const Url& url, SteadyTime deadline) const {
  io::DialOptions dialing;
  dialing.deadline = deadline;
  dialing.device = m_options.interface;
  if (m_options.connect.count() > 0) dialing.per_attempt = m_options.connect;
  auto stream = co_await io::dial(std::move(where_to), dialing);
  if (!stream || !url.tls) co_return stream;
  if (!m_options.tls) co_return fail(ErrorCode::BadInput, "https needs a trust store", "url");
  io::TlsClientOptions tls;
  tls.server_name = m_options.server_name.empty() ? url.host : m_options.server_name;
  tls.ask_for_status = static_cast<bool>(m_options.judge);
  tls.judge = m_options.judge;
  POSTERN_CO_CHECK(co_await stream->start_tls_client(m_options.tls, std::move(tls), deadline));
  co_return stream;
}

io::Task<ClientPool::Attempt> ClientPool::try_on(io::Stream stream, const PoolRequest& request, SteadyTime deadline) {
  const SecretBytes bytes = request_bytes(request);
  ClientOptions options;
  options.body_limit = m_options.body_limit;
  options.secret = true;
  detail::ResponseReader reader(stream, options, request.method == "HEAD");
  // A server may answer and close before it has read everything: what it said counts more than that our write broke.
  const Status written = co_await stream.write_all(bytes.view(), deadline);
  auto answer = co_await reader.read(deadline);
  Attempt out{std::move(answer), reader.got_some()};
  if (!out.answer && !written) out.answer = fail(written.error());
  if (!out.answer) out.answer.error().field = kMayBeSeen;
  if (out.answer && written && reader.reusable()) keep(origin_of(request.url), std::move(stream));
  co_return out;
}

io::Task<Result<ClientResponse>> ClientPool::exchange(std::vector<io::Endpoint> where_to, PoolRequest request, SteadyTime deadline) {
  POSTERN_CO_CHECK(safe_request(request));
  if (request.repeatable) {
    if (auto kept = take(origin_of(request.url))) {
      Attempt attempt = co_await try_on(*std::move(kept), request, deadline);
      const bool stale = !attempt.answer && !attempt.began && attempt.answer.error().code == ErrorCode::Unavailable;
      if (!stale) co_return std::move(attempt.answer);
    }
  }
  POSTERN_CO_TRY(io::Stream stream, co_await connect(std::move(where_to), request.url, deadline));
  Attempt attempt = co_await try_on(std::move(stream), request, deadline);
  co_return std::move(attempt.answer);
}

}  // namespace postern::http
