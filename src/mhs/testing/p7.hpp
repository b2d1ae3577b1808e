// For tests: a store with the mailbox of Alice, in memory, behind the P7 of a node on loopback; Bob is a user of the node.
#pragma once

#include <gtest/gtest.h>

#include "mhs/p7_client.hpp"
#include "mhs/p7_server.hpp"
#include "mhs/testing/users.hpp"
#include "ms/oids.hpp"
#include "ms/testing/memory_mailbox.hpp"

namespace postern::mhs::testing {

inline constexpr const char* kAlice = "C=DE;A= ;P=NORTH;O=Works;S=Alice";
inline constexpr const char* kBob = "C=DE;A= ;P=NORTH;O=Works;S=Bob";

inline mts::MessageDeliveryEnvelope delivery(const char* identifier) {
  mts::MessageDeliveryEnvelope out;
  out.message_delivery_identifier.global_domain_identifier = domain("DE", " ", "NORTH");
  out.message_delivery_identifier.local_identifier = asn1::Ia5String(identifier);
  out.message_delivery_time = mts::Time::at(1'800'000'000);
  out.other_fields.content_type.value = mts::BuiltInContentType::External;
  out.other_fields.originator_name = name_of(kBob);
  out.other_fields.this_recipient_name = name_of(kAlice);
  out.other_fields.message_submission_time = mts::Time::at(1'799'999'000);
  return out;
}

/// One mailbox that all associations share.
class Shared final : public ms::Mailbox {
 public:
  explicit Shared(ms::Mailbox& behind, std::mutex& mutex) : m_behind(behind), m_mutex(mutex) {}
  Result<std::vector<ms::EntryRow>> scan(const ms::Scan& scan) override {
    return locked([&] { return m_behind.scan(scan); });
  }
  Result<std::optional<ms::EntryRow>> find(ms::SequenceNumber number) override {
    return locked([&] { return m_behind.find(number); });
  }
  Result<Bytes> details(ms::SequenceNumber number) override {
    return locked([&] { return m_behind.details(number); });
  }
  Result<Bytes> content(ms::SequenceNumber number) override {
    return locked([&] { return m_behind.content(number); });
  }
  Status raise_status(std::span<const ms::SequenceNumber> numbers, ms::RetrievalStatus status) override {
    return locked([&] { return m_behind.raise_status(numbers, status); });
  }
  Status remove(std::span<const ms::SequenceNumber> numbers) override {
    return locked([&] { return m_behind.remove(numbers); });
  }
  Result<ms::RegisteredInformation> registered() override {
    return locked([&] { return m_behind.registered(); });
  }
  Status keep(const ms::RegisteredInformation& what) override {
    return locked([&] { return m_behind.keep(what); });
  }

 private:
  template <class F>
  std::invoke_result_t<F> locked(F work) {
    const std::lock_guard lock(m_mutex);
    return work();
  }
  ms::Mailbox& m_behind;
  std::mutex& m_mutex;
};

class OneStore final : public Stores {
 public:
  Result<OpenStore> open(const oraddress::ORAddress& user) override {
    if (!oraddress::equivalent(user, name_of(kAlice))) return fail(ErrorCode::NotFound, "no mailbox");
    OpenStore out;
    out.mailbox = std::make_unique<Shared>(mailbox, mutex);
    out.deliveries = [this] { return news.load(); };
    const std::lock_guard lock(mutex);
    out.next = newest + 1;
    return out;
  }
  ms::SequenceNumber deliver(const char* identifier, const Bytes& content) { return deliver(delivery(identifier), content); }
  ms::SequenceNumber deliver(const mts::MessageDeliveryEnvelope& envelope, const Bytes& content) {
    const std::lock_guard lock(mutex);
    newest = mailbox.deliver(envelope, content, 1'800'000'000);
    ++news;
    return newest;
  }
  std::mutex mutex;
  ms::testing::MemoryMailbox mailbox;
  ms::SequenceNumber newest = 0;
  std::atomic<std::uint64_t> news{0};
};

struct P7Node : ::testing::Test {
  P7Node() : node({"north", domain("DE", " ", "NORTH")}) {
    node.mailboxes.add(kAlice);
    node.mailboxes.add(kBob);
    node.users.add(kAlice, "secret of alice");
    node.users.add(kBob, "secret of bob");
    node.route("C=DE;A= ;P=NORTH", RouteTarget::Kind::Store);
    workers = std::make_unique<io::WorkerPool>(2, 100);
    parts = std::make_unique<P7Parts>(P7Parts{{node.mta, node.users, *workers, false, {}}, node.submission, stores, stats});
    parts->look_for_news = std::chrono::milliseconds(5);
    for (UserService& each : p7_services(*parts)) node.services.push_back(std::move(each));
    node.serve_users();
  }
  ~P7Node() override {
    node.end();
    workers->stop();
  }
  UserCall call(const char* user, const char* password, bool reliable = false) const {
    UserCall out;
    out.address = {{}, {}, {}, "127.0.0.1", node.port};
    out.user = name_of(user);
    out.password = SecretBytes::from_text(password);
    out.reliable = reliable;
    out.tls.required = false;
    return out;
  }
  Called<std::unique_ptr<P7Client>> open(UserCall with) {
    return run(P7Client::open(std::move(with), node.resolver, io::testing::soon(), {}));
  }
  std::unique_ptr<P7Client> opened(bool reliable = false) {
    auto client = open(call(kAlice, "secret of alice", reliable));
    EXPECT_TRUE(client) << (client ? "" : client.error().text);
    return client ? *std::move(client) : nullptr;
  }
  template <class T>
  T run(io::Task<T> task) {
    return node.loops->run(std::move(task));
  }
  Result<ms::FetchResult> fetch(P7Client& client, ms::SequenceNumber number) {
    ms::FetchArgument argument;
    argument.item.value.emplace<ms::SequenceNumber>(number);
    argument.requested_attributes = ms::EntryInformationSelection{{ms::att::content, std::nullopt, std::nullopt}};
    return run(client.fetch(std::move(argument), io::testing::soon()));
  }
  UserNode node;
  OneStore stores;
  UserStats stats;
  std::unique_ptr<io::WorkerPool> workers;
  std::unique_ptr<P7Parts> parts;
};

}  // namespace postern::mhs::testing
