// For tests of the cabinet: a mailbox in a folder of its own, over the mock with its faults (peer.hpp).
#pragma once

#include <gtest/gtest.h>

#include <future>

#include "cabinet/cabinet.hpp"
#include "cabinet/testing/peer.hpp"
#include "crypto/random.hpp"
#include "store/test_support.hpp"

namespace postern::cabinet::testing {

inline const std::string kOther = "C=XX;A=MOCK;P=POSTERN;S=Roe";
inline const std::string kNobody = "C=DE;A= ;P=ELSEWHERE;S=Nobody";

class Mailbox : public ::testing::Test {
 protected:
  test::TemporaryDirectory directory;
  ManualClock clock{WallTime(std::chrono::milliseconds(1'795'680'000'000))};
  NonceRandom random;
  test::DiskKeeper keeper{directory.path(), clock};
  std::unique_ptr<Store> store = open_store();
  TestService service{clock};
  Options options{.version = "test"};
  std::unique_ptr<Cabinet> cabinet = opened();
  const Actor alice{"alice", CorrelationId("c-1")};

  std::unique_ptr<Store> open_store() const {
    StoreOptions out;
    out.data_dir = directory.path();
    return Store::open(std::move(out)).value();
  }
  std::unique_ptr<Cabinet> opened() { return Cabinet::open({*store, *keeper, clock, random, service}, options).value(); }
  /// As a new process would.
  void restart() {
    cabinet.reset();
    store.reset();
    store = open_store();
    cabinet = opened();
    cabinet->start();
  }
  Item draft(const Request& request) {
    auto made = cabinet->create(request, alice);
    EXPECT_TRUE(made) << made.error().text();
    return made.value_or(Item());
  }
  static Request to(const std::string& address) {
    Request out;
    out.to = {address};
    out.subject = "Lieferung";
    out.text = "Guten Morgen, Kräuterquark";
    out.recipients.report = sdk::ReportRequest::All;
    return out;
  }
  Item settled(const MessageId& id) {
    for (int n = 0; n < 500; ++n) {
      const Item item = cabinet->find(id).value();
      if (item.state != State::Queued && item.state != State::Submitting) return item;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "still under way";
    return {};
  }
  Item sent(const Request& request, std::optional<sdk::Strategy> strategy = {}) {
    const Item made = draft(request);
    EXPECT_TRUE(cabinet->submit(made.id, {strategy, {}}, alice));
    return settled(made.id);
  }
  /// Until the peer was given that many, and none of them is under way any more.
  void await_submissions(int wanted) {
    const auto under_way = [&] { return count("SELECT count(*) FROM cabinet_item WHERE state IN (4, 5)") > 0; };
    for (int n = 0; n < 500 && (service.peer.submissions < wanted || under_way()); ++n)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  Result<AccessReport> accessed() {
    std::promise<Result<AccessReport>> done;
    auto report = done.get_future();
    cabinet->access(alice, [&done](Result<AccessReport> got) { done.set_value(std::move(got)); });
    return report.get();
  }
  Status removed(const MessageId& id, Cabinet::Removal how) {
    std::promise<Status> done;
    auto status = done.get_future();
    cabinet->remove(id, how, alice, [&done](Status got) { done.set_value(std::move(got)); });
    return status.get();
  }
  Result<Item> cancelled(const MessageId& id) {
    std::promise<Result<Item>> done;
    auto item = done.get_future();
    cabinet->cancel(id, alice, [&done](Result<Item> got) { done.set_value(std::move(got)); });
    return item.get();
  }
  std::vector<Item> in(std::string_view folder) { return cabinet->list({.folder = std::string(folder)}, 100).value().items; }
  Item only(std::string_view folder, Kind kind) {
    Item out;
    int count = 0;
    const std::vector<Item> items = in(folder);
    for (const Item& each : items)
      if (each.kind == kind) out = each, ++count;
    EXPECT_EQ(count, 1) << folder << " " << name_of(kind);
    return out;
  }
  std::int64_t count(const char* sql) { return store->reader()->query_integer(sql).value().value_or(-1); }
};

}  // namespace postern::cabinet::testing
