#include "gateway/gateway_parts.hpp"

namespace postern::gateway {
namespace {

constexpr std::size_t kConnectionsPerAddress = 50;                             // where the setting is 0
constexpr std::size_t kEnvelopeBytes = 256U * 1024, kEnvelopeBytesEach = 100;  // of a milter's message
constexpr auto kTurnAway = std::chrono::seconds(5);

Result<std::vector<io::IpNetwork>> networks(const std::vector<std::string>& items, const std::string& field) {
  std::vector<io::IpNetwork> out;
  for (const auto& item : items) {
    auto network = io::IpNetwork::parse(item);
    if (!network) return fail(ErrorCode::BadInput, network.error().text(), field);
    out.push_back(*std::move(network));
  }
  return out;
}

smtp::Dialect dialect_of(const std::string& kind) {
  if (kind == "submission") return smtp::Dialect::Submission;
  return kind == "lmtp" ? smtp::Dialect::Lmtp : smtp::Dialect::Mx;
}

std::shared_ptr<const smtp::ServerOptions> smtp_options(const config::Config& config, const config::Listener& listener,
                                                        const Bytes& decoy_key, std::shared_ptr<ContentBudget> budget) {
  auto out = std::make_shared<smtp::ServerOptions>();
  out->dialect = dialect_of(listener.kind);
  out->hostname = config.server.hostname;
  // With implicit TLS the engine is told of the handshake before the greeting; there is nothing left to require.
  out->tls = listener.tls == "required"        ? smtp::TlsMode::Required
             : listener.tls == "opportunistic" ? smtp::TlsMode::Optional
                                               : smtp::TlsMode::Off;
  out->auth = listener.kind == "submission";
  out->auth_required = out->auth;  // but for peers of relay_from: Door says so of each connection
  out->limits = config.limits;
  out->timeouts.command = config.timeouts.command;
  out->timeouts.data_block = config.timeouts.data;
  out->unknown_user_key = decoy_key;
  out->content_budget = std::move(budget);
  return out;
}

std::string refusal(io::Refusal why) {
  return why == io::Refusal::TooManyFromPeer ? "421 4.7.0 too many connections from your address; try again later\r\n"
                                             : "421 4.3.2 too many connections; try again later\r\n";
}

/// RFC 5321 3.8: whoever comes while no mail can be taken is told to come back. Inside TLS there is nobody to tell.
io::Task<void> turn_away(io::Stream stream, std::string hostname, bool implicit_tls) {
  if (implicit_tls) co_return;
  const std::string text = "421 4.3.2 " + hostname + " its keys are locked away at the moment; try again later\r\n";
  (void)co_await stream.write_all(text, io::deadline_in(kTurnAway));
}

/// An MTA without its filter does what it is set to do, which should be to defer.
io::Task<void> hang_up(io::Stream stream) {
  stream.close();
  co_return;
}

std::shared_ptr<const milter::SessionOptions> milter_options(const config::Config& config) {
  auto out = std::make_shared<milter::SessionOptions>();
  // The door says "go on" to all of these; an MTA that need not wait for it sends them in one piece. A recipient too many can be refused
  // alone.
  out->no_reply = milter::smfip::kNrAll & ~milter::smfip::kNrRcpt;
  out->limits.message_bytes = static_cast<std::size_t>(config.limits.message_bytes);
  out->limits.header_bytes = static_cast<std::size_t>(config.limits.header_bytes);
  out->limits.header_fields = static_cast<std::size_t>(config.limits.header_fields);
  out->limits.recipients = config.limits.milter_recipients;
  out->limits.envelope_bytes = std::max(kEnvelopeBytes, out->limits.recipients * kEnvelopeBytesEach);
  return out;
}

/// The default bound for one address holds for strangers: a proxy's address stands for all its clients, and this host and the networks that
/// may relay are trusted. A bound that was set holds for everybody.
io::ListenOptions listen_options(const config::Listener& settings, const DoorOptions& door) {
  io::ListenOptions out;
  out.name = settings.name;
  out.max_connections = static_cast<std::size_t>(settings.max_connections);
  out.max_per_peer = static_cast<std::size_t>(settings.max_connections_per_address);
  if (out.max_per_peer == 0) {
    out.max_per_peer = kConnectionsPerAddress;
    out.unlimited = door.proxy_from;
    out.unlimited.insert(out.unlimited.end(), door.relay_from.begin(), door.relay_from.end());
    for (const char* loopback : {"127.0.0.0/8", "::1/128"}) out.unlimited.push_back(*io::IpNetwork::parse(loopback));
  }
  out.device = settings.interface;
  out.socket = settings.socket;
  out.refuse = refusal;
  return out;
}

}  // namespace

Status Gateway::Parts::open_listener(const config::Listener& settings) {
  const std::string where = "listener " + settings.name;
  auto open = std::make_unique<OpenDoor>();
  open->settings = settings;
  DoorOptions& options = open->options;
  options.name = settings.name;
  options.implicit_tls = settings.tls == "implicit";
  options.handshake = config.timeouts.handshake;
  options.judge_client = judge_of_clients();
  POSTERN_TRY(options.proxy_from, networks(settings.proxy_from, where + ": proxy_from"));
  POSTERN_TRY(options.relay_from, networks(settings.relay_from, where + ": relay_from"));
  io::ListenOptions listen = listen_options(settings, options);
  const auto endpoint = io::Endpoint::parse(settings.address);
  if (!endpoint) return fail(Error(endpoint.error()).context(where + ": address"));
  listen.address = *endpoint;
  auto listener = io::Listener::open(*loops, std::move(listen),
                                     [this, door = open.get()](io::Stream stream) { return serve(*door, std::move(stream)); });
  if (!listener) return fail(Error(listener.error()).context(where));
  open->listener = *std::move(listener);
  doors.push_back(std::move(open));
  return {};
}

Status Gateway::Parts::open_listeners() {
  for (const auto& settings : config.listeners) POSTERN_CHECK(open_listener(settings));
  return {};
}

Status Gateway::Parts::open_doors() {
  const Bytes decoy_key = random.bytes(32);
  tls = std::make_unique<ListenerTls>(config, authority, keeper, *store, clock);
  for (const auto& open : doors) {
    open->options.smtp = smtp_options(config, open->settings, decoy_key, budget);
    const bool filters = open->settings.kind == "milter";
    if (open->settings.tls != "none") {
      auto context = tls->add(open->settings);
      if (!context) return fail(Error(context.error()).context("listener " + open->settings.name));
      open->options.tls = *std::move(context);
    }
    if (filters)
      open->milter = std::make_unique<MilterDoor>(
          MilterDoorParts{open->options, milter_options(config), *intake, config.server.hostname, budget, clock, random});
    else
      open->door = std::make_unique<Door>(open->options, *intake, clock, random);
  }
  for (const auto& late : late_tls) {
    POSTERN_TRY(auto context, late->make(*tls));
    const std::lock_guard lock(late->mutex);
    late->context = std::move(context);
  }
  return {};
}

/// The doors open before there is anybody to ask, but no handshake begins before there is.
io::PeerJudge Gateway::Parts::judge_of_clients() {
  if (config.tls.client_revocation == name_of(RevocationPolicy::Off)) return {};
  return [this](const io::Stream& stream) { return client_judge(stream); };
}

io::Task<void> Gateway::Parts::serve(OpenDoor& open, io::Stream stream) {
  const bool filters = open.settings.kind == "milter";
  if (mail.load(std::memory_order_acquire) && keeper->ready())
    return filters ? open.milter->serve(std::move(stream)) : open.door->serve(std::move(stream));
  if (filters) return hang_up(std::move(stream));
  return turn_away(std::move(stream), config.server.hostname, open.options.implicit_tls);
}

Result<std::function<io::SslContext()>> Gateway::tls_for(const config::Listener& door) {
  return m_parts->tls_context([door](ListenerTls& tls) { return tls.add(door); });
}

Result<std::function<io::SslContext()>> Gateway::tls_as_client(TlsVersion min_version) {
  return m_parts->tls_context([min_version](ListenerTls& tls) { return tls.add_client(min_version); });
}

Result<std::function<io::SslContext()>> Gateway::Parts::tls_context(MakeTls make) {
  if (opened) return make(*tls);
  auto late = std::make_shared<LateTls>();
  late->make = std::move(make);
  late_tls.push_back(late);
  return [late]() -> io::SslContext {
    const std::lock_guard lock(late->mutex);
    return late->context ? late->context() : io::SslContext();
  };
}

io::PeerJudge Gateway::judge_of_clients() { return m_parts->judge_of_clients(); }

void Gateway::announce(std::function<DoorState()> door) { m_parts->announced.push_back(std::move(door)); }

std::vector<DoorState> Gateway::doors() const {
  static const DoorStats none;
  std::vector<DoorState> out;
  const bool open_for_mail = m_parts->mail;
  for (const auto& open : m_parts->doors) {
    out.push_back({open->settings.name,
                   open->settings.kind,
                   open->listener->local().text(),
                   open->settings.tls,
                   open->settings.min_tls,
                   open->listener->stats(),
                   nullptr,
                   nullptr,
                   {}});
    out.back().network_namespace = open->settings.network_namespace;
    if (open->settings.kind != "milter") out.back().door = open_for_mail ? &open->door->stats() : &none;
    if (open->settings.kind == "milter" && open_for_mail) out.back().milter = &open->milter->stats();
  }
  for (const auto& door : m_parts->announced) out.push_back(door());
  return out;
}

}  // namespace postern::gateway
