// For tests: a spool in a directory of its own, under a clock that stands still until it is told.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <map>
#include <mutex>

#include "spool/spool.hpp"
#include "store/audit_log.hpp"
#include "store/test_support.hpp"

namespace postern::test {

using namespace std::chrono_literals;

inline constexpr const char* kRoute = "smtp:next";

struct Listener final : WorkListener {
  void work_ready(const std::vector<std::string>& routes) noexcept override {
    const std::lock_guard lock(mutex);
    for (const auto& route : routes) ++calls[route];
    called.notify_all();
  }
  /// Waits for `expected` calls, since the writer tells the one who enqueued before it tells us.
  int count(const std::string& route, int expected) {
    std::unique_lock lock(mutex);
    called.wait_for(lock, 5s, [&] { return calls[route] >= expected; });
    return calls[route];
  }
  std::mutex mutex;
  std::condition_variable called;
  std::map<std::string, int> calls;
};

struct SpoolTest : testing::Test {
  SpoolTest() { reopen(); }
  ~SpoolTest() override { close(); }

  void close() {
    if (spool) spool->set_listener(nullptr);
    spool.reset();
    keeper.reset();
    store.reset();
  }
  void reopen() {
    close();
    StoreOptions where;
    where.data_dir = dir.path() / "var";
    store = Store::open(std::move(where)).value();
    keeper = std::make_unique<test::DiskKeeper>(dir.path() / "var", clock);
    spool = Spool::open(options, *store, **keeper, clock).value();
    spool->set_listener(&listener);
    settle();
  }
  /// Everything submitted so far is on disk, and page-ins that are due have happened.
  void settle() {
    for (int i = 0; i < 4; ++i) {
      spool->wake();
      ASSERT_TRUE(store->writer().transact([](Database&) { return Status(); }));
    }
  }
  void settle_failing() {
    spool->wake();
    EXPECT_FALSE(store->writer().transact(
        [](Database& db) { return db.run("INSERT OR REPLACE INTO certificate(name, pem) VALUES ('probe', 'x')"); }));
  }
  Submission message(const std::string& content = "Subject: x\r\n\r\nbody\r\n", std::vector<std::string> recipients = {"bob@example.com"}) {
    Submission s;
    s.message = make_message_id(clock.now(), random);
    s.envelope.reverse_path = "alice@example.org";
    s.envelope.envid = "QQ314159";
    s.envelope.ret = DsnReturn::Headers;
    s.envelope.body = BodyType::EightBitMime;
    s.envelope.smtputf8 = true;
    s.envelope.opened = true;
    s.envelope.facts = R"({"spf":"pass"})";
    Variant v;
    v.content = content;
    v.seal = "smime sign";
    for (auto& r : recipients) v.recipients.push_back({r, kRoute, kNotifyFailure, "rfc822;" + r, RecipientState::Queued, {}});
    s.variants.push_back(std::move(v));
    s.audit.push_back(audit("message.accepted", s.message));
    return s;
  }
  AuditRecord audit(const char* kind, const MessageId& id) {
    AuditRecord r;
    r.time = clock.now();
    r.kind = kind;
    r.message = id;
    return r;
  }
  Work take_one() {
    auto works = spool->take(kRoute, 1);
    EXPECT_EQ(works.size(), 1U);
    return works.empty() ? Work{} : std::move(works.front());
  }
  DeliveryReport report_of(const Work& work, Outcome outcome, std::chrono::milliseconds delay = {}) {
    DeliveryReport report{work.item, spool->load(work.item)->message, {}, {}, {}, {}};
    for (const auto n : work.recipients) report.results.push_back({n, outcome, "said so", delay});
    return report;
  }
  Status report_now(DeliveryReport report) {
    std::promise<Status> promise;
    spool->report(std::move(report), [&](const Status& s) { promise.set_value(s); });
    return promise.get_future().get();
  }
  std::int64_t rows(const char* sql) { return store->reader()->query_integer(sql).value().value_or(-1); }
  void expect_nothing_left() {
    for (const char* sql : {"SELECT count(*) FROM message", "SELECT count(*) FROM recipient", "SELECT count(*) FROM content"})
      EXPECT_EQ(rows(sql), 0) << sql;
    EXPECT_EQ(store->contents().stats().segment_records, 0U);
  }
  void expect_audit_whole() {
    const AuditVerdict verdict = SqliteAuditLog(*store).verify().value();
    EXPECT_FALSE(verdict.fault) << verdict.fault->text;
  }

  TemporaryDirectory dir;
  ManualClock clock{wall_from_millis(1795308067123)};
  FixedRandom random;
  SpoolOptions options;
  Listener listener;
  std::unique_ptr<Store> store;
  std::unique_ptr<test::DiskKeeper> keeper;
  std::unique_ptr<Spool> spool;
};

}  // namespace postern::test
