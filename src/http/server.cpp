#include "http/server.hpp"

#include <algorithm>
#include <atomic>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <mutex>

#include "base/ids.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace postern::http {
namespace {

namespace beast = boost::beast::http;
using Parser = beast::request_parser<beast::string_body>;

constexpr std::size_t kReadBytes = 16U * 1024;

/// Bodies of all connections together.
class BodyBudget {
 public:
  explicit BodyBudget(std::size_t most) : m_most(most) {}
  bool take(std::size_t bytes) {
    if (m_used.fetch_add(bytes) + bytes <= m_most) return true;
    m_used -= bytes;
    return false;
  }
  void give(std::size_t bytes) { m_used -= bytes; }

 private:
  std::size_t m_most;
  std::atomic<std::size_t> m_used{0};
};

class BudgetShare {
 public:
  explicit BudgetShare(BodyBudget& budget) : m_budget(budget) {}
  ~BudgetShare() { m_budget.give(m_held); }
  BudgetShare(const BudgetShare&) = delete;
  BudgetShare& operator=(const BudgetShare&) = delete;
  bool grow_to(std::size_t bytes) {
    if (bytes <= m_held) return true;
    if (!m_budget.take(bytes - m_held)) return false;
    m_held = bytes;
    return true;
  }

 private:
  BodyBudget& m_budget;
  std::size_t m_held = 0;
};

/// The answer to a request that could not be parsed.
Response refusal_for(const boost::system::error_code& error) {
  if (error == beast::error::header_limit) return problem(431, "header_too_large", "the request's header fields are too large");
  if (error == beast::error::body_limit) return problem(413, "body_too_large", "the request's body is larger than this server takes");
  if (error == beast::error::bad_version) return problem(505, "http_version", "this server speaks HTTP/1.1");
  return problem(400, "bad_request", "not an HTTP/1.1 request: " + error.message());
}

/// RFC 9112 6.1, 6.3: what two parsers could read differently is refused.
std::optional<Response> refuse_framing(const Headers& headers, unsigned version) {
  if (headers.count("Content-Length") > 1) return problem(400, "bad_request", "more than one Content-Length");
  // RFC 9112 6.3 lets a recipient read "4, 4" as 4; we need not.
  const std::string_view length = headers.get("Content-Length");
  if (!std::all_of(length.begin(), length.end(), is_digit)) return problem(400, "bad_request", "Content-Length is not a number");
  if (!headers.has("Transfer-Encoding")) return std::nullopt;
  const std::string_view coding = headers.get("Transfer-Encoding");
  if (headers.has("Content-Length")) return problem(400, "bad_request", "both Content-Length and Transfer-Encoding");
  // RFC 9112 6.1: "A server or client that receives an HTTP/1.0 message containing a Transfer-Encoding header field MUST treat the message
  // as if the framing is faulty"
  if (version < 11) return problem(400, "bad_request", "Transfer-Encoding in HTTP/1.0");
  if (headers.count("Transfer-Encoding") > 1 || !iequals(trim(coding), "chunked"))
    return problem(501, "transfer_coding", "the only transfer coding here is chunked");
  return std::nullopt;
}

/// RFC 9112 5.2: "A server that receives an obs-fold in a request message [...] MUST either reject the message by sending a 400 [...]". The
/// parser would join the lines in silence, and a field hidden in a fold from others would not be hidden from us, or the other way round.
bool has_folded_line(std::string_view head) {
  const std::size_t end = head.find("\r\n\r\n");
  head = head.substr(0, end == std::string_view::npos ? head.size() : end);
  return head.find("\r\n ") != std::string_view::npos || head.find("\r\n\t") != std::string_view::npos;
}

/// RFC 9112 3.2.2: a server accepts the absolute form too; only its path and query count here.
void drop_authority(std::string& target) {
  if (!istarts_with(target, "http://") && !istarts_with(target, "https://")) return;
  const auto path = target.find('/', target.find("//") + 2);
  target = path == std::string::npos ? "/" : target.substr(path);
}

/// Path and query decoded; BadInput for what is not an origin-form target or climbs out of the root.
Status split_target(Request& request) {
  drop_authority(request.target);
  std::string_view target = request.target;
  if (target.empty() || target.front() != '/') return fail(ErrorCode::BadInput, "the request target must begin with /", "target");
  const auto question = target.find('?');
  POSTERN_TRY(request.path, percent_decode(target.substr(0, question)));
  for (const auto segment : split(std::string_view(request.path).substr(1), '/')) {
    if (segment == "." || segment == "..") return fail(ErrorCode::BadInput, "dot segments are not resolved here", "target");
  }
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

std::string head_of(const Response& response, const std::string& id, bool keep_alive, std::string_view framing) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason_phrase(response.status)) + "\r\n";
  for (const auto& [name, value] : response.headers) {
    // A value that would end its line ends the header instead of the field: never let it out.
    if (value.find_first_of("\r\n") != std::string::npos || name.find_first_of("\r\n:") != std::string::npos) continue;
    out += name + ": " + value + "\r\n";
  }
  if (!response.headers.has("X-Content-Type-Options")) out += "X-Content-Type-Options: nosniff\r\n";
  if (!response.headers.has("Cache-Control")) out += "Cache-Control: no-store\r\n";
  out += "X-Request-Id: " + id + "\r\n";
  out += framing;
  out += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
  return out;
}

std::string chunk_of(std::string_view piece) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string size;
  for (std::size_t n = piece.size(); n != 0; n >>= 4) size.insert(size.begin(), digits[n & 15]);
  return size + "\r\n" + std::string(piece) + "\r\n";
}

/// What a connection over the limits is told (without TLS; a handshake would cost what is short).
std::string turn_away(io::Refusal) {
  SystemRandom random;
  Response busy = problem({ErrorCode::Unavailable, "too many connections right now; try again in a moment", ""});
  const std::string framing = "Content-Length: " + std::to_string(busy.body.size()) + "\r\n";
  return head_of(busy, make_ulid(SystemClock().now(), random), false, framing) + busy.body;
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

/// What connections share.
struct Shared {
  ServerOptions options;
  Handler handler;
  BodyBudget bodies;
  std::atomic<bool> stopping{false};

  Shared(ServerOptions o, Handler h) : options(std::move(o)), handler(std::move(h)), bodies(options.limits.body_bytes_total) {}
};

/// One connection: requests one after the other; pipelined ones wait in the buffer.
class Connection {
 public:
  Connection(std::shared_ptr<Shared> shared, io::Stream stream) : m_shared(std::move(shared)), m_stream(std::move(stream)) {}

  io::Task<void> run() {
    if (m_shared->options.tls) {
      const Status secured = co_await m_stream.start_tls_server(m_shared->options.tls, io::deadline_in(limits().header_timeout));
      if (!secured) co_return;
    }
    std::size_t served = 0;
    bool more = true;
    while (more) {
      more = co_await serve_one(++served < limits().requests_per_connection);
    }
    co_await m_stream.close_gracefully(io::deadline_in(std::chrono::seconds(2)));
  }

 private:
  [[nodiscard]] const ServerLimits& limits() const { return m_shared->options.limits; }

  /// False: the connection ends.
  io::Task<bool> serve_one(bool may_keep) {
    if (m_buffer.empty()) {
      std::string().swap(m_buffer);  // an idle connection holds no buffer
      const Status ready = co_await m_stream.wait_readable(io::deadline_in(limits().idle_timeout), io::WakeOn::DataOrDrain);
      if (!ready) co_return false;
    }
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(limits().header_bytes));
    parser.body_limit(limits().body_bytes);
    parser.eager(true);
    m_id = make_ulid(SystemClock().now(), m_random);
    BudgetShare share(m_shared->bodies);
    std::optional<Response> refused = co_await read_request(parser, share);
    if (m_ended) co_return false;
    if (refused) {
      (void)co_await send(*refused, false, false);
      co_return false;
    }
    Request request;
    request.method = std::string(parser.get().method_string());
    const bool head = request.method == "HEAD";
    const bool keep = may_keep && parser.keep_alive() && !m_shared->stopping;
    refused = fill(request, parser);
    if (refused) co_return co_await send(*refused, keep, head);
    Response response = co_await answer(std::move(request));
    co_return co_await send(response, keep, head);
  }

  /// Reads until the parser is content. An answer: what was wrong.
  io::Task<std::optional<Response>> read_request(Parser& parser, BudgetShare& share) {
    SteadyTime deadline = io::deadline_in(limits().header_timeout);
    bool header_seen = false;
    for (;;) {
      if (!m_buffer.empty()) {
        // RFC 9112 2.2: "a server that is expecting to receive and parse a request-line SHOULD ignore at least one empty line (CRLF)"
        if (!parser.got_some() && m_buffer.starts_with("\r\n")) m_buffer.erase(0, 2);
        if (!header_seen && has_folded_line(m_buffer)) co_return problem(400, "bad_request", "a header field is folded over two lines");
        boost::system::error_code error;
        const std::size_t used = parser.put(boost::asio::buffer(m_buffer), error);
        m_buffer.erase(0, used);
        if (error && error != beast::error::need_more) co_return refusal_for(error);
        if (!header_seen && parser.is_header_done()) {
          header_seen = true;
          deadline = io::deadline_in(limits().body_timeout);
          auto refused = co_await check_header(parser);
          if (refused) co_return refused;
        }
        if (!share.grow_to(parser.get().body().size()))
          co_return problem({ErrorCode::Unavailable, "too much is being uploaded right now; try again in a moment", ""});
        if (parser.is_done()) co_return std::nullopt;
        if (used > 0 && !m_buffer.empty()) continue;
        // The parser has limits for fields and bodies, but none for chunk extensions and trailers.
        if (m_buffer.size() > limits().header_bytes)
          co_return problem(header_seen ? 400 : 431, "header_too_large", "a line of the request is too long");
      }
      const std::size_t before = m_buffer.size();
      m_buffer.resize(before + kReadBytes);
      const auto got = co_await m_stream.read_some(ByteSpan(reinterpret_cast<Byte*>(m_buffer.data()) + before, kReadBytes), deadline);
      m_buffer.resize(before + (got ? *got : 0));
      if (!got && got.error().code == ErrorCode::Timeout) co_return problem(408, "timeout", "the request did not arrive in time");
      m_ended = !got || *got == 0;
      if (m_ended) co_return std::nullopt;
    }
  }

  io::Task<std::optional<Response>> check_header(const Parser& parser) {
    Headers headers;
    for (const auto& field : parser.get()) headers.add(std::string(field.name_string()), std::string(field.value()));
    if (parser.get().version() != 11 && parser.get().version() != 10) co_return problem(505, "http_version", "this server speaks HTTP/1.1");
    auto refused = refuse_framing(headers, parser.get().version());
    if (refused) co_return refused;
    // RFC 9112 3.2: exactly one Host in HTTP/1.1.
    if (headers.count("Host") > 1 || (parser.get().version() == 11 && !headers.has("Host")))
      co_return problem(400, "bad_request", "exactly one Host is needed");
    const std::string_view expect = headers.get("Expect");
    if (expect.empty() || parser.get().version() < 11 || parser.is_done()) co_return std::nullopt;  // RFC 9110 10.1.1
    if (!iequals(expect, "100-continue")) co_return problem(417, "expectation", "the only expectation met here is 100-continue");
    const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    (void)co_await m_stream.write_all(go_on, io::deadline_in(limits().write_timeout));
    co_return std::nullopt;
  }

  std::optional<Response> fill(Request& request, Parser& parser) {
    auto& message = parser.get();
    request.target = std::string(message.target());
    for (const auto& field : message) request.headers.add(std::string(field.name_string()), std::string(field.value()));
    request.body = std::move(message.body());
    request.peer = m_stream.peer();
    request.tls = m_stream.is_tls();
    request.tls_info = m_stream.info();
    request.id = m_id;
    if (const Status split = split_target(request); !split) {
      const auto& own_form = m_shared->options.bad_target;
      return own_form ? own_form(split.error(), request.target) : problem(split.error());
    }
    return std::nullopt;
  }

  io::Task<Response> answer(Request request) {
    const std::string path = request.path;
    try {
      co_return co_await m_shared->handler(std::move(request));
    } catch (const std::exception& error) {
      log::error("http.handler_failed", {{"request", m_id}, {"path", printable(path)}, {"reason", error.what()}});
    }
    co_return problem(500, "internal", "an internal error; the log has it under this request's id");
  }

  io::Task<bool> send(const Response& response, bool keep, bool head) {
    if (response.stream) co_return co_await send_stream(response, head);
    const bool bodyless = response.status == 204 || response.status == 304;
    const std::string framing = bodyless ? "" : "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
    std::string out = head_of(response, m_id, keep, framing);
    if (!head && !bodyless) out += response.body;
    const Status written = co_await m_stream.write_all(out, io::deadline_in(limits().write_timeout));
    co_return written&& keep;
  }

  io::Task<bool> send_stream(const Response& response, bool head) {
    const std::string out = head_of(response, m_id, false, "Transfer-Encoding: chunked\r\n");
    const Status written = co_await m_stream.write_all(out, io::deadline_in(limits().write_timeout));
    if (!written || head) co_return false;
    ChunkedStream pieces(m_stream, limits().write_timeout, m_shared->stopping);
    co_await response.stream(pieces);
    const std::string last = "0\r\n\r\n";
    if (!pieces.broken()) (void)co_await m_stream.write_all(last, io::deadline_in(limits().write_timeout));
    co_return false;
  }

  std::shared_ptr<Shared> m_shared;
  io::Stream m_stream;
  SystemRandom m_random;
  std::string m_buffer;
  std::string m_id;
  bool m_ended = false;
};

io::Task<void> serve(std::shared_ptr<Shared> shared, io::Stream stream) {
  Connection connection(std::move(shared), std::move(stream));
  co_await connection.run();
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
  listen.max_connections = options.limits.max_connections;
  listen.max_per_peer = options.limits.max_per_peer;
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
