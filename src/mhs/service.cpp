#include "mhs/service.hpp"

#include <future>

#include "base/log.hpp"
#include "base/text.hpp"
#include "mhs/settings.hpp"

namespace postern::mhs {
namespace {

constexpr auto kHandshake = std::chrono::seconds(30);
constexpr auto kDrain = std::chrono::seconds(5);

/// Where no mailboxes are: every recipient of a `store` route is unknown.
class NoMailboxes final : public Mailboxes {
 public:
  [[nodiscard]] bool has(const oraddress::ORAddress&) const override { return false; }
  [[nodiscard]] Result<Answer> deliver(Outgoing&, const DueFate&, const mts::Time&) override {
    mts::NonDeliveryReport report;
    report.non_delivery_reason_code = mts::NonDeliveryReasonCode::UnableToTransfer;
    report.non_delivery_diagnostic_code = mts::NonDeliveryDiagnosticCode::UnrecognisedORName;
    return Answer(report);
  }
  void delivered(const oraddress::ORAddress&) override {}
};

io::Task<void> drain(io::Listener& listener, std::promise<void>& done) {
  co_await listener.drain(io::deadline_in(kDrain));
  done.set_value();
}

}  // namespace

struct Service::Impl {
  explicit Impl(gateway::Gateway& with) : gateway(with) {}

  gateway::Gateway& gateway;
  NoMailboxes mailboxes;
  std::unique_ptr<Node> node;
  std::function<io::SslContext()> tls;
  std::unique_ptr<io::Listener> plain, secure;

  Status open_node() {
    const config::Config& config = gateway.config();
    POSTERN_TRY(Mta mta, mta_of(config, {gateway.authority_root()}, gateway.clock()));
    POSTERN_TRY(auto selector, parse_selector(config.x400.transport_selector));
    RetrySchedule schedule;
    schedule.delays = {std::chrono::seconds(10), std::chrono::seconds(30), std::chrono::minutes(1), std::chrono::minutes(5),
                       std::chrono::minutes(15)};  // lifetimes are hours, not days
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
                                  {},
                                  std::move(selector),
                                  [this] { return gateway.mail_open(); }}));
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
    const Status secured = co_await stream.start_tls_server(tls(), io::deadline_in(kHandshake));
    if (!secured) {
      log::info("x400.tls_failed", {{"address", stream.peer().text()}, {"reason", secured.error()}});
      co_return;
    }
    co_await node->serve(std::move(stream));
  }

  Status open_doors() {
    const auto& x400 = gateway.config().x400;
    if (!x400.tls.address.empty()) {
      config::Listener door;
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

void Service::start() { m_impl->node->start(); }

void Service::stop() {
  m_impl->node->stop();
  for (const auto* listener : {&m_impl->plain, &m_impl->secure})
    if (*listener) m_impl->stop_door(**listener);
}

ServiceState Service::state() const {
  const Mta& mta = m_impl->node->mta();
  ServiceState out{mta.name.octets, m_impl->gateway.config().x400.domain, m_impl->node->peers(), {}};
  for (const PeerState& peer : out.peers)
    if (!peer.trouble.empty()) out.warnings.push_back("X.400 peer " + peer.name + ": " + peer.trouble);
  return out;
}

Node& Service::node() noexcept { return *m_impl->node; }

}  // namespace postern::mhs
