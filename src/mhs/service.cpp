#include "mhs/service.hpp"

#include <algorithm>
#include <future>

#include "base/log.hpp"
#include "base/text.hpp"
#include "mhs/forced_access.hpp"
#include "mhs/forwarder.hpp"
#include "mhs/node_submission.hpp"
#include "mhs/p3_server.hpp"
#include "mhs/p7_server.hpp"
#include "mhs/settings.hpp"
#include "mhs/store_mailboxes.hpp"
#include "mhs/store_users.hpp"
#include "oraddress/or_text.hpp"

namespace postern::mhs {
namespace {

constexpr auto kHandshake = std::chrono::seconds(30);
constexpr auto kDrain = std::chrono::seconds(5);

io::Task<void> drain(io::Listener& listener, std::promise<void>& done) {
  co_await listener.drain(io::deadline_in(kDrain));
  done.set_value();
}

}  // namespace

struct Service::Impl {
  explicit Impl(gateway::Gateway& with)
      : gateway(with),
        accounts(with.store(), with.keeper(), with.random()),
        mailboxes(with.store(), with.keeper(), accounts, with.random()),
        users(with.store(), with.keeper(), accounts),
        guesses(with.clock()),
        submission({with.store(), with.spool(), with.workers(), with.clock(), static_cast<std::uint64_t>(with.config().x400.most_queued)}) {
    mailboxes.set_delivered([this](const MsUser& user) {
      users.delivered(user);
      if (forwarder) forwarder->look();
    });
  }

  gateway::Gateway& gateway;
  MsUsers accounts;
  StoreMailboxes mailboxes;
  StoreUsers users;
  PasswordGuesses guesses;  ///< Of peers and users.
  NodeSubmission submission;
  UserStats user_stats;
  std::optional<Mta> gate_mta;  ///< Of the users' gate: name and domain; the node has its own.
  std::optional<P3Parts> p3;
  std::optional<P7Parts> p7;
  std::unique_ptr<Node> node;
  std::shared_ptr<ContentBudget> budget;  ///< Of what all associations hold.
  std::shared_ptr<ForcedAccess> forced;   ///< Null: nobody is called.
  std::optional<Forwarder> forwarder;
  std::function<io::SslContext()> tls;
  std::unique_ptr<io::Listener> plain, secure;

  Status open_node() {
    const config::Config& config = gateway.config();
    POSTERN_CHECK(accounts.load());
    const auto own_roots = [&with = gateway] {
      return with.has_mail() ? std::vector<Certificate>{with.authority_root()} : std::vector<Certificate>();
    };
    const auto own_context = [&with = gateway](TlsVersion least) { return with.tls_as_client(least); };
    const auto own_judge = [&with = gateway](RevocationPolicy policy) {
      const auto now = [&with] { return with.has_mail() ? &with.revocations() : nullptr; };
      return gateway::judge_of_paths(now, {policy, "X.400 MTA"});
    };
    POSTERN_TRY(Mta mta, mta_of(config, {own_roots, own_context, own_judge}, gateway.clock()));
    gate_mta.emplace();
    gate_mta->name = mta.name;
    gate_mta->domain = mta.domain;
    gate_mta->limits = mta.limits;
    gate_mta->strong = mta.strong;
    gate_mta->strong_users = mta.strong_users;
    // Passwords of people in clear only where the operator opened the plain door and nothing else.
    const bool tls_required = !config.x400.tls.address.empty();
    const auto memory = static_cast<std::uint64_t>(config.x400.inflight_bytes);
    const std::size_t share = apdu_share(memory);
    p3.emplace(P3Parts{{*gate_mta, users, gateway.workers(), tls_required, {}, &guesses, share}, submission, user_stats});
    p7.emplace(P7Parts{{*gate_mta, users, gateway.workers(), tls_required, {}, &guesses, share}, submission, users, user_stats});
    std::vector<UserService> services = p3_services(*p3);
    for (UserService& each : p7_services(*p7)) services.push_back(std::move(each));
    POSTERN_TRY(auto selector, parse_selector(config.x400.transport_selector));
    POSTERN_TRY(RetrySchedule schedule, retry_of(config));
    POSTERN_TRY(node, Node::make({std::move(mta),
                                  mailboxes,
                                  gateway.store(),
                                  gateway.spool(),
                                  gateway.keeper(),
                                  gateway.loops(),
                                  gateway.workers(),
                                  gateway.resolver(),
                                  gateway.random(),
                                  gateway.clock(),
                                  config.server.hostname,
                                  {},
                                  std::move(schedule),
                                  lifetimes_of(config),
                                  {},
                                  std::move(services),
                                  std::move(selector),
                                  [this] { return gateway.mail_open(); },
                                  &guesses,
                                  NodeParts::kHousekeeping,
                                  NodeParts::kInterrupted,
                                  budget = std::make_shared<ContentBudget>(memory)}));
    submission.attach(*node);
    p3->deliveries = &node->deliveries();
    if (!node->mta().called_users.empty()) POSTERN_CHECK(open_calls());
    forwarder.emplace(Forwarder::Parts{mailboxes, *node, gateway.loops(), gateway.workers()});
    return {};
  }

  /// The users that this MTA binds to.
  Status open_calls() {
    POSTERN_TRY(RetrySchedule schedule, retry_of(gateway.config()));
    forced = std::make_shared<ForcedAccess>(ForcedAccess::Parts{node->mta(),
                                                                *p3,
                                                                gateway.loops(),
                                                                gateway.resolver(),
                                                                gateway.random(),
                                                                gateway.config().server.hostname,
                                                                std::move(schedule),
                                                                {},
                                                                budget});
    node->deliveries().set_while_absent([calls = forced](const auto& user) { calls->wanted(user); });
    return {};
  }

  Status open_door(const char* name, const std::string& address, bool with_tls, std::unique_ptr<io::Listener>& out) {
    if (address.empty()) return {};
    io::ListenOptions options;
    options.name = name;
    auto at = io::Endpoint::parse(address);
    if (!at) return fail(Error(at.error()).context(with_tls ? "x400.tls.address" : "x400.address"));
    options.address = *at;
    POSTERN_TRY(out, io::Listener::open(gateway.loops(), std::move(options), [this, with_tls](io::Stream stream) {
                  return with_tls ? serve_tls(std::move(stream)) : node->serve(std::move(stream));
                }));
    gateway.announce([listener = out.get(), name, with_tls] {
      gateway::DoorState state;
      state.name = name;
      state.kind = "x400";
      state.address = listener->local().text();
      state.tls = with_tls ? "implicit" : "none";
      state.min_tls = "1.3";
      state.listener = listener->stats();
      return state;
    });
    return {};
  }

  io::Task<void> serve_tls(io::Stream stream) {
    const Status secured = co_await stream.start_tls_server(tls(), io::deadline_in(kHandshake), gateway.judge_of_clients());
    if (!secured) {
      log::info("x400.tls_failed", {{"address", stream.peer().text()}, {"reason", secured.error()}});
      co_return;
    }
    if (!is_known(stream)) {
      log::warn(
          "x400.certificate_refused",
          {{"address", stream.peer().text()}, {"subject", printable(stream.info().peer_subject)}, {"reason", stream.info().verify_error}});
      co_return;
    }
    co_await node->serve(std::move(stream));
  }

  /// With a trust store for clients, a certificate must be of it or a peer's pin. Otherwise anything may be shown, and pins are judged by
  /// the bind (p1_bind.hpp), where a name stands beside it.
  [[nodiscard]] bool is_known(const io::Stream& stream) const {
    const io::TlsInfo& info = stream.info();
    if (gateway.config().x400.tls.client_ca.empty() || !info.has_peer_certificate || info.verified) return true;
    const Road road = road_of(stream);
    return std::ranges::any_of(node->mta().peers, [&](const Peer& peer) { return shows_pin(peer, road); });
  }

  Status open_doors() {
    const auto& x400 = gateway.config().x400;
    if (!x400.tls.address.empty()) {
      config::Listener door;
      door.any_client_certificate = std::ranges::any_of(node->mta().peers, [](const Peer& peer) { return !peer.tls.pins.empty(); });
      door.client_ca = x400.tls.client_ca;
      door.require_client_certificate = x400.tls.require_client_certificate;
      POSTERN_TRY(tls, gateway.tls_for(door));
    }
    POSTERN_CHECK(open_door("x400", x400.address, false, plain));
    return open_door("x400s", x400.tls.address, true, secure);
  }

  void stop_door(io::Listener& listener) {
    std::promise<void> ended;
    io::spawn(gateway.loops().at(0), drain(listener, ended), "x400.drain");
    ended.get_future().wait();
  }
};

Service::Service(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::open(gateway::Gateway& gateway) {
  if (!gateway.config().x400.enabled()) return std::unique_ptr<Service>();
  auto impl = std::make_unique<Impl>(gateway);
  POSTERN_CHECK(impl->open_node());
  POSTERN_CHECK(impl->open_doors());
  return std::unique_ptr<Service>(new Service(std::move(impl)));
}

void Service::start() {
  m_impl->node->start();
  if (m_impl->forced) m_impl->forced->start();
  m_impl->forwarder->look();
}

void Service::stop() {
  m_impl->forwarder->stop();
  if (m_impl->forced) m_impl->forced->stop();
  m_impl->node->stop();
  for (const auto* listener : {&m_impl->plain, &m_impl->secure})
    if (*listener) m_impl->stop_door(**listener);
}

ServiceState Service::state() const {
  const Mta& mta = m_impl->node->mta();
  ServiceState out{mta.name.octets, m_impl->gateway.config().x400.domain, m_impl->node->peers(), {}, {}};
  if (m_impl->forced) out.users = m_impl->forced->users();
  for (const PeerState& peer : out.peers)
    for (const std::string* text : {&peer.trouble, &peer.refused})
      if (!text->empty()) out.warnings.push_back("X.400 peer " + peer.name + ": " + *text);
  for (const CalledUserState& user : out.users)
    if (!user.trouble.empty()) out.warnings.push_back("X.400 user " + user.user + ": " + user.trouble);
  if (mta.own_certificate)
    std::ranges::move(mta.own_certificate->warnings(m_impl->gateway.clock().now()), std::back_inserter(out.warnings));
  return out;
}

std::vector<Service::Mailbox> Service::mailboxes() const {
  std::vector<Mailbox> out;
  for (const MsUser& user : m_impl->mailboxes.list()) out.push_back({user.address, user.delivered_by});
  return out;
}

Result<Service::Mailbox> Service::add_mailbox(std::string_view address, std::string_view password, DeliveredBy delivered_by) {
  POSTERN_TRY(const auto parsed, oraddress::parse(address));
  if (m_impl->node->mta().lists.find(parsed) != nullptr) return fail(ErrorCode::Conflict, "is that of an [[x400_list]]", "address");
  POSTERN_TRY(const MsUser user, m_impl->mailboxes.add(parsed, password, delivered_by));
  return Mailbox{user.address, user.delivered_by};
}

Status Service::remove_mailbox(std::string_view address) {
  POSTERN_TRY(const auto parsed, oraddress::parse(address));
  return m_impl->mailboxes.remove(parsed);
}

Status Service::set_password(std::string_view address, std::string_view password) {
  POSTERN_TRY(const auto parsed, oraddress::parse(address));
  return m_impl->mailboxes.set_password(parsed, password);
}

Node& Service::node() noexcept { return *m_impl->node; }

}  // namespace postern::mhs
