#include "http/connection.hpp"

#include <algorithm>
#include <utility>

#include "base/ids.hpp"
#include "base/log.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "crypto/random.hpp"
#include "http/request_parser.hpp"
#include "http/response_text.hpp"

namespace postern::http {
namespace {

constexpr std::size_t kReadBytes = 64U * 1024;
/// Larger bodies are sent by themselves instead of being copied behind their head.
constexpr std::size_t kTogether = 64U * 1024;

/// What this thread's connections read into. Nothing stays in it: it is read, parsed and wiped without waiting in between.
ByteSpan read_buffer() {
  thread_local const std::unique_ptr<Byte[]> buffer(new Byte[kReadBytes]);
  return {buffer.get(), kReadBytes};
}

/// Memory for an answer's text, kept by the thread while nobody writes; wiped.
thread_local std::string t_spare_text;

void give_back(std::string& text) {
  wipe(text);
  if (text.capacity() <= kTogether) t_spare_text = std::move(text);
}

class BudgetShare {
 public:
  explicit BudgetShare(BodyBudget& budget) : m_budget(budget) {}
  ~BudgetShare() {
    if (m_held > 0) m_budget.give(m_held);
  }
  BudgetShare(const BudgetShare&) = delete;
  BudgetShare& operator=(const BudgetShare&) = delete;
  [[nodiscard]] bool grow_to(std::size_t bytes) {
    if (bytes <= m_held) return true;
    if (!m_budget.take(bytes - m_held)) return false;
    m_held = bytes;
    return true;
  }

 private:
  BodyBudget& m_budget;
  std::size_t m_held = 0;
};

/// RFC 9112 3.2.2: a server accepts the absolute form too; only its path and query count here.
void drop_authority(std::string& target) {
  if (!istarts_with(target, "http://") && !istarts_with(target, "https://")) return;
  const auto path = target.find('/', target.find("//") + 2);
  target = path == std::string::npos ? "/" : target.substr(path);
}

bool has_dot_segment(std::string_view path) noexcept {
  while (!path.empty()) {
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(std::min(segment.size() + 1, path.size()));
  }
  return false;
}

/// Path and query decoded; BadInput for what is not an origin-form target or climbs out of the root.
Status split_target(Request& request) {
  drop_authority(request.target);
  std::string_view target = request.target;
  if (target.empty() || target.front() != '/') return fail(ErrorCode::BadInput, "the request target must begin with /", "target");
  const auto question = target.find('?');
  POSTERN_TRY(request.path, percent_decode(target.substr(0, question)));
  if (has_dot_segment(std::string_view(request.path).substr(1)))
    return fail(ErrorCode::BadInput, "dot segments are not resolved here", "target");
  if (question == std::string_view::npos) return {};
  for (const auto item : split(target.substr(question + 1), '&')) {
    if (item.empty()) continue;
    const auto equals = item.find('=');
    POSTERN_TRY(auto name, percent_decode(item.substr(0, equals), true));
    POSTERN_TRY(auto value, percent_decode(equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1), true));
    request.query.emplace_back(std::move(name), std::move(value));
  }
  return {};
}

class ChunkedStream final : public ResponseStream {
 public:
  ChunkedStream(io::Stream& stream, std::chrono::seconds timeout, const std::atomic<bool>& stopping)
      : m_stream(stream), m_timeout(timeout), m_stopping(stopping) {}

  io::Task<Status> write(std::string_view piece) override {
    if (piece.empty()) co_return Status();
    const std::string chunk = chunk_of(piece);
    Status written = co_await m_stream.write_all(chunk, io::deadline_in(m_timeout));
    if (!written) m_broken = true;
    co_return written;
  }
  [[nodiscard]] bool closed() const override { return m_broken || m_stopping || m_stream.draining() || m_stream.peer_gone(); }
  [[nodiscard]] io::Executor executor() const override { return m_stream.executor(); }
  [[nodiscard]] bool broken() const { return m_broken; }

 private:
  io::Stream& m_stream;
  std::chrono::seconds m_timeout;
  const std::atomic<bool>& m_stopping;
  bool m_broken = false;
};

bool is_bodyless(const Response& response) noexcept { return response.status == 204 || response.status == 304; }

class Connection {
 public:
  Connection(std::shared_ptr<Shared> shared, io::Stream stream)
      : m_shared(std::move(shared)),
        m_stream(std::move(stream)),
        m_parser({limits().header_bytes, limits().body_bytes, ParserLimits{}.fields}) {}

  io::Task<void> run();

 private:
  enum class Read {
    Whole,    ///< The parser has a request.
    More,     ///< Nothing more is there now.
    Refused,  ///< m_refusal is the answer, and the last one.
    Ended,
  };
  [[nodiscard]] const ServerLimits& limits() const { return m_shared->options.limits; }
  [[nodiscard]] bool has_unread() const { return m_read_at < m_unread.size(); }

  io::Task<bool> serve_one(bool may_keep);
  io::Task<Read> await_request(BudgetShare& share);
  [[nodiscard]] Read advance(BudgetShare& share);
  [[nodiscard]] Read feed(std::string_view bytes, std::size_t& used, BudgetShare& share);
  [[nodiscard]] Read refuse(Response response);
  [[nodiscard]] std::optional<Response> complete(Request& request) const;
  [[nodiscard]] Response failed(const std::exception& error) const;
  io::Task<bool> send(Response& response, bool keep, bool head);
  [[nodiscard]] std::optional<bool> send_at_once(Response& response, bool keep, bool head);
  io::Task<bool> send_waiting(Response& response, bool keep, bool head);
  io::Task<bool> send_stream(const Response& response, bool head);

  std::shared_ptr<Shared> m_shared;
  io::Stream m_stream;
  RequestParser m_parser;
  NonceRandom m_random;
  std::string m_unread;  // what came behind a request; an idle connection holds no buffer
  std::size_t m_read_at = 0;
  std::string m_id, m_path;  // of the request that is being answered, for the log
  Response m_refusal;
  std::string m_unsent;  // an answer of which the socket has taken m_sent bytes
  std::size_t m_sent = 0;
  bool m_http_10 = false;
};

io::Task<void> Connection::run() {
  if (m_shared->options.tls) {
    io::SslContext context = m_shared->options.tls();
    if (!context) co_return;
    const Status secured =
        co_await m_stream.start_tls_server(std::move(context), io::deadline_in(limits().header_timeout), m_shared->options.judge_client);
    if (!secured) co_return;
  }
  std::size_t served = 0;
  bool more = true;
  while (more) more = co_await serve_one(++served < limits().requests_per_connection);
  co_await m_stream.close_gracefully(io::deadline_in(std::chrono::seconds(2)));
}

/// False: the connection ends.
io::Task<bool> Connection::serve_one(bool may_keep) {
  if (!has_unread()) {
    const Status ready = co_await m_stream.wait_readable(io::deadline_in(limits().idle_timeout), io::WakeOn::DataOrDrain);
    if (!ready) co_return false;
  }
  m_id = make_ulid(SystemClock().now(), m_random);
  BudgetShare share(m_shared->bodies);
  Read read = advance(share);
  if (read == Read::More && !m_parser.begun()) co_return true;  // TLS's own records, say: the connection is still idle
  if (read == Read::More) read = co_await await_request(share);
  if (read == Read::Ended) co_return false;
  if (read == Read::Refused) {
    (void)co_await send(m_refusal, false, false);
    co_return false;
  }
  m_http_10 = m_parser.is_http_10();
  const bool keep = may_keep && m_parser.keeps_alive() && !m_shared->stopping;
  Request request = m_parser.take();
  const bool head = request.method == "HEAD";
  std::optional<Response> refused = complete(request);
  if (refused) co_return co_await send(*refused, keep, head);
  m_path.assign(request.path);
  Response response;
  try {
    response = co_await m_shared->handler(std::move(request));
  } catch (const std::exception& error) {
    response = failed(error);
  }
  if (const auto done = send_at_once(response, keep, head)) co_return *done;
  co_return co_await send_waiting(response, keep, head);
}

/// The rest of a request that has begun. The time for fields and for a body is one budget each, however the bytes trickle.
io::Task<Connection::Read> Connection::await_request(BudgetShare& share) {
  using Stage = RequestParser::Stage;
  SteadyTime deadline = io::deadline_in(limits().header_timeout);
  bool in_body = false, continued = false;
  Read read = Read::More;
  while (read == Read::More) {
    if (m_parser.stage() == Stage::Body && !in_body) {
      in_body = true;
      deadline = io::deadline_in(limits().body_timeout);
    }
    if (m_parser.expects_continue() && !continued) {
      continued = true;
      const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      (void)co_await m_stream.write_all(go_on, io::deadline_in(limits().write_timeout));
    }
    const Status ready = co_await m_stream.wait_readable(deadline);
    if (!ready && ready.error().code != ErrorCode::Timeout) co_return Read::Ended;
    read = ready ? advance(share) : refuse(problem(408, "timeout", "the request did not arrive in time"));
  }
  co_return read;
}

/// One step: what is left over from before, or what the socket has now.
Connection::Read Connection::advance(BudgetShare& share) {
  std::size_t used = 0;
  if (has_unread()) {
    const Read read = feed(std::string_view(m_unread).substr(m_read_at), used, share);
    m_read_at += used;
    if (has_unread()) return read;
    wipe(m_unread);
    std::string().swap(m_unread);
    m_read_at = 0;
    if (read != Read::More) return read;
  }
  const ByteSpan buffer = read_buffer();
  const auto got = m_stream.try_read(buffer);
  if (!got || (*got && **got == 0)) return Read::Ended;
  if (!*got) return Read::More;
  const ByteSpan fresh = buffer.first(**got);
  const Read read = feed(as_text(fresh), used, share);
  if (used < fresh.size() && read == Read::Whole) m_unread.assign(as_text(fresh.subspan(used)));
  wipe(fresh);
  return read;
}

Connection::Read Connection::feed(std::string_view bytes, std::size_t& used, BudgetShare& share) {
  used = m_parser.feed(bytes);
  if (m_parser.stage() == RequestParser::Stage::Refused) {
    const ParseRefusal& why = m_parser.refusal();
    return refuse(problem(why.status, why.code, why.detail));
  }
  if (!share.grow_to(m_parser.body_bytes()))
    return refuse(problem({ErrorCode::Unavailable, "too much is being uploaded right now; try again in a moment", ""}));
  return m_parser.stage() == RequestParser::Stage::Done ? Read::Whole : Read::More;
}

Connection::Read Connection::refuse(Response response) {
  m_refusal = std::move(response);
  return Read::Refused;
}

/// What the parser does not know. The answer to a target that cannot be.
std::optional<Response> Connection::complete(Request& request) const {
  request.peer = m_stream.peer();
  request.tls = m_stream.is_tls();
  if (request.tls) request.tls_info = &m_stream.info();
  request.id = m_id;
  const Status split = split_target(request);
  if (split) return std::nullopt;
  const auto& own_form = m_shared->options.bad_target;
  return own_form ? own_form(split.error(), request.target) : problem(split.error());
}

Response Connection::failed(const std::exception& error) const {
  log::error("http.handler_failed", {{"request", m_id}, {"path", printable(m_path)}, {"reason", error.what()}});
  return problem(500, "internal", "an internal error; the log has it under this request's id");
}

/// What was sent may have been a secret: neither the text nor the body stays. True: there may be another request.
io::Task<bool> Connection::send(Response& response, bool keep, bool head) {
  if (const auto done = send_at_once(response, keep, head)) co_return *done;
  co_return co_await send_waiting(response, keep, head);
}

/// The usual answer, which the socket takes whole. Nothing: send_waiting() has to go on.
std::optional<bool> Connection::send_at_once(Response& response, bool keep, bool head) {
  if (response.stream || head || is_bodyless(response) || response.body.size() > kTogether) return std::nullopt;
  std::string out = std::exchange(t_spare_text, {});
  append_head(out, response, m_id, {Framing::Body::Length, keep, m_http_10}, response.body.size());
  out += response.body;
  wipe(response.body);
  const Result<std::size_t> sent = m_stream.try_write(as_bytes(out));
  const bool whole = sent && *sent == out.size();
  if (sent && !whole) {
    m_unsent = std::move(out);
    m_sent = *sent;
    return std::nullopt;
  }
  give_back(out);
  return whole && keep;
}

io::Task<bool> Connection::send_waiting(Response& response, bool keep, bool head) {
  if (response.stream) co_return co_await send_stream(response, head);
  std::string out = std::exchange(m_unsent, {});
  bool rest = false;  // of the body, behind `out`
  if (out.empty()) {
    const bool bodyless = is_bodyless(response);
    append_head(out, response, m_id, {bodyless ? Framing::Body::None : Framing::Body::Length, keep, m_http_10});
    rest = !head && !bodyless;
  }
  Status written =
      co_await m_stream.write_all(std::string_view(out).substr(std::exchange(m_sent, 0)), io::deadline_in(limits().write_timeout));
  if (written && rest) written = co_await m_stream.write_all(response.body, io::deadline_in(limits().write_timeout));
  give_back(out);
  wipe(response.body);
  co_return written&& keep;
}

io::Task<bool> Connection::send_stream(const Response& response, bool head) {
  std::string out;
  append_head(out, response, m_id, {Framing::Body::Chunked, false, false});
  const Status written = co_await m_stream.write_all(out, io::deadline_in(limits().write_timeout));
  if (!written || head) co_return false;
  ChunkedStream pieces(m_stream, limits().write_timeout, m_shared->stopping);
  co_await response.stream(pieces);
  const std::string last = "0\r\n\r\n";
  if (!pieces.broken()) (void)co_await m_stream.write_all(last, io::deadline_in(limits().write_timeout));
  co_return false;
}

}  // namespace

io::Task<void> serve(std::shared_ptr<Shared> shared, io::Stream stream) {
  Connection connection(std::move(shared), std::move(stream));
  co_await connection.run();
}

}  // namespace postern::http
