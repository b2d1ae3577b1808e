#include "gateway/door.hpp"

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "gateway/company.hpp"
#include "smtp/proxy_protocol.hpp"

namespace postern::gateway {
namespace {

/// One read at a time per loop, consumed before the next await: so one buffer per thread serves every session, and an idle one holds none.
constexpr std::size_t kReadBytes = 64U * 1024;
thread_local std::array<Byte, kReadBytes> t_read_buffer;

/// A client that answers at once is waited for awake for this long when nobody else needs the thread: to sleep and be woken costs more.
constexpr auto kAwake = std::chrono::microseconds(60);
constexpr auto kAtOnce = std::chrono::microseconds(200);

/// RFC 4954 6: "454 4.7.0 Temporary authentication failure"
const smtp::Reply kUsersUnavailable{454, {4, 7, 0}, "logins cannot be checked now; try again later"};

bool in_any(const std::vector<io::IpNetwork>& networks, const io::Endpoint& peer) {
  if (peer.is_unix()) return false;
  return std::any_of(networks.begin(), networks.end(), [&](const io::IpNetwork& n) { return n.contains(peer.ip); });
}

smtp::TlsInfo engine_info(const io::Stream& stream) {
  const io::TlsInfo& info = stream.info();
  smtp::TlsInfo out;
  out.protocol = info.version;
  out.cipher = info.suite;
  // RFC 9266 2: tls-exporter binding. Without one SCRAM-SHA-256-PLUS is not offered.
  if (auto exported = stream.export_key("EXPORTER-Channel-Binding", 32)) out.exporter = *std::move(exported);
  if (info.has_peer_certificate && info.verified) out.client_identity = info.peer_subject;
  return out;
}

}  // namespace

/// The state of one connection.
class Door::Visit {
 public:
  Visit(Door& door, io::Stream stream) : m_door(door), m_stream(std::move(stream)) {}
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  io::Task<void> run() {
    ++m_door.m_stats.sessions;
    m_road.door = m_door.m_options.name;
    m_road.correlation = CorrelationId(make_ulid(m_door.m_clock.now(), m_door.m_random));
    const bool known = co_await read_proxy_header();
    if (!known) co_return;
    m_road.address = m_stream.peer().is_unix() ? "local" : m_stream.peer().ip.text();
    m_road.trusted = in_any(m_door.m_options.relay_from, m_stream.peer());
    smtp::PeerInfo peer{m_road.address, {}, m_road.trusted};
    if (m_door.m_options.implicit_tls) {
      const bool secured = co_await handshake();
      if (!secured) co_return;
      peer.tls = engine_info(m_stream);
    }
    m_session = std::make_unique<smtp::ServerSession>(m_door.m_options.smtp, std::move(peer), m_door.m_random);
    co_await converse();
    after_answer();  // the connection ended before it could be told otherwise
  }

 private:
  [[nodiscard]] static bool is_alone() noexcept { return Company::count() == 1; }
  [[nodiscard]] SteadyTime now() const { return m_door.m_clock.steady(); }
  [[nodiscard]] SteadyTime in(std::chrono::seconds span) const { return now() + span; }

  /// From a trusted proxy the header is always read; anybody else's bytes are SMTP.
  io::Task<bool> read_proxy_header() {
    if (!in_any(m_door.m_options.proxy_from, m_stream.peer())) co_return true;
    Bytes seen;
    const SteadyTime deadline = in(m_door.m_options.handshake);
    for (;;) {
      const auto answer = smtp::parse_proxy_header(seen);
      if (const auto* header = std::get_if<smtp::ProxyHeader>(&answer)) co_return use_proxy_header(*header);
      if (const auto* error = std::get_if<smtp::ProxyError>(&answer)) {
        log::warn("smtp.proxy_header_refused", {{"door", m_road.door}, {"peer", m_stream.peer().text()}, {"reason", error->what}});
        co_return false;
      }
      // Byte by byte: TLS or SMTP begins right behind the header, and read_some takes no more than is asked for.
      Byte byte = 0;
      const auto got = co_await m_stream.read_some(ByteSpan(&byte, 1), deadline);
      if (!got || *got == 0) co_return false;
      seen.push_back(byte);
    }
  }

  bool use_proxy_header(const smtp::ProxyHeader& header) {
    if (header.local) return true;
    auto ip = io::IpAddress::parse(header.source.address);
    if (!ip) return false;
    io::Endpoint peer;
    peer.ip = *ip;
    peer.port = header.source.port;
    m_stream.set_peer(std::move(peer));
    return true;
  }

  io::Task<bool> handshake() {
    const SteadyTime deadline = in(m_door.m_options.handshake);
    const Status done = co_await m_stream.start_tls_server(m_door.m_options.tls(), deadline, m_door.m_options.judge_client);
    if (done) {
      m_road.tls_version = m_stream.info().version;
      m_road.tls_suite = m_stream.info().suite;
      if (m_stream.info().has_peer_certificate && m_stream.info().verified) m_road.client_certificate = m_stream.info().peer_subject;
      co_return true;
    }
    ++m_door.m_stats.handshakes_failed;
    log::info("smtp.tls_failed", {{"door", m_road.door}, {"peer", m_road.address}, {"reason", done.error()}});
    co_return false;
  }

  io::Task<void> converse() {
    // RFC 5321 4.3.1: a client waits for the greeting. What is here already was sent blindly; the engine refuses it.
    if (const auto early = m_stream.try_read(t_read_buffer); early && early->has_value() && **early > 0) feed(**early);
    m_session->greet(now());
    bool going = co_await serve_events();
    while (going) {
      if (m_session->wants_close()) {
        co_await m_stream.close_gracefully(in(std::chrono::seconds(5)));
        co_return;
      }
      co_await read_more();
      going = co_await serve_events();
    }
  }

  /// Decides what waits and writes what there is to say. False: the connection is gone.
  io::Task<bool> serve_events() {
    for (;;) {
      auto event = m_session->next_event();
      if (event) {
        co_await decide(*std::move(event));
        if (!m_after_output) continue;
      }
      if (m_session->has_output()) {
        const bool written = co_await flush();
        if (!written) co_return false;
      }
      if (std::exchange(m_after_output, false)) {
        const bool secured = co_await secure();
        if (!secured) co_return false;
        continue;
      }
      if (!event) co_return true;
    }
  }

  io::Task<bool> flush() {
    const std::string output = m_session->take_output();
    const Status written = co_await m_stream.write_all(output, in(m_door.m_options.write));
    co_return written.has_value();
  }

  void after_answer() noexcept {
    if (std::exchange(m_taken, false)) m_door.m_reception.answered(is_alone());
  }

  io::Task<void> read_more() {
    after_answer();
    m_session->tick(now());  // decisions were made without a clock: the wait for the next command begins here
    if (m_session->has_output() || m_session->wants_close() || !m_session->wants_input()) co_return;
    if (is_alone() && m_at_once && read_awake()) co_return;
    const SteadyTime asleep = now();
    const Status ready = co_await m_stream.wait_readable(m_session->deadline(), io::WakeOn::DataOrDrain);
    m_at_once = now() - asleep < kAtOnce;
    if (!ready) {
      if (ready.error().code == ErrorCode::Timeout)
        m_session->tick(now());
      else if (ready.error().field == "drain")
        m_session->close({421, {4, 3, 2}, "this gateway is shutting down; try again in a moment"});
      else
        m_session->peer_gone();
      co_return;
    }
    static_cast<void>(read_now());
  }

  /// What is there already. False: nothing is.
  bool read_now() {
    const auto got = m_stream.try_read(t_read_buffer);
    if (got && !got->has_value()) return false;
    if (!got || **got == 0)
      m_session->peer_gone();
    else
      feed(**got);
    return true;
  }

  bool read_awake() {
    const SteadyTime until = now() + kAwake;
    bool came = read_now();
    while (!came && now() < until) came = read_now();
    return came;
  }

  /// What may be a password does not stay in the buffer that all sessions of the thread share.
  void feed(std::size_t count) {
    const bool wipe_it = m_door.m_options.smtp->auth && m_session->user().empty();
    m_session->receive(ByteView(t_read_buffer).first(count), now());
    if (wipe_it) wipe(ByteSpan(t_read_buffer).first(count));
  }

  io::Task<bool> secure() {
    const bool secured = co_await handshake();
    if (!secured) co_return false;
    m_session->tls_started(engine_info(m_stream), now());
    co_return true;
  }

  io::Task<void> decide(smtp::ServerEvent event) {
    if (std::holds_alternative<smtp::StartTls>(event)) {
      m_after_output = true;
    } else if (auto* auth = std::get_if<smtp::Authenticate>(&event)) {
      co_await decide_login(std::move(*auth));
    } else if (auto* lookup = std::get_if<smtp::ScramLookup>(&event)) {
      auto found = co_await m_door.m_reception.find_user(lookup->user);
      if (!found) co_return m_session->reject(kUsersUnavailable);
      auto& user = *found;
      m_session->provide_credentials(user && !user->disabled ? std::optional(std::move(user->credentials)) : std::nullopt);
    } else if (auto* failed = std::get_if<smtp::AuthFailed>(&event)) {
      co_await login_ended(failed->user, failed->mechanism, false);
    } else if (auto* from = std::get_if<smtp::MailFrom>(&event)) {
      answer(m_door.m_reception.check_sender(m_road, *from));
    } else if (auto* to = std::get_if<smtp::RcptTo>(&event)) {
      answer(m_door.m_reception.check_recipient(m_road, *to));
    } else if (auto* message = std::get_if<smtp::MessageReceived>(&event)) {
      co_await take(std::move(*message));
    } else if (auto* closed = std::get_if<smtp::Closed>(&event)) {
      note_end(closed->reason);
    }
  }

  void answer(smtp::Reply reply) {
    if (reply.code == 0)
      m_session->accept();
    else
      m_session->reject(std::move(reply));
  }

  void note_end(smtp::CloseReason reason) {
    if (reason == smtp::CloseReason::Abuse) ++m_door.m_stats.closed_for_abuse;
    if (reason == smtp::CloseReason::Timeout) ++m_door.m_stats.closed_by_timeout;
    log::debug(
        "smtp.closed",
        {{"door", m_road.door}, {"peer", m_road.address}, {"connection", m_road.correlation.get()}, {"reason", static_cast<int>(reason)}});
  }

  io::Task<void> login_ended(std::string user, std::string mechanism, bool success) {
    if (!success) ++m_door.m_stats.logins_failed;
    co_await m_door.m_reception.login_ended(m_road, std::move(user), std::move(mechanism), success);
  }

  io::Task<void> decide_login(smtp::Authenticate auth) {
    Result<bool> good = auth.verified;
    if (!auth.verified) good = co_await m_door.m_reception.check_password(auth.user, std::move(auth.password));
    if (good && *good && !auth.authzid.empty() && auth.authzid != auth.user) good = false;  // RFC 4616: no acting for others
    if (!good) co_return m_session->reject(kUsersUnavailable);
    co_await login_ended(auth.user, auth.mechanism, *good);
    if (!*good) co_return m_session->reject({535, {5, 7, 8}, "user name or password is wrong"});
    auto found = co_await m_door.m_reception.find_user(auth.user);
    if (!found) co_return m_session->reject(kUsersUnavailable);
    auto& user = *found;
    if (!user || user->disabled) co_return m_session->reject({535, {5, 7, 8}, "user name or password is wrong"});
    m_road.user = user->name;
    m_road.senders = std::move(user->senders);
    m_road.trusted = true;
    m_session->accept();
  }

  io::Task<void> take(smtp::MessageReceived message) {
    ++m_door.m_stats.messages;
    Arrival arrival;
    arrival.received = m_door.m_clock.now();
    if (is_alone()) arrival.key_ahead = m_door.m_reception.key_ahead(m_road);
    arrival.id = arrival.key_ahead ? arrival.key_ahead->message() : make_message_id(arrival.received, m_door.m_random);
    arrival.road = m_road;
    arrival.road.helo = m_session->helo();
    arrival.road.protocol = m_session->protocol(message.envelope.parameters.smtputf8);
    arrival.envelope = std::move(message.envelope);
    arrival.content = std::move(message.content);
    arrival.lone = is_alone();
    arrival.counted = true;  // by the session, until it has the decision
    m_taken = true;
    auto replies = co_await m_door.m_reception.take(std::move(arrival));
    if (m_door.m_options.smtp->dialect == smtp::Dialect::Lmtp) co_return m_session->answer_recipients(std::move(replies));
    answer_all(std::move(replies.front()));
  }

  void answer_all(smtp::Reply reply) {
    if (reply.positive())
      m_session->accept(std::move(reply));
    else
      m_session->reject(std::move(reply));
  }

  const Company m_company;
  Door& m_door;
  io::Stream m_stream;
  Road m_road;
  std::unique_ptr<smtp::ServerSession> m_session;
  bool m_taken = false;         ///< A message was handed in, and the answer to it may not be out.
  bool m_at_once = true;        ///< The last command came right after our answer.
  bool m_after_output = false;  ///< A handshake follows when the output is written.
};

io::Task<void> Door::serve(io::Stream stream) {
  Visit visit(*this, std::move(stream));
  co_await visit.run();
}

}  // namespace postern::gateway
