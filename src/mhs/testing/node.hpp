// For tests: a whole MTA in a directory of its own, on loopback, with mailboxes in memory.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>

#include "io/listener.hpp"
#include "io/testing/run.hpp"
#include "mhs/node.hpp"
#include "oraddress/or_text.hpp"
#include "store/test_support.hpp"

namespace postern::mhs::testing {

struct Received {
  mts::MTSApdu apdu;  ///< A message's content stands in it.
};

/// Keeps what is delivered, by comparison key of the address.
class MemoryMailboxes final : public Mailboxes {
 public:
  void add(const std::string& address) {
    const std::lock_guard lock(m_mutex);
    m_boxes[oraddress::comparison_key(oraddress::parse(address).value())];
  }
  /// Somebody who takes what is delivered to him by P3; under a route of his own each time.
  void add_p3_user(const std::string& address) {
    const std::lock_guard lock(m_mutex);
    m_p3_users[oraddress::comparison_key(oraddress::parse(address).value())].route =
        std::string(kUserRoute) + std::to_string(++m_last_user);
  }
  /// Of one who was added.
  void register_user(const std::string& address, mts::RegisterArgument88 registration) {
    const std::lock_guard lock(m_mutex);
    m_p3_users[oraddress::comparison_key(oraddress::parse(address).value())].registration = std::move(registration);
  }
  void remove_p3_user(const std::string& address) {
    const std::lock_guard lock(m_mutex);
    m_p3_users.erase(oraddress::comparison_key(oraddress::parse(address).value()));
  }
  [[nodiscard]] std::optional<std::string> route_to(const oraddress::ORAddress& address) const override {
    const std::lock_guard lock(m_mutex);
    const std::string key = oraddress::comparison_key(address);
    if (const auto user = m_p3_users.find(key); user != m_p3_users.end()) return user->second.route;
    return m_boxes.contains(key) ? std::optional<std::string>(kStoreRoute) : std::nullopt;
  }
  [[nodiscard]] Result<mts::RegisterArgument88> registration(const oraddress::ORAddress& user) override {
    const std::lock_guard lock(m_mutex);
    const auto found = m_p3_users.find(oraddress::comparison_key(user));
    if (found == m_p3_users.end()) return fail(ErrorCode::NotFound, "nobody");
    return found->second.registration;
  }
  [[nodiscard]] Result<Answer> deliver(Outgoing& item, const DueFate& due, const mts::Time&) override {
    Received received{item.apdu()};
    oraddress::ORAddress address;
    if (auto* message = std::get_if<mts::Message>(&received.apdu.value)) {
      message->content.octets.resize(static_cast<std::size_t>(item.content_size()));
      POSTERN_TRY(const std::size_t got, item.read(0, message->content.octets));
      if (got != message->content.octets.size()) return fail(ErrorCode::IntegrityFailed, "short");
      address = message->envelope.per_recipient_fields.at(due.fate.recipient).recipient_name;
    } else if (const auto* report = std::get_if<mts::Report>(&received.apdu.value)) {
      address = report->envelope.report_destination_name;
    } else {
      return Answer(CommitStep([](Database&, ItemId) { return Status(); }));  // a probe is answered, not delivered
    }
    const std::string key = oraddress::comparison_key(address);
    // A step runs again when its batch is rolled back because of another job (store/writer.hpp); memory knows no rollback.
    return Answer(
        CommitStep([this, key, received = std::move(received), there = std::make_shared<bool>(false)](Database&, ItemId) -> Status {
          const std::lock_guard lock(m_mutex);
          if (std::exchange(*there, true)) return {};
          m_boxes[key].push_back(received);
          m_changed.notify_all();
          return {};
        }));
  }
  void delivered(const oraddress::ORAddress&) override {}

  /// Waits until there are so many.
  std::vector<Received> wait(const std::string& address, std::size_t count, std::chrono::seconds at_most = std::chrono::seconds(20)) {
    const std::string key = oraddress::comparison_key(oraddress::parse(address).value());
    std::unique_lock lock(m_mutex);
    m_changed.wait_for(lock, at_most, [&] { return m_boxes[key].size() >= count; });
    return m_boxes[key];
  }

 private:
  struct P3User {
    std::string route;
    mts::RegisterArgument88 registration;
  };
  mutable std::mutex m_mutex;
  std::condition_variable m_changed;
  std::map<std::string, std::vector<Received>> m_boxes;
  std::map<std::string, P3User> m_p3_users;
  unsigned m_last_user = 0;
};

inline mts::GlobalDomainIdentifier domain(const char* country, const char* admd, const char* prmd) {
  mts::GlobalDomainIdentifier out;
  out.country_name = oraddress::make<oraddress::CountryName>(country);
  out.administration_domain_name = oraddress::make<oraddress::AdministrationDomainName>(admd);
  out.private_domain_identifier.emplace();
  out.private_domain_identifier->assign(prmd);
  return out;
}

/// Who a test MTA is.
struct Identity {
  std::string name;
  mts::GlobalDomainIdentifier domain;
};

inline Peer peer_of(const Identity& who, TransferMode mode = TransferMode::Normal) {
  Peer out;
  out.name = who.name;
  out.mta_name = who.name;
  out.domain = who.domain;
  out.mode = mode;
  out.our_password = SecretBytes::from_text("shared");
  out.peer_password = SecretBytes::from_text("shared");
  out.tls.required = false;
  return out;
}

class TestNode {
 public:
  explicit TestNode(Identity who) : m_who(std::move(who)) { mta.name = m_who.name, mta.domain = m_who.domain; }
  ~TestNode() { stop(); }

  void route(const char* prefix, RouteTarget::Kind kind, const std::string& peer = {}) {
    mta_routes.emplace_back(prefix, RouteTarget{kind, peer, "refused by a test"});
  }
  void start() {
    loops = std::make_unique<io::testing::RunningLoops>(1);
    workers = std::make_unique<io::WorkerPool>(2, 1000);
    StoreOptions where;
    where.data_dir = directory.path() / "var";
    store = Store::open(std::move(where)).value();
    keeper = std::make_unique<test::DiskKeeper>(directory.path() / "var", clock);
    SpoolOptions queue;
    queue.resting = resting;
    spool = Spool::open(queue, *store, **keeper, clock).value();
    node = Node::make(parts()).value();
    io::ListenOptions listen;
    listen.name = m_who.name;
    listen.address = io::Endpoint::parse("127.0.0.1:" + std::to_string(port)).value();
    listener = io::Listener::open(*loops, listen, [this](io::Stream stream) { return node->serve(std::move(stream)); }).value();
    port = listener->local().port;
    node->start();
  }
  void stop() {
    if (node) node->stop();
    if (listener) listener->stop_accepting();
    listener.reset();
    if (loops) loops->stop();
    if (workers) workers->stop();
    loops.reset();
    node.reset();
    spool.reset();
    keeper.reset();
    store.reset();
    workers.reset();
  }
  Result<mts::MessageSubmissionResult> submit(const mts::MessageSubmissionEnvelope& envelope, const Bytes& content) {
    return loops->run(node->submit(envelope, content, "test"));
  }
  [[nodiscard]] const Identity& who() const { return m_who; }

  test::TemporaryDirectory directory;
  SystemClock clock;
  SystemRandom random;
  io::FixtureResolver resolver{dns::Fixture()};
  MemoryMailboxes mailboxes;
  Mta mta;  ///< Peers; moved into the node at start().
  std::vector<Peer> peers;
  Lists lists;
  std::vector<std::pair<std::string, RouteTarget>> mta_routes;
  RetrySchedule schedule{{std::chrono::seconds(1)}, std::chrono::hours(1), 0};
  std::chrono::milliseconds housekeeping = std::chrono::minutes(5);
  std::chrono::seconds interrupted = std::chrono::minutes(30);
  std::uint16_t port = 0;
  osi::TranscriptHook transcript;
  std::vector<UserService> services;
  std::shared_ptr<ContentBudget> budget;
  RestingRoutes resting{std::string(kUserRoute)};

  std::unique_ptr<io::testing::RunningLoops> loops;
  std::unique_ptr<io::WorkerPool> workers;
  std::unique_ptr<Store> store;
  std::unique_ptr<test::DiskKeeper> keeper;
  std::unique_ptr<Spool> spool;
  std::unique_ptr<Node> node;
  std::unique_ptr<io::Listener> listener;

 private:
  NodeParts parts() {
    Mta with;
    with.name = mta.name;
    with.domain = mta.domain;
    with.limits = mta.limits;
    with.content_limit = mta.content_limit;
    with.lists = lists;
    with.strong = mta.strong;
    for (const Peer& each : peers) {
      Peer copy = peer_of({each.name, each.domain}, each.mode);
      copy.mta_name = each.mta_name;
      copy.address = each.address;
      copy.checkpoint_size = each.checkpoint_size;
      copy.window_size = each.window_size;
      copy.alternate = each.alternate;
      copy.associations = each.associations;
      copy.strong = each.strong;
      with.peers.push_back(std::move(copy));
    }
    for (const auto& [prefix, target] : mta_routes) with.routes.insert(oraddress::parse_attributes(prefix).value(), target);
    NodeParts out{std::move(with), mailboxes, *store, *spool,   **keeper, *loops,     *workers, resolver, random,
                  clock,           "test",    {},     schedule, {},       transcript, services, {},       {}};
    out.housekeeping = housekeeping;
    out.interrupted = interrupted;
    out.budget = budget;
    return out;
  }
  Identity m_who;
};

}  // namespace postern::mhs::testing
