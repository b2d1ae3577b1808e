#include "vaultkeeper/http_transport.hpp"

#include <charconv>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/text.hpp"
#include "io/loops.hpp"

namespace postern::vaultkeeper {
namespace {

constexpr std::chrono::seconds kNameLife{60};
constexpr std::chrono::seconds kConnect{2};    // one address of a name; the next may be alive
constexpr std::chrono::seconds kLastGrace{1};  // the coroutine ends at the deadline by itself; this is for a loop that is late

using Endpoints = std::vector<io::Endpoint>;

/// Names to addresses by the system's resolver, which knows no deadlines: it runs on a thread of its own, and whoever waits gives up in
/// time. One question per name at a time; an old answer serves while there is no new one.
class Names : public std::enable_shared_from_this<Names> {
 public:
  Result<Endpoints> find(const std::string& host, SteadyTime deadline) {
    if (const auto ip = io::IpAddress::parse(host)) return Endpoints{{*ip, 0, {}}};
    std::unique_lock lock(m_mutex);
    Entry& entry = m_entries[host];
    const bool fresh = entry.answer && *entry.answer && std::chrono::steady_clock::now() < entry.until;
    if (!fresh && !entry.asking) {
      std::thread([self = shared_from_this(), host] { self->ask(host); }).detach();  // it waits for our lock
      entry.asking = true;
    }
    const bool usable = entry.answer && *entry.answer;
    if (!usable && !m_bell.wait_until(lock, deadline, [&] { return !entry.asking; }))
      return fail(ErrorCode::Timeout, "looking up " + host + " takes too long", "host");
    return *entry.answer;
  }

  /// What it leads to does not answer: look again.
  void doubt(const std::string& host) {
    const std::lock_guard lock(m_mutex);
    if (const auto found = m_entries.find(host); found != m_entries.end()) found->second.until = {};
  }

 private:
  struct Entry {
    std::optional<Result<Endpoints>> answer;
    SteadyTime until{};
    bool asking = false;
  };

  void ask(const std::string& host) {
    http::Url url;
    url.host = host;
    auto answer = http::look_up(url);
    const std::lock_guard lock(m_mutex);
    Entry& entry = m_entries[host];
    const bool keep_old = !answer && entry.answer && *entry.answer;
    if (!keep_old) entry.answer = std::move(answer);
    entry.until = std::chrono::steady_clock::now() + kNameLife;
    entry.asking = false;
    m_bell.notify_all();
  }

  std::mutex m_mutex;
  std::condition_variable m_bell;
  std::map<std::string, Entry> m_entries;  // the names of settings and redirects: few
};

/// A bounded number of places, and of callers that wait for one.
class Places {
 public:
  Places(std::size_t places, std::size_t waiting) : m_free(places), m_may_wait(waiting) {}

  Status take(SteadyTime deadline) {
    std::unique_lock lock(m_mutex);
    if (m_free == 0 && m_waiting >= m_may_wait)
      return fail(ErrorCode::Unavailable, "too many callers wait for the external Vault; raise keys.vault.connections");
    ++m_waiting;
    const bool got = m_bell.wait_until(lock, deadline, [this] { return m_free > 0; });
    --m_waiting;
    if (!got) return fail(ErrorCode::Timeout, "no connection to the external Vault became free in time");
    --m_free;
    return {};
  }
  void give() {
    const std::lock_guard lock(m_mutex);
    ++m_free;
    m_bell.notify_one();
  }

 private:
  std::mutex m_mutex;
  std::condition_variable m_bell;
  std::size_t m_free, m_waiting = 0;
  const std::size_t m_may_wait;
};

class Place {
 public:
  explicit Place(Places& places) : m_places(places) {}
  ~Place() { m_places.give(); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  Places& m_places;
};

/// One exchange between a waiting caller and the loop; whoever is last destroys it.
struct Exchange {
  std::mutex mutex;
  std::condition_variable bell;
  std::optional<Result<http::ClientResponse>> result;
};

SecretBytes secret_head(ByteView token) {
  if (token.empty()) return {};
  constexpr std::string_view kName = "X-Vault-Token: ";
  SecretBytes out(kName.size() + token.size() + 2);
  auto at = std::copy(kName.begin(), kName.end(), out.span().begin());
  at = std::copy(token.begin(), token.end(), at);
  *at++ = '\r';
  *at = '\n';
  return out;
}

std::optional<std::chrono::seconds> seconds_of(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds(value);
}

class HttpTransport final : public Transport {
 public:
  explicit HttpTransport(HttpTransportOptions options)
      : m_places(options.connections, options.waiting),
        m_names(std::make_shared<Names>()),
        m_pool(std::make_shared<http::ClientPool>(pool_options(options))) {
    m_loops.start();
  }
  ~HttpTransport() override {
    m_loops.stop();
    m_loops.join();
    m_pool.reset();
    m_loops.clear();
  }

  Result<Reply> exchange(const Envelope& envelope, SteadyTime deadline) override {
    POSTERN_TRY(http::PoolRequest request, request_of(envelope));
    const std::string host = request.url.host;
    POSTERN_TRY(Endpoints where_to, m_names->find(host, deadline));
    for (io::Endpoint& endpoint : where_to) endpoint.port = request.url.port;
    POSTERN_CHECK(m_places.take(deadline));
    const Place place(m_places);
    auto answer = run(std::move(where_to), std::move(request), deadline);
    if (answer) return reply_of(*std::move(answer));
    m_names->doubt(host);
    return fail(std::move(answer).error());
  }

 private:
  static http::PoolOptions pool_options(const HttpTransportOptions& options) {
    http::PoolOptions out;
    out.tls = options.tls;
    out.judge = options.judge;
    out.server_name = options.server_name;
    out.interface = options.interface;
    out.body_limit = kAnswerLimit;
    out.idle_per_origin = options.connections;
    out.connect = kConnect;
    return out;
  }

  static Result<http::PoolRequest> request_of(const Envelope& envelope) {
    http::PoolRequest out;
    POSTERN_TRY(out.url, http::Url::parse(envelope.url));
    out.method = envelope.ask.method;
    out.repeatable = envelope.ask.repeatable;
    out.headers.add("X-Vault-Request", "true");
    if (!envelope.name_space.empty()) out.headers.add("X-Vault-Namespace", envelope.name_space);
    if (!envelope.ask.body.empty()) out.headers.add("Content-Type", "application/json");
    out.head = secret_head(envelope.token);
    out.body = envelope.ask.body.clone();
    return out;
  }

  static Reply reply_of(http::ClientResponse response) {
    Reply out;
    out.status = static_cast<unsigned>(response.status);
    out.body = SecretBytes::from_text(response.body);
    wipe(response.body);
    out.location = std::string(response.headers.get("Location"));
    out.retry_after = seconds_of(response.headers.get("Retry-After"));
    return out;
  }

  static io::Task<void> carry(std::shared_ptr<http::ClientPool> pool, Endpoints where_to, http::PoolRequest request, SteadyTime deadline,
                              std::shared_ptr<Exchange> exchange) {
    auto result = co_await pool->exchange(std::move(where_to), std::move(request), deadline);
    const std::lock_guard lock(exchange->mutex);
    exchange->result = std::move(result);
    exchange->bell.notify_all();
  }

  Result<http::ClientResponse> run(Endpoints where_to, http::PoolRequest request, SteadyTime deadline) {
    auto exchange = std::make_shared<Exchange>();
    io::spawn(m_loops.at(0), carry(m_pool, std::move(where_to), std::move(request), deadline, exchange), "vaultkeeper.exchange");
    std::unique_lock lock(exchange->mutex);
    if (!exchange->bell.wait_until(lock, deadline + kLastGrace, [&] { return exchange->result.has_value(); }))
      return fail(ErrorCode::Timeout, "no answer in time", http::kMayBeSeen);
    return *std::move(exchange->result);
  }

  Places m_places;
  std::shared_ptr<Names> m_names;
  io::Loops m_loops{1};
  std::shared_ptr<http::ClientPool> m_pool;  // its streams live on the loop, which outlives them
};

}  // namespace

std::shared_ptr<Transport> http_transport(HttpTransportOptions options) { return std::make_shared<HttpTransport>(std::move(options)); }

}  // namespace postern::vaultkeeper
