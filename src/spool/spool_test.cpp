#include "spool/spool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "spool/testing/spool_fixture.hpp"

namespace postern {
namespace {

using namespace std::chrono_literals;
using test::FaultGuard;
using test::kRoute;
using test::Listener;
using test::SpoolTest;

TEST_F(SpoolTest, AcceptedMessageGoesOutAndLeavesHistory) {
  const Submission s = message();
  ASSERT_TRUE(spool->enqueue_and_wait(s));
  EXPECT_EQ(listener.count(kRoute, 1), 1);
  const Work work = take_one();
  ASSERT_TRUE(work.loaded);
  EXPECT_EQ(*work.loaded->content, s.variants[0].content);
  EXPECT_EQ(work.loaded->item, work.item);
  EXPECT_EQ(work.loaded->message, s.message);
  EXPECT_EQ(work.loaded->recipients[0].orcpt, "rfc822;bob@example.com");
  EXPECT_EQ(spool->stats().in_flight, 1U);
  EXPECT_EQ(spool->stats().queued, 1U);
  EXPECT_EQ(spool->messages(), 1U);
  EXPECT_EQ(spool->flow(s.message)->recipients[0].state, RecipientState::Queued);

  ASSERT_TRUE(report_now(report_of(work, Outcome::Delivered)));
  expect_nothing_left();
  const FlowEntry entry = spool->flow(s.message).value();
  EXPECT_EQ(entry.sender, "alice@example.org");
  EXPECT_EQ(entry.facts, R"({"spf":"pass"})");
  EXPECT_EQ(entry.size, s.variants[0].content.size());
  ASSERT_EQ(entry.recipients.size(), 1U);
  EXPECT_EQ(entry.recipients[0].state, RecipientState::Delivered);
  EXPECT_EQ(entry.recipients[0].seal, "smime sign");
  EXPECT_EQ(entry.recipients[0].reply, "said so");
  EXPECT_TRUE(entry.finished);
  const SpoolStats stats = spool->stats();
  EXPECT_EQ(stats.queued, 0U);
  EXPECT_EQ(stats.messages, 0U);
  EXPECT_EQ(spool->messages(), 0U);
  EXPECT_EQ(stats.delivered, 1U);
  EXPECT_EQ(stats.in_flight, 0U);
  expect_audit_whole();
}

TEST_F(SpoolTest, RestartResumesWithTheSameFactsAndContent) {
  const std::string large(300'000, 'L');
  const Submission a = message("small"), b = message(large, {"bob@example.com", "carol@example.com"});
  ASSERT_TRUE(spool->enqueue_and_wait(a));
  ASSERT_TRUE(spool->enqueue_and_wait(b));
  (void)spool->take(kRoute, 1);  // in flight counts as queued
  reopen();
  EXPECT_EQ(spool->stats().queued, 3U);
  auto works = spool->take(kRoute, 10);
  ASSERT_EQ(works.size(), 2U);
  EXPECT_FALSE(works[0].loaded);
  const QueueItem first = spool->load(works[0]).value(), second = spool->load(works[1]).value();
  EXPECT_EQ(*first.content, "small");
  EXPECT_EQ(*second.content, large);
  EXPECT_EQ(second.recipients.size(), 2U);
  EXPECT_EQ(second.seal, "smime sign");
  EXPECT_EQ(second.route, kRoute);
  const Envelope& e = *second.envelope;
  EXPECT_EQ(e.reverse_path, "alice@example.org");
  EXPECT_EQ(e.envid, "QQ314159");
  EXPECT_EQ(e.ret, DsnReturn::Headers);
  EXPECT_EQ(e.body, BodyType::EightBitMime);
  EXPECT_TRUE(e.smtputf8);
  EXPECT_TRUE(e.opened);
  EXPECT_FALSE(e.requiretls);
  EXPECT_EQ(e.accepted, b.envelope.accepted == WallTime{} ? clock.now() : b.envelope.accepted);
  for (const Work& work : works) ASSERT_TRUE(report_now(report_of(work, Outcome::Delivered)));
  expect_nothing_left();
}

TEST_F(SpoolTest, NothingOfTheContentIsReadableOnDisk) {
  const std::string marker = "MARKER-of-the-message-0123456789";
  ASSERT_TRUE(spool->enqueue_and_wait(message(marker)));
  ASSERT_TRUE(spool->enqueue_and_wait(message(marker + std::string(100'000, 'x'))));
  EXPECT_FALSE(test::directory_contains(dir.path(), marker));
}

TEST_F(SpoolTest, EveryVariantGoesItsWay) {
  Submission s = message("signed", {"bob@example.com"});
  Variant other;
  other.content = "encrypted";
  other.recipients.push_back({"carol@example.net", "mx:example.net", 0, {}, RecipientState::Queued, {}});
  other.recipients.push_back({"dave@example.net", kRoute, 0, {}, RecipientState::Queued, {}});
  other.recipients.push_back({"erin@example.net", kRoute, 0, {}, RecipientState::Held, "no certificate"});
  s.variants.push_back(other);
  ASSERT_TRUE(spool->enqueue_and_wait(s));
  EXPECT_EQ(spool->stats().held, 1U);
  const auto next = spool->take(kRoute, 10);
  ASSERT_EQ(next.size(), 2U);
  EXPECT_EQ(*next[1].loaded->content, "encrypted");
  EXPECT_EQ(next[1].loaded->recipients[0].address, "dave@example.net");
  const auto mx = spool->take("mx:example.net", 10);
  ASSERT_EQ(mx.size(), 1U);
  for (const Work& work : {next[0], next[1], mx[0]}) ASSERT_TRUE(report_now(report_of(work, Outcome::Delivered)));
  EXPECT_EQ(spool->stats().messages, 1U);  // erin still waits
  EXPECT_EQ(spool->flow(s.message)->recipients.size(), 4U);
  EXPECT_EQ(spool->change_now({QueueVerb::Release, {}, "", "admin", {}}).value(), 1U);
  const Work work = take_one();
  EXPECT_EQ(spool->load(work)->recipients[0].address, "erin@example.net");
  ASSERT_TRUE(report_now(report_of(work, Outcome::Bounced)));
  expect_nothing_left();
}

TEST_F(SpoolTest, RefusesImpossibleSubmissions) {
  const std::vector<std::function<void(Submission&)>> bad = {
      [](Submission& s) { s.message = MessageId(); },
      [](Submission& s) { s.message = MessageId(std::string(49, 'a')); },
      [](Submission& s) { s.variants.clear(); },
      [](Submission& s) { s.variants[0].recipients.clear(); },
      [](Submission& s) { s.variants[0].recipients[0].address.clear(); },
      [](Submission& s) { s.variants[0].recipients[0].route.clear(); },
      [](Submission& s) { s.variants[0].recipients[0].state = RecipientState::Delivered; },
      [](Submission& s) { s.audit[0].kind = "Not A Kind"; },
  };
  for (const auto& spoil : bad) {
    Submission s = message();
    spoil(s);
    EXPECT_EQ(spool->enqueue_and_wait(std::move(s)).error().code, ErrorCode::BadInput);
  }
  const Submission s = message();
  ASSERT_TRUE(spool->enqueue_and_wait(s));
  EXPECT_EQ(spool->enqueue_and_wait(s).error().code, ErrorCode::Conflict);
  EXPECT_EQ(spool->stats().queued, 1U);
  EXPECT_EQ(spool->take(kRoute, 10).size(), 1U);
  EXPECT_EQ(rows("SELECT count(*) FROM audit"), 1);
  expect_audit_whole();
}

TEST_F(SpoolTest, DeferredWorkReturnsOnTheMonotonicClock) {
  ASSERT_TRUE(spool->enqueue_and_wait(message()));
  ASSERT_TRUE(report_now(report_of(take_one(), Outcome::Deferred, 60s)));
  const QueueEntry entry = spool->list({}, 10)->front();
  EXPECT_EQ(entry.attempts, 1U);
  EXPECT_EQ(entry.last_reply, "said so");
  EXPECT_EQ(entry.next_attempt, clock.now() + 60s);
  EXPECT_TRUE(spool->take(kRoute, 1).empty());
  clock.step(-48h);  // an operator sets the clock back: nothing stalls, nothing is rushed
  settle();
  EXPECT_TRUE(spool->take(kRoute, 1).empty());
  EXPECT_EQ(spool->list({}, 10)->front().next_attempt, clock.now() + 60s);
  clock.advance(60s);
  settle();
  EXPECT_EQ(listener.count(kRoute, 2), 2);
  const Work work = take_one();
  EXPECT_EQ(spool->load(work)->recipients[0].attempts, 1U);
  ASSERT_TRUE(report_now(report_of(work, Outcome::Expired)));
  EXPECT_EQ(spool->stats().expired, 1U);
}

TEST_F(SpoolTest, ClockSetBackAcrossARestartDelaysAtMostTheLongestDelay) {
  options.longest_delay = 1h;
  reopen();
  ASSERT_TRUE(spool->enqueue_and_wait(message()));
  ASSERT_TRUE(report_now(report_of(take_one(), Outcome::Deferred, 30min)));
  clock.step(-240h);
  reopen();
  EXPECT_TRUE(spool->take(kRoute, 1).empty());
  clock.advance(59min);
  settle();
  EXPECT_TRUE(spool->take(kRoute, 1).empty());
  clock.advance(2min);
  settle();
  EXPECT_EQ(spool->take(kRoute, 1).size(), 1U);
}

TEST_F(SpoolTest, RecipientsOfOneWorkMayFareDifferently) {
  ASSERT_TRUE(spool->enqueue_and_wait(message("x", {"a@x", "b@x", "c@x", "d@x"})));
  const Work work = take_one();
  DeliveryReport report = report_of(work, Outcome::Delivered);
  report.results[1] = {1, Outcome::Deferred, "451 later", 10s};
  report.results[2] = {2, Outcome::Held, "key missing", {}};
  report.results.pop_back();  // d is forgotten: due again at once
  ASSERT_TRUE(report_now(std::move(report)));
  Work rest = take_one();
  EXPECT_EQ(rest.recipients, std::vector<std::uint32_t>{3});
  EXPECT_EQ(spool->load(rest)->recipients[0].address, "d@x");
  spool->give_back(std::move(rest), 5s);
  EXPECT_EQ(spool->stats().deferred, 2U);
  clock.advance(10s);
  settle();
  EXPECT_EQ(spool->take(kRoute, 10).size(), 2U);
  QueueSelector held;
  held.state = RecipientState::Held;
  EXPECT_EQ(spool->list(held, 10)->front().reason, "key missing");
  QueueSelector delivered;
  delivered.state = RecipientState::Delivered;
  EXPECT_EQ(spool->list(delivered, 10)->front().address, "a@x");
}

TEST_F(SpoolTest, BounceIsPartOfTheReport) {
  ASSERT_TRUE(spool->enqueue_and_wait(message()));
  DeliveryReport report = report_of(take_one(), Outcome::Bounced);
  Submission bounce = message("bounce", {"alice@example.org"});
  bounce.envelope.reverse_path.clear();
  const MessageId bounce_id = bounce.message;
  report.follow_ups.push_back(std::move(bounce));
  report.audit.push_back(audit("message.bounced", report.message));
  ASSERT_TRUE(report_now(std::move(report)));
  EXPECT_EQ(spool->stats().bounced, 1U);
  EXPECT_EQ(rows("SELECT count(*) FROM message"), 1);
  const Work work = take_one();
  EXPECT_EQ(work.loaded->message, bounce_id);
  EXPECT_EQ(work.loaded->envelope->reverse_path, "");
}

TEST_F(SpoolTest, LocalDeliveryHappensOnce) {
  MailboxStore mailbox(*store, **keeper);
  Submission s = message("for local", {});
  s.variants[0].mailboxes = {{"alice@postern.example", "x@y", clock.now(), "{}"}, {"bob@postern.example", "x@y", clock.now(), "{}"}};
  ASSERT_TRUE(spool->enqueue_and_wait(s));  // at the door: no queue at all
  EXPECT_EQ(rows("SELECT count(*) FROM message"), 0);
  EXPECT_EQ(mailbox.content(mailbox.find(s.message)->front()).value(), "for local");
  EXPECT_EQ(spool->flow(s.message)->recipients[1].address, "bob@postern.example");
  EXPECT_EQ(spool->stats().delivered, 2U);

  Submission mixed = message(std::string(50'000, 'm'), {"far@example.com"});
  mixed.variants[0].mailboxes = {{"alice@postern.example", "x@y", clock.now(), "{}"}};
  ASSERT_TRUE(spool->enqueue_and_wait(mixed));
  const Work work = take_one();
  DeliveryReport report = report_of(work, Outcome::Delivered);  // the courier's mailbox route
  report.mailboxes = {{"far@example.com", "x@y", clock.now(), "{}"}, {"ALICE@postern.example", "x@y", clock.now(), "{}"}};
  ASSERT_TRUE(report_now(report));
  EXPECT_EQ(spool->flow(mixed.message)->recipients.size(), 2U);
  const auto owners = mailbox.find(mixed.message).value();
  ASSERT_EQ(owners.size(), 2U);
  EXPECT_EQ(mailbox.content(owners[1]).value(), std::string(50'000, 'm'));
  EXPECT_EQ(rows("SELECT count(*) FROM recipient"), 0);
  EXPECT_EQ(rows("SELECT count(*) FROM content"), 2);
  const auto entries = mailbox.list("", 10).value();
  for (const auto& entry : entries) {
    const Status removed = mailbox.remove(entry.number);
    ASSERT_TRUE(removed) << removed.error().text();
  }
  expect_nothing_left();
}

TEST_F(SpoolTest, OperatorsHoldReleaseRetryAndRemove) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(spool->enqueue_and_wait(message("m", {"r" + std::to_string(i) + "@example.com"})));
  QueueSelector one;
  one.address = "r1@example.com";
  EXPECT_EQ(spool->change_now({QueueVerb::Hold, one, "looks odd", "cli", {}}).value(), 1U);
  EXPECT_EQ(spool->change_now({QueueVerb::Hold, one, "again", "cli", {}}).value(), 0U);
  EXPECT_EQ(spool->list(one, 10)->front().reason, "looks odd");
  auto works = spool->take(kRoute, 10);
  ASSERT_EQ(works.size(), 2U);  // not the held one
  EXPECT_EQ(spool->change_now({QueueVerb::Release, one, "", "cli", {}}).value(), 1U);
  const Work released = take_one();
  EXPECT_EQ(spool->load(released)->recipients[0].address, "r1@example.com");

  ASSERT_TRUE(report_now(report_of(works[0], Outcome::Deferred, 1h)));
  QueueSelector first;
  first.item = works[0].item;
  EXPECT_EQ(spool->change_now({QueueVerb::Retry, first, "", "cli", {}}).value(), 1U);
  EXPECT_EQ(take_one().item, works[0].item);

  QueueSelector second;
  second.item = works[1].item;
  EXPECT_EQ(spool->change_now({QueueVerb::Remove, second, "unwanted", "cli", {}}).value(), 1U);
  EXPECT_EQ(spool->stats().removed, 1U);
  DeliveryReport late{works[1].item, MessageId("gone"), {{0, Outcome::Delivered, "250", {}}}, {}, {}, {}};
  EXPECT_TRUE(report_now(late));  // the attempt was under way: nothing is left to change
  QueueSelector nobody;
  nobody.message = MessageId("nobody");
  EXPECT_EQ(spool->change_now({QueueVerb::Remove, nobody, "", "cli", {}}).value(), 0U);
  AuditFilter filter;
  filter.kind = "queue.";
  EXPECT_EQ(SqliteAuditLog(*store).list(filter, 100)->size(), 4U);
  EXPECT_EQ(spool->stats().queued, 2U);
  expect_audit_whole();
}

TEST_F(SpoolTest, TheAuditRecordOfAnActSaysForWhomWithoutLocalParts) {
  std::vector<std::string> people{"bob@one.example", "eve@two.example"};
  for (int i = 0; i < 40; ++i) people.push_back("p" + std::to_string(i) + "@many.example");
  ASSERT_TRUE(spool->enqueue_and_wait(message("m", people)));
  const auto facts_of = [this](QueueVerb verb, const std::string& address) {
    QueueSelector selector;
    selector.address = address;
    EXPECT_GE(spool->change_now({verb, selector, "", "cli", {}}).value_or(0), 1U);
    return SqliteAuditLog(*store).newest(1)->front().record.facts;
  };
  const std::string item = std::to_string(spool->list({}, 1)->front().item.get());
  EXPECT_EQ(facts_of(QueueVerb::Hold, "bob@one.example"), R"({"recipients":1,"to":"*@one.example","entries":")" + item + R"(.0"})");
  EXPECT_EQ(facts_of(QueueVerb::Remove, "eve@two.example"), R"({"recipients":1,"to":"*@two.example","entries":")" + item + R"(.1"})");
  const std::string all = facts_of(QueueVerb::Remove, "");
  EXPECT_TRUE(all.starts_with(R"({"recipients":41,"to":"*@one.example, *@many.example, )")) << all;
  EXPECT_NE(all.find(R"(*@many.example and 11 more")"), std::string::npos) << all;
  EXPECT_EQ(all.find("bob"), std::string::npos) << all;
}

TEST_F(SpoolTest, AReleaseMayGoOnByAnotherRouteForThoseItReleases) {
  Submission s = message("m", {"a@example.com", "b@example.com"});
  for (auto& r : s.variants[0].recipients) r.state = RecipientState::Held;
  ASSERT_TRUE(spool->enqueue_and_wait(s));
  QueueSelector one;
  one.address = "a@example.com";
  EXPECT_EQ(spool->change_now({QueueVerb::Release, one, "", "cli", {}, kRoute, "other"}).value(), 1U);
  EXPECT_EQ(spool->list({}, 10)->at(0).route, "other");
  EXPECT_EQ(spool->list({}, 10)->at(1).route, kRoute);
  reopen();  // the order is durable
  EXPECT_TRUE(spool->take(kRoute, 10).empty());
  auto works = spool->take("other", 10);
  ASSERT_EQ(works.size(), 1U);
  DeliveryReport held = report_of(works[0], Outcome::Held);
  held.results[0].route = kRoute;
  held.results.resize(1);
  ASSERT_TRUE(report_now(std::move(held)));
  EXPECT_EQ(spool->list({}, 10)->at(0).route, kRoute);                                                      // used up
  EXPECT_EQ(spool->change_now({QueueVerb::Release, {}, "", "cli", {}, "elsewhere", "other"}).value(), 2U);  // nobody is on "elsewhere"
  EXPECT_TRUE(spool->take("other", 10).empty());
  EXPECT_EQ(spool->take(kRoute, 10).size(), 2U);
  expect_audit_whole();
}

TEST_F(SpoolTest, AtTheStartRoutesThatAreGoneAreReplacedRecipientByRecipient) {
  Submission s = message("m", {"a@example.com", "b@example.net", "c@example.net"});
  s.variants[0].recipients[2].state = RecipientState::Held;
  ASSERT_TRUE(spool->enqueue_and_wait(s));
  options.reroute = [](const std::string& route, const std::string& address) {
    return route != kRoute ? route : "new:" + address.substr(2);
  };
  reopen();
  EXPECT_TRUE(spool->take(kRoute, 10).empty());
  EXPECT_EQ(spool->take("new:example.com", 10).size(), 1U);
  EXPECT_EQ(spool->take("new:example.net", 10).size(), 1U);
  QueueSelector held;
  held.state = RecipientState::Held;
  EXPECT_EQ(spool->list(held, 10)->at(0).route, "new:example.net");
}

TEST_F(SpoolTest, HoldDuringAnAttemptNeverDuplicates) {
  ASSERT_TRUE(spool->enqueue_and_wait(message()));
  Work work = take_one();
  EXPECT_EQ(spool->change_now({QueueVerb::Hold, {}, "wait", "cli", {}}).value(), 1U);
  EXPECT_EQ(spool->change_now({QueueVerb::Release, {}, "", "cli", {}}).value(), 1U);
  EXPECT_TRUE(spool->take(kRoute, 1).empty());  // its attempt still runs
  ASSERT_TRUE(report_now(report_of(work, Outcome::Deferred, 1s)));
  clock.advance(1s);
  settle();
  work = take_one();
  EXPECT_EQ(spool->change_now({QueueVerb::Hold, {}, "wait", "cli", {}}).value(), 1U);
  ASSERT_TRUE(report_now(report_of(work, Outcome::Deferred, 1s)));
  clock.advance(1h);
  settle();
  EXPECT_TRUE(spool->take(kRoute, 1).empty());  // held meanwhile: stays so
  EXPECT_EQ(spool->stats().held, 1U);
}

TEST_F(SpoolTest, GivenBackAfterAHoldIsNotSent) {
  ASSERT_TRUE(spool->enqueue_and_wait(message()));
  Work work = take_one();
  EXPECT_EQ(spool->change_now({QueueVerb::Hold, {}, "wait", "cli", {}}).value(), 1U);
  spool->give_back(std::move(work));
  work = take_one();
  EXPECT_FALSE(work.loaded);
  EXPECT_EQ(spool->load(work).error().code, ErrorCode::NotFound);
  EXPECT_EQ(spool->stats().in_flight, 0U);
  EXPECT_EQ(spool->change_now({QueueVerb::Release, {}, "", "cli", {}}).value(), 1U);
  EXPECT_EQ(spool->take(kRoute, 1).size(), 1U);
}

TEST_F(SpoolTest, FlippedBitInTheRowIsQuarantined) {
  ASSERT_TRUE(spool->enqueue_and_wait(message("precious")));
  ASSERT_TRUE(store->writer().transact([](Database& db) {
    // Another octet than the one that was there, whichever that is.
    return db.execute(
        "UPDATE content SET data = CAST(substr(data,1,length(data)-3) || "
        "iif(substr(data,-3,1) = x'00', x'01', x'00') || substr(data,-2) AS BLOB)");
  }));
  reopen();
  const Work work = take_one();
  EXPECT_EQ(spool->load(work).error().code, ErrorCode::IntegrityFailed);
  settle();
  EXPECT_EQ(spool->stats().quarantined, 1U);
  EXPECT_EQ(spool->stats().in_flight, 0U);
  EXPECT_EQ(spool->list({}, 10)->front().state, RecipientState::Quarantined);
  reopen();
  EXPECT_TRUE(spool->take(kRoute, 1).empty());
  AuditFilter filter;
  filter.kind = "message.quarantined";
  EXPECT_EQ(SqliteAuditLog(*store).list(filter, 10)->size(), 1U);
  // Released, it is checked again, and fails again.
  EXPECT_EQ(spool->change_now({QueueVerb::Release, {}, "", "cli", {}}).value(), 1U);
  EXPECT_EQ(spool->load(take_one()).error().code, ErrorCode::IntegrityFailed);
  settle();
  EXPECT_EQ(spool->stats().quarantined, 1U);
  EXPECT_EQ(spool->change_now({QueueVerb::Remove, {}, "", "cli", {}}).value(), 1U);
  expect_nothing_left();
}

TEST_F(SpoolTest, FlippedBitInASegmentIsQuarantined) {
  const std::string content(100'000, 'c');
  ASSERT_TRUE(spool->enqueue_and_wait(message(content)));
  ASSERT_TRUE(spool->enqueue_and_wait(message(content)));
  ASSERT_TRUE(spool->enqueue_and_wait(message(content)));
  close();
  const auto segment = dir.path() / "var/spool/000001.seg";
  {
    std::fstream file(segment, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(4096 + 64 + 50'000);  // inside the first content
    const char byte = static_cast<char>(file.get() ^ 0x10);
    file.seekp(4096 + 64 + 50'000);
    file.put(byte);
    file.seekp(4096 + 102'400);  // the head of the second record
    file.put('X');
  }
  reopen();
  settle();
  EXPECT_EQ(spool->stats().quarantined, 1U);  // found missing on start
  auto works = spool->take(kRoute, 10);
  ASSERT_EQ(works.size(), 2U);
  EXPECT_EQ(spool->load(works[0]).error().code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(*spool->load(works[1])->content, content);
  settle();
  EXPECT_EQ(spool->stats().quarantined, 2U);
  ASSERT_TRUE(report_now(report_of(works[1], Outcome::Delivered)));
  EXPECT_EQ(spool->change_now({QueueVerb::Remove, {}, "", "cli", {}}).value(), 2U);
  expect_nothing_left();
}

TEST_F(SpoolTest, WhatDoesNotFitInMemoryIsParkedAndPagedInFairly) {
  options.index_units = 30;
  options.route_units = 20;
  reopen();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(spool->enqueue_and_wait(message("dead " + std::to_string(i))));
  EXPECT_EQ(spool->stats().ready, 20U);
  EXPECT_EQ(spool->stats().parked, 80U);
  Submission other = message("alive");
  other.variants[0].recipients[0].route = "smtp:other";
  ASSERT_TRUE(spool->enqueue_and_wait(other));
  ASSERT_EQ(spool->take("smtp:other", 10).size(), 1U);  // a full route does not stop the others

  std::vector<std::string> contents;
  for (int round = 0; round < 200 && contents.size() < 100; ++round) {
    for (const Work& work : spool->take(kRoute, 7)) {
      contents.push_back(work.loaded ? *work.loaded->content : *spool->load(work)->content);
      ASSERT_TRUE(report_now(report_of(work, Outcome::Delivered)));
    }
    clock.advance(1s);
    settle();
    EXPECT_LE(spool->stats().ready, 20U);
  }
  ASSERT_EQ(contents.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(contents[static_cast<std::size_t>(i)], "dead " + std::to_string(i));
  EXPECT_EQ(spool->stats().parked, 0U);
}

TEST_F(SpoolTest, ParkedWorkSurvivesRestartAndManyRoutes) {
  options.index_units = 10;
  options.route_units = 5;
  reopen();
  for (int i = 0; i < 150; ++i) {
    Submission s = message();
    s.variants[0].recipients[0].route = "mx:" + std::to_string(i) + ".example";
    ASSERT_TRUE(spool->enqueue_and_wait(s));
  }
  reopen();
  std::set<std::string> seen;
  for (int round = 0; round < 400 && seen.size() < 150; ++round) {
    for (const std::string& route : spool->ready_routes()) {
      for (const Work& work : spool->take(route, 10)) {
        seen.insert(route);
        ASSERT_TRUE(report_now(report_of(work, Outcome::Delivered)));
      }
    }
    clock.advance(1s);
    settle();
  }
  EXPECT_EQ(seen.size(), 150U);
  expect_nothing_left();
}

TEST_F(SpoolTest, ContentsBeyondTheCacheAreReadBack) {
  options.cache_bytes = 100'000;
  reopen();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(spool->enqueue_and_wait(message(std::string(40'000, static_cast<char>('a' + i)))));
  EXPECT_LE(spool->stats().cached_bytes, 100'000U);
  auto works = spool->take(kRoute, 10);
  ASSERT_EQ(works.size(), 5U);
  int loaded = 0;
  for (int i = 0; i < 5; ++i) {
    Work& work = works[static_cast<std::size_t>(i)];
    loaded += work.loaded != nullptr;
    EXPECT_EQ(work.loaded ? *work.loaded->content : *spool->load(work)->content, std::string(40'000, static_cast<char>('a' + i)));
  }
  EXPECT_EQ(loaded, 2);
  works.clear();
  EXPECT_EQ(spool->stats().cached_bytes, 0U);
}

/// Written while its end was being made.
struct LateSpoolTest : SpoolTest {
  LateSpoolTest() {
    options.finish = [this](std::string stored) -> Result<std::string> {
      ++finished;
      if (trouble) return fail(*trouble);
      return stored + " finished on reading";
    };
    reopen();
    submission.variants[0].late = std::make_shared<LateContent>();
  }
  ~LateSpoolTest() override { close(); }
  int finished = 0;
  std::optional<Error> trouble;
  Submission submission = message("begun,");
};

TEST_F(LateSpoolTest, WhoTakesItBeforeItIsFinishedMakesItAnew) {
  const auto late = submission.variants[0].late;
  ASSERT_TRUE(spool->enqueue_and_wait(submission));
  const Work work = take_one();
  ASSERT_TRUE(work.loaded && work.loaded->late);
  EXPECT_EQ(work.loaded->content, nullptr);
  EXPECT_EQ(work.loaded->late->get(), nullptr);
  EXPECT_EQ(*spool->load(work)->content, "begun, finished on reading");
  EXPECT_EQ(spool->stats().cached_bytes, 0U);
}

TEST_F(LateSpoolTest, InMemoryItIsFinishedOnce) {
  const auto late = submission.variants[0].late;
  ASSERT_TRUE(spool->enqueue_and_wait(submission));
  spool->finish(*late, "begun, finished in time");
  EXPECT_EQ(spool->stats().cached_bytes, std::string("begun, finished in time").size());
  {
    const Work work = take_one();
    EXPECT_EQ(*work.loaded->late->get(), "begun, finished in time");
    EXPECT_EQ(finished, 0);
    ASSERT_TRUE(report_now(report_of(work, Outcome::Delivered)));
  }
  expect_nothing_left();
}

TEST_F(LateSpoolTest, ARestartFindsAllThatItNeeds) {
  ASSERT_TRUE(spool->enqueue_and_wait(submission));
  spool->finish(*submission.variants[0].late, "in memory only");
  reopen();
  EXPECT_EQ(*spool->load(take_one())->content, "begun, finished on reading");
}

TEST_F(LateSpoolTest, WhatCannotBeFinishedIsNotLost) {
  ASSERT_TRUE(spool->enqueue_and_wait(submission));
  reopen();
  const Work work = take_one();
  trouble = Error{ErrorCode::Unavailable, "the keeper is away", {}};
  EXPECT_EQ(spool->load(work).error().code, ErrorCode::Unavailable);
  trouble = Error{ErrorCode::BadInput, "the key does not sign", {}};
  const auto item = spool->load(work);
  ASSERT_TRUE(item);
  EXPECT_EQ(item->content, nullptr);
  EXPECT_EQ(item->unfinished, "the key does not sign");
  EXPECT_EQ(item->recipients.size(), 1U);
  trouble.reset();
  EXPECT_EQ(*spool->load(work)->content, "begun, finished on reading");
  EXPECT_TRUE(spool->load(work)->finished);
}

TEST_F(LateSpoolTest, BeyondTheCacheItIsMadeAnewToo) {
  options.cache_bytes = 10;
  reopen();
  ASSERT_TRUE(spool->enqueue_and_wait(submission));
  spool->finish(*submission.variants[0].late, "more than ten bytes");
  EXPECT_EQ(take_one().loaded->late->get(), nullptr);
  EXPECT_EQ(spool->stats().cached_bytes, 0U);
}

TEST_F(SpoolTest, HistoryIsBounded) {
  options.history = 50;
  reopen();
  for (int i = 0; i < 120; ++i) {
    ASSERT_TRUE(spool->enqueue_and_wait(message()));
    ASSERT_TRUE(report_now(report_of(take_one(), Outcome::Delivered)));
    clock.advance(1ms);
  }
  EXPECT_LE(rows("SELECT count(*) FROM history"), 54);
  EXPECT_GE(rows("SELECT count(*) FROM history"), 50);
  EXPECT_EQ(spool->recent(10)->size(), 10U);
  const Submission last = message();
  ASSERT_TRUE(spool->enqueue_and_wait(last));
  EXPECT_EQ(spool->recent(10)->front().message, last.message);
  EXPECT_EQ(spool->flow(MessageId("nothing")).error().code, ErrorCode::NotFound);
}

TEST_F(SpoolTest, WhatIsRecentHasTheFirstRecipientsOfEach) {
  std::vector<std::string> many;
  for (std::size_t i = 0; i < kFlowRecipients + 7; ++i) many.push_back("r" + std::to_string(i) + "@example.com");
  const std::vector<std::string> all(many.begin(), many.begin() + kFlowRecipients);
  for (const auto& [recipients, more] : {std::pair(many, 7U), std::pair(all, 0U)}) {
    const Submission s = message("x", recipients);
    ASSERT_TRUE(spool->enqueue_and_wait(s));
    const auto expect = [&](bool finished) {
      const FlowEntry entry = spool->recent(1)->front();
      EXPECT_EQ(entry.message, s.message);
      EXPECT_EQ(entry.finished.has_value(), finished);
      ASSERT_EQ(entry.recipients.size(), kFlowRecipients);
      EXPECT_EQ(entry.recipients.back().address, all.back());
      EXPECT_EQ(entry.more, more);
      EXPECT_EQ(spool->flow(s.message)->recipients.size(), recipients.size());
      EXPECT_EQ(spool->flow(s.message)->more, 0U);
    };
    expect(false);
    for (const Work& work : spool->take(kRoute, 1000)) ASSERT_TRUE(report_now(report_of(work, Outcome::Delivered)));
    expect(true);
    clock.advance(1ms);
  }
}

TEST_F(SpoolTest, FullDiskRefusesNewMailAndKeepsOutcomes) {
  const FaultGuard guard;
  ASSERT_TRUE(spool->enqueue_and_wait(message()));
  const Work work = take_one();
  DeliveryReport report = report_of(work, Outcome::Delivered);
  disk_faults().full = true;
  Status status;
  for (int i = 0; i < 400 && status; ++i) status = spool->enqueue_and_wait(message(std::string(15'000, 'f')));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::Exhausted);
  const std::int64_t accepted = rows("SELECT count(*) FROM message");
  disk_faults().fail_write = true;  // now nothing can be written at all
  std::atomic<int> reported{0};
  spool->report(std::move(report), [&](const Status& s) { reported += s ? 1 : 100; });
  for (int i = 0; i < 3; ++i) {
    settle_failing();
    clock.advance(1s);
  }
  EXPECT_EQ(reported, 0);
  // The writer may be in the middle of trying it again.
  for (int i = 0; i < 100 && spool->stats().waiting_reports == 0; ++i) settle_failing();
  EXPECT_EQ(spool->stats().waiting_reports, 1U);
  disk_faults().fail_write = false;
  disk_faults().full = false;
  for (int i = 0; i < 3 && reported == 0; ++i) {
    clock.advance(1s);
    settle();
  }
  EXPECT_EQ(reported, 1);
  EXPECT_EQ(spool->stats().waiting_reports, 0U);
  EXPECT_EQ(rows("SELECT count(*) FROM message"), accepted - 1);
  EXPECT_EQ(static_cast<std::int64_t>(spool->stats().queued), accepted - 1);
  ASSERT_TRUE(spool->enqueue_and_wait(message()));
  expect_audit_whole();
}

TEST_F(SpoolTest, EightThreadsLoseNothing) {
  constexpr int kThreads = 8, kEach = 100;
  std::atomic<int> accepted{0};
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::set<std::string> sent;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        Submission s;
        {
          const std::lock_guard lock(mutex);
          s = message(std::to_string(t) + "/" + std::to_string(i) + std::string(i % 10 == 0 ? 40'000 : 10, ' '));
          sent.insert(s.message.get());
        }
        spool->enqueue(std::move(s), [&](const Status& status) { accepted += status.has_value(); });
      }
    });
  }
  std::set<std::string> received;
  std::thread courier([&] {
    while (received.size() < kThreads * kEach) {
      for (const Work& work : spool->take(kRoute, 16)) {
        const QueueItem item = work.loaded ? *work.loaded : spool->load(work).value();
        EXPECT_TRUE(received.insert(item.message.get()).second);
        DeliveryReport report{work.item, item.message, {{0, Outcome::Delivered, "250 ok", {}}}, {}, {}, {}};
        spool->report(std::move(report));
      }
    }
  });
  for (auto& thread : threads) thread.join();
  courier.join();
  settle();
  EXPECT_EQ(accepted, kThreads * kEach);
  EXPECT_EQ(received, sent);
  const WriterStats stats = store->writer().stats();
  EXPECT_LT(stats.commits, stats.jobs);
  EXPECT_EQ(spool->stats().delivered, static_cast<std::uint64_t>(kThreads * kEach));
  expect_nothing_left();
  expect_audit_whole();
}

TEST_F(SpoolTest, BulkChangeGoesInBoundedSteps) {
  std::atomic<int> left{2500};
  for (int i = 0; i < 2500; ++i) spool->enqueue(message("x"), [&](const Status& s) { left -= s.has_value(); });
  settle();
  ASSERT_EQ(left, 0);
  EXPECT_EQ(spool->change_now({QueueVerb::Hold, {}, "storm", "cli", {}}).value(), 2500U);
  EXPECT_TRUE(spool->take(kRoute, 1).empty());
  EXPECT_EQ(spool->change_now({QueueVerb::Remove, {}, "storm", "cli", {}}).value(), 2500U);
  expect_nothing_left();
  EXPECT_EQ(spool->stats().held, 0U);
  expect_audit_whole();
}

// A message that was taken in pieces goes through the queue as any other, and is read in pieces.
TEST_F(SpoolTest, StagedContentsGoThroughTheQueue) {
  auto staging = StagingArea::open({}, *store, **keeper, clock).value();
  Submission s = message();
  const MessageId id = s.message;
  auto staged = std::shared_ptr<StagedContent>(staging->begin(id).value());
  const Bytes text(1'000'000, 'x');
  ASSERT_TRUE(staged->append(text));
  ASSERT_TRUE(staged->checkpoint("n"));
  ASSERT_TRUE(staged->finish());
  s.variants[0].staged = std::move(staged);
  ASSERT_TRUE(spool->enqueue_and_wait(std::move(s)));
  EXPECT_TRUE(staging->kept()->empty());
  EXPECT_EQ(spool->flow(id)->size, text.size());
  staging.reset();
  reopen();
  settle();
  const Work work = take_one();
  EXPECT_FALSE(work.loaded);
  const auto item = spool->load(work).value();
  EXPECT_EQ(item.content, nullptr);
  EXPECT_EQ(item.recipients.size(), 1U);
  auto from = spool->reader(work.item).value();
  Bytes read(from.size());
  EXPECT_EQ(from.read(read).value(), text.size());
  EXPECT_EQ(read, text);
  ASSERT_TRUE(report_now(report_of(work, Outcome::Delivered)));
  expect_nothing_left();
  EXPECT_EQ(spool->reader(work.item).error().code, ErrorCode::NotFound);
  expect_audit_whole();
}

TEST_F(SpoolTest, ADamagedStagedContentIsQuarantined) {
  auto staging = StagingArea::open({}, *store, **keeper, clock).value();
  Submission s = message();
  auto staged = std::shared_ptr<StagedContent>(staging->begin(s.message).value());
  ASSERT_TRUE(staged->append(Bytes(200'000, 'x')));
  ASSERT_TRUE(staged->finish());
  s.variants[0].staged = std::move(staged);
  ASSERT_TRUE(spool->enqueue_and_wait(std::move(s)));
  settle();
  const Work work = take_one();
  spool->quarantine_damaged(work.item, "a chunk does not open");
  settle();
  EXPECT_EQ(spool->stats().quarantined, 1U);
}

TEST_F(SpoolTest, RoutesOfAPrefixHaveAListenerOfTheirOwn) {
  Listener other;
  spool->set_listener("x400:", &other);
  Submission s = message("x", {"C=DE;S=Bob", "bob@example.com"});
  s.variants[0].recipients[0].route = "x400:peer";
  ASSERT_TRUE(spool->enqueue_and_wait(std::move(s)));
  EXPECT_EQ(other.count("x400:peer", 1), 1);
  EXPECT_EQ(listener.count(kRoute, 1), 1);
  EXPECT_FALSE(listener.calls.contains("x400:peer"));
  EXPECT_FALSE(other.calls.contains(kRoute));
  spool->set_listener("x400:", nullptr);
}

}  // namespace
}  // namespace postern
