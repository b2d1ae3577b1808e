// For tests: a message store with one mailbox in memory, which all associations share, and a node that serves it by P7 and P3.
#pragma once

#include <atomic>

#include "mhs/p7_server.hpp"
#include "mhs/testing/users.hpp"
#include "ms/testing/memory_mailbox.hpp"

namespace postern::mhs::testing {

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
class SharedMailbox final : public ms::Mailbox {
 public:
  explicit SharedMailbox(ms::Mailbox& behind, std::mutex& mutex) : m_behind(behind), m_mutex(mutex) {}
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
    out.mailbox = std::make_unique<SharedMailbox>(mailbox, mutex);
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

/// Alice has the mailbox; Bob is a user of the MTA only.
struct StoreNode {
  StoreNode() : node({"north", domain("DE", " ", "NORTH")}) {
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
  ~StoreNode() {
    node.end();
    workers->stop();
  }
  UserNode node;
  OneStore stores;
  UserStats stats;
  std::unique_ptr<io::WorkerPool> workers;
  std::unique_ptr<P7Parts> parts;
};

}  // namespace postern::mhs::testing
