// The mailbox where something goes wrong: the peer, the disk, the process, or what others send. What is on disk afterwards, and what the
// peer was given how often.
#include "cabinet/arrival.hpp"
#include "cabinet/testing/mailbox.hpp"

namespace postern::cabinet {
namespace {

using namespace std::chrono_literals;
using namespace cabinet::testing;

class CabinetFaults : public Mailbox {};

TEST_F(CabinetFaults, APeerThatLeavesDuringAccessCostsNothing) {
  cabinet->start();
  sent(to(kMe));
  service.peer.cut_fetch = true;
  const AccessReport cut = accessed().value();
  EXPECT_FALSE(cut.done);
  EXPECT_EQ(cut.messages, 0U);
  EXPECT_NE(cut.text.find("ended"), std::string::npos);
  EXPECT_FALSE(cabinet->state().ok);
  service.peer.cut_fetch = false;
  EXPECT_EQ(accessed().value().messages, 1U);
  EXPECT_TRUE(cabinet->state().ok);
  EXPECT_EQ(count("SELECT count(*) FROM content"), 3) << "the key, what was sent, what came";
}

TEST_F(CabinetFaults, AnAnswerThatWasLostIsNeverTriedAgainAndAReportSettlesIt) {
  cabinet->start();
  service.peer.lose_answer = true;
  const Item item = sent(to(kOther));
  EXPECT_EQ(item.state, State::Unknown);
  EXPECT_EQ(item.folder, "outbox");
  EXPECT_NE(item.reason.find("nobody knows"), std::string::npos);
  EXPECT_EQ(cabinet->submit(item.id, {}, alice).error().code, ErrorCode::Conflict);
  service.peer.lose_answer = false;
  restart();
  EXPECT_EQ(accessed().value().reports, 1U);
  const Item now = cabinet->find(item.id).value();
  EXPECT_EQ(now.state, State::Submitted);
  EXPECT_EQ(now.recipients.at(0).stage, ipm::Stage::Delivered);
  EXPECT_EQ(service.peer.submissions, 1);
}

/// A process that ended between the second and the third transaction: the row is what it would have left.
TEST_F(CabinetFaults, ACrashWhileItIsGivenAwayLeavesAnUnknownOutcome) {
  const Item item = draft(to(kOther));
  ASSERT_TRUE(cabinet->submit(item.id, {}, alice));  // the worker does not run: queued
  CabinetRows rows(*store, *keeper, random);
  ASSERT_TRUE(rows.unlock());
  Item half = cabinet->find(item.id).value();
  half.state = half.copies.at(0).state = State::Submitting;
  ASSERT_TRUE(store->writer().transact([&](Database& database) { return rows.update(database, row_of(half)); }));
  restart();
  for (int n = 0; n < 200 && cabinet->find(item.id).value().state == State::Submitting; ++n) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(cabinet->find(item.id).value().state, State::Unknown);
  EXPECT_EQ(service.peer.submissions, 0) << "and is not submitted again";
}

/// The disk refuses the outcome for good: that nobody knows it is said while the process runs, and the next copy is not given away.
TEST_F(CabinetFaults, AnOutcomeThatCannotBeRecordedIsUnknownAtOnce) {
  cabinet->start();
  ASSERT_TRUE(store->writer().transact([](Database& database) {
    return database.execute(
        "CREATE TRIGGER refusal BEFORE UPDATE ON cabinet_item WHEN NEW.state IN (4, 8) AND OLD.state = 5 "
        "BEGIN SELECT RAISE(ABORT, 'refused'); END");
  }));
  Request request = to(kOther);
  request.bcc = {kNobody};
  const Item made = draft(request);
  ASSERT_TRUE(cabinet->submit(made.id, {}, alice));
  const Item item = settled(made.id);
  EXPECT_EQ(item.state, State::Unknown);
  EXPECT_EQ(item.copies.at(0).state, State::Unknown);
  EXPECT_EQ(item.copies.at(1).state, State::Draft);
  EXPECT_NE(item.reason.find("was not recorded"), std::string::npos) << item.reason;
  EXPECT_EQ(service.peer.submissions, 1);
  ASSERT_TRUE(store->writer().transact([](Database& database) { return database.execute("DROP TRIGGER refusal"); }));
  ASSERT_TRUE(cabinet->resolve(made.id, true, alice));
  EXPECT_EQ(cabinet->find(made.id).value().state, State::Failed) << "the blind copy is left";
  ASSERT_TRUE(cabinet->submit(made.id, {}, alice));
  EXPECT_EQ(settled(made.id).state, State::Submitted);
  EXPECT_EQ(service.peer.submissions, 2) << "and no copy twice";
}

TEST_F(CabinetFaults, AnIntentOutlivesTheProcess) {
  const Item item = draft(to(kOther));
  EXPECT_EQ(cabinet->submit(item.id, {}, alice).value().state, State::Queued);
  EXPECT_EQ(service.peer.submissions, 0);
  restart();
  EXPECT_EQ(settled(item.id).state, State::Submitted);
  EXPECT_EQ(service.peer.submissions, 1);
}

TEST_F(CabinetFaults, WhatSurelyDidNotGoOutMaySimplyBeSubmittedAgain) {
  cabinet->start();
  service.peer.refuse_bind = true;
  const Item item = sent(to(kOther));
  EXPECT_EQ(item.state, State::Failed);
  EXPECT_EQ(service.peer.submissions, 0);
  service.peer.refuse_bind = false;
  service.peer.refuse_message = true;
  ASSERT_TRUE(cabinet->submit(item.id, {}, alice));
  EXPECT_EQ(settled(item.id).state, State::Failed);
  EXPECT_EQ(cabinet->find(item.id).value().reason, "the peer does not want it");
  service.peer.refuse_message = false;
  ASSERT_TRUE(cabinet->submit(item.id, {}, alice));
  EXPECT_EQ(settled(item.id).state, State::Submitted);
}

TEST_F(CabinetFaults, AnAssociationThatEndedIsUnboundAsWell) {
  cabinet->start();
  service.peer.lose_answer = true;
  sent(to(kOther));
  service.peer.lose_answer = false;
  service.peer.cut_fetch = true;
  EXPECT_FALSE(accessed().value().done);
  cabinet->stop();
  EXPECT_EQ(service.peer.associations, 0) << "a transport counts them until they are unbound";
}

TEST_F(CabinetFaults, AFullDiskLeavesEachSubmissionInTheQueueOnce) {
  const test::FaultGuard guard;
  std::vector<MessageId> ids;
  for (int n = 0; n < 3; ++n) {
    ids.push_back(draft(to(kOther)).id);
    ASSERT_TRUE(cabinet->submit(ids.back(), {}, alice));
  }
  disk_faults().full = true;
  cabinet->start();
  std::this_thread::sleep_for(300ms);
  EXPECT_LE(cabinet->state().waiting, ids.size());
  EXPECT_EQ(service.peer.submissions, 0);
  disk_faults().full = false;
  for (const MessageId& each : ids) EXPECT_EQ(settled(each).state, State::Submitted);
  EXPECT_EQ(service.peer.submissions, 3);
}

/// X.411 8.2.1.3 is one copy's: what was taken back stays so when the next one fails.
TEST_F(CabinetFaults, TakesBackTheCopiesThatAreLeft) {
  cabinet->start();
  Request request = to(kOther);
  request.bcc = {kNobody};
  const Item item = draft(request);
  ASSERT_TRUE(cabinet->submit(item.id, {{}, unix_seconds(clock.now()) + 3600}, alice));
  settled(item.id);
  service.peer.most_cancellations = 1;
  EXPECT_EQ(cancelled(item.id).error().code, ErrorCode::Unavailable);
  const Item half = cabinet->find(item.id).value();
  EXPECT_EQ(half.state, State::Submitted);
  EXPECT_EQ(half.copies.at(0).state, State::Cancelled);
  EXPECT_EQ(half.copies.at(1).state, State::Submitted);
  service.peer.most_cancellations = 2;
  EXPECT_EQ(cancelled(item.id).value().state, State::Cancelled);
  EXPECT_EQ(service.peer.cancellations, 2) << "one for each copy";
  ASSERT_TRUE(cabinet->submit(item.id, {sdk::Strategy::Immediate, {}}, alice));
  EXPECT_EQ(settled(item.id).state, State::Submitted);
  EXPECT_EQ(service.peer.submissions, 4);
}

TEST_F(CabinetFaults, WhatThePeerNeverNamedIsNotTakenBack) {
  cabinet->start();
  service.peer.lose_answer = true;
  const Item item = draft(to(kOther));
  ASSERT_TRUE(cabinet->submit(item.id, {{}, unix_seconds(clock.now()) + 3600}, alice));
  ASSERT_EQ(settled(item.id).state, State::Unknown);
  ASSERT_TRUE(cabinet->resolve(item.id, true, alice));
  const auto answer = cancelled(item.id);
  EXPECT_EQ(answer.error().code, ErrorCode::Conflict);
  EXPECT_NE(answer.error().text().find("never heard"), std::string::npos) << answer.error().text();
  EXPECT_EQ(service.peer.cancellations, 0);
}

TEST_F(CabinetFaults, AnotherEntryUnderTheSameNumberIsNotDeleted) {
  cabinet->start();
  Request request = to(kMe);
  request.recipients.report = sdk::ReportRequest::None;
  sent(request);
  ASSERT_TRUE(accessed());
  const Item first = only("inbox", Kind::Message);
  cabinet->stop();
  service.peer.begin_anew();
  clock.advance(1min);
  restart();
  sent(request);
  EXPECT_EQ(removed(first.id, {.in_store = true, .receipt = true}).error().code, ErrorCode::Conflict);
  EXPECT_EQ(accessed().value().messages, 1U) << "it is still there";
  ASSERT_TRUE(removed(first.id, {}));
  ASSERT_TRUE(removed(only("inbox", Kind::Message).id, {.in_store = true, .receipt = true}));
  EXPECT_EQ(accessed().value().known, 0U);
}

TEST_F(CabinetFaults, ADamagedRowLeavesTheOthersAlone) {
  const Item first = draft(to(kOther)), damaged = draft(to(kOther)), last = draft(to(kOther));
  for (const MessageId& each : {first.id, damaged.id, last.id}) ASSERT_TRUE(cabinet->submit(each, {}, alice));
  ASSERT_TRUE(store->writer().transact(
      [&](Database& database) { return database.run("UPDATE cabinet_item SET facts = zeroblob(64) WHERE id = ?", damaged.id.get()); }));
  EXPECT_EQ(cabinet->list({}, 2).value().items.size(), 2U) << "a page is full without it";
  restart();
  EXPECT_EQ(settled(first.id).state, State::Submitted);
  EXPECT_EQ(settled(last.id).state, State::Submitted);
  EXPECT_EQ(cabinet->find(damaged.id).error().code, ErrorCode::IntegrityFailed);
}

TEST_F(CabinetFaults, ANotificationThatWasRefusedIsNotTriedAgain) {
  cabinet->start();
  Request request = to(kMe);
  request.recipients.receipt = ReceiptRequest::Receipt;
  sent(request);
  ASSERT_TRUE(accessed());
  service.peer.refuse_message = true;
  ASSERT_TRUE(cabinet->open_message(only("inbox", Kind::Message).id, true, alice));
  await_submissions(2);
  for (int n = 0; n < 3; ++n) ASSERT_TRUE(accessed());
  await_submissions(2);
  EXPECT_EQ(service.peer.submissions, 2);
}

TEST_F(CabinetFaults, ANotificationThatNobodyWasGivenIsTriedAgain) {
  cabinet->start();
  Request request = to(kMe);
  request.recipients.receipt = ReceiptRequest::Receipt;
  sent(request);
  ASSERT_TRUE(accessed());
  service.peer.refuse_bind = true;
  ASSERT_TRUE(cabinet->open_message(only("inbox", Kind::Message).id, true, alice));
  for (int n = 0; n < 500 && count("SELECT count(*) FROM cabinet_item WHERE state = 7") == 0; ++n) std::this_thread::sleep_for(10ms);
  service.peer.refuse_bind = false;
  ASSERT_TRUE(accessed());
  await_submissions(2);
  EXPECT_EQ(accessed().value().notifications, 1U);
}

TEST_F(CabinetFaults, AHistoryIsBounded) {
  cabinet->start();
  const Item item = sent(to(kOther));
  for (int n = 0; n < 210; ++n) ASSERT_TRUE(cabinet->move(item.id, n % 2 == 0 ? "archive" : "sent", alice));
  const Item now = cabinet->find(item.id).value();
  EXPECT_EQ(now.history.size(), 200U);
  EXPECT_EQ(now.history.front().what, "create");
  EXPECT_EQ(now.history.back().text, "to sent");
}

TEST_F(CabinetFaults, StopsBetweenTwoEntries) {
  cabinet->start();
  Request request = to(kMe);
  request.recipients.report = sdk::ReportRequest::None;
  for (int n = 0; n < 5; ++n) sent(request);
  service.peer.fetch_time = 200ms;
  std::promise<Result<AccessReport>> done;
  cabinet->access(alice, [&done](Result<AccessReport> got) { done.set_value(std::move(got)); });
  for (int n = 0; n < 500 && service.peer.fetches == 0; ++n) std::this_thread::sleep_for(1ms);
  cabinet->stop();
  const AccessReport report = done.get_future().get().value();
  EXPECT_FALSE(report.done);
  EXPECT_LT(service.peer.fetches, 5);
  service.peer.fetch_time = 0ms;
  restart();
  EXPECT_EQ(accessed().value().messages, 5U - report.messages);
}

/// X.420 8.1.2: who sent a notification is what the envelope says.
TEST_F(CabinetFaults, ANotificationOfSomebodyElseProvesNothing) {
  cabinet->start();
  Request request = to(kOther);
  request.recipients.receipt = ReceiptRequest::Receipt;
  request.recipients.report = sdk::ReportRequest::None;
  service.peer.lose_answer = true;
  const Item item = sent(request);
  service.peer.lose_answer = false;
  Item received = item;
  const Bytes content = cabinet->content(item.id, 0, 0, 1 << 20).value();
  const auto receipt = notification_of(received, content, kOther, Reading::Opened, clock.now()).value();
  ASSERT_TRUE(receipt);
  Request forged = to(kMe);
  forged.subject = forged.text = "";
  forged.recipients.report = sdk::ReportRequest::None;
  forged.content = GivenContent{"22", receipt->content.octets};
  sent(forged);
  EXPECT_EQ(accessed().value().notifications, 1U);
  const Item now = cabinet->find(item.id).value();
  EXPECT_EQ(now.state, State::Unknown);
  EXPECT_EQ(now.recipients.at(0).stage, ipm::Stage::Waiting);
}

TEST_F(CabinetFaults, AFullDiskChangesNothingAndTellsSo) {
  const test::FaultGuard guard;
  const Item item = draft(to(kOther));
  disk_faults().full = true;
  EXPECT_FALSE(cabinet->create(to(kOther), alice));
  EXPECT_FALSE(cabinet->submit(item.id, {}, alice));
  disk_faults().full = false;
  EXPECT_EQ(cabinet->find(item.id).value().state, State::Draft);
  cabinet->start();
  ASSERT_TRUE(cabinet->submit(item.id, {}, alice));
  EXPECT_EQ(settled(item.id).state, State::Submitted);
  EXPECT_EQ(service.peer.submissions, 1);
}

TEST_F(CabinetFaults, AContentThatWasChangedAtRestIsNotSubmitted) {
  const Item item = draft(to(kOther));
  ASSERT_TRUE(store->writer().transact([](Database& database) {
    // Another octet than the one that was there, whichever that is.
    return database.run(
        "UPDATE content SET data = substr(data, 1, length(data) - 1) || iif(substr(data, -1) = x'00', x'01', x'00') "
        "WHERE id = (SELECT max(content) FROM cabinet_content)");
  }));
  EXPECT_EQ(cabinet->content(item.id, 0, 0, 100).error().code, ErrorCode::IntegrityFailed);
  cabinet->start();
  ASSERT_TRUE(cabinet->submit(item.id, {}, alice));
  EXPECT_EQ(settled(item.id).state, State::Failed);
  EXPECT_EQ(service.peer.submissions, 0);
}

}  // namespace
}  // namespace postern::cabinet
