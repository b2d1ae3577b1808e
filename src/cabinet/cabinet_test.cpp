// The mailbox over the mock transport, with faults where a test wants one: what is on disk after each of them, and what was given to the
// peer how often.
#include "cabinet/testing/mailbox.hpp"
#include "ipm/read.hpp"

namespace postern::cabinet {
namespace {

using namespace std::chrono_literals;
using namespace cabinet::testing;

class CabinetTest : public Mailbox {};

TEST_F(CabinetTest, ADraftIsSealedAndKeptOctetByOctet) {
  const Item item = draft(to(kOther));
  EXPECT_EQ(item.state, State::Draft);
  EXPECT_EQ(item.folder, "drafts");
  EXPECT_EQ(item.to, std::vector<std::string>{kOther});
  const Bytes content = cabinet->content(item.id, 0, 0, 1 << 20).value();
  EXPECT_EQ(hex_encode(sha256(content)), item.copies.at(0).sha256);
  EXPECT_EQ(ipm::read_content(content).value().subject, "Lieferung");
  EXPECT_EQ(cabinet->content(item.id, 0, 3, 4).value(), Bytes(content.begin() + 3, content.begin() + 7));
  EXPECT_EQ(cabinet->content(item.id, 1, 0, 4).error().code, ErrorCode::NotFound);
  store->writer().stop();
  for (const char* secret : {"Lieferung", "Guten Morgen", "Roe", "POSTERN;S"})
    EXPECT_FALSE(test::directory_contains(directory.path(), secret)) << secret;
}

TEST_F(CabinetTest, WhatIsWrongInADraftIsNamed) {
  Request nobody = to(kOther);
  nobody.to.clear();
  EXPECT_EQ(cabinet->create(nobody, alice).error().field, "to");
  EXPECT_EQ(cabinet->create(to("no address"), alice).error().field, "to");
  Request content = to(kOther);
  content.subject = content.text = "";
  content.content = GivenContent{"fax", Bytes{1}};
  EXPECT_EQ(cabinet->create(content, alice).error().field, "content.type");
  Request late = to(kOther);
  late.latest_delivery = 1;
  EXPECT_EQ(cabinet->create(late, alice).error().field, "latest_delivery");
  EXPECT_EQ(count("SELECT count(*) FROM cabinet_item"), 0) << "nothing of them is kept";
}

TEST_F(CabinetTest, SubmitsAtOnceAndAReportComesBackToTheMessage) {
  cabinet->start();
  const Item item = sent(to(kOther));
  EXPECT_EQ(item.state, State::Submitted);
  EXPECT_EQ(item.folder, "sent");
  EXPECT_FALSE(item.mts_identifier.empty());
  const AccessReport report = accessed().value();
  EXPECT_EQ(report.reports, 1U);
  const Item about = only("inbox", Kind::Report);
  EXPECT_EQ(about.subject_message, item.id.get());
  const Item now = cabinet->find(item.id).value();
  EXPECT_EQ(now.recipients.at(0).stage, ipm::Stage::Delivered);
  EXPECT_EQ(outcome_of(now), ipm::Stage::Delivered);
}

TEST_F(CabinetTest, ANonDeliveryReportSaysWhy) {
  cabinet->start();
  const Item item = sent(to(kNobody));
  EXPECT_EQ(accessed().value().reports, 1U);
  const Item now = cabinet->find(item.id).value();
  EXPECT_EQ(now.recipients.at(0).stage, ipm::Stage::NotDelivered);
  EXPECT_NE(now.recipients.at(0).words.find("not delivered"), std::string::npos) << now.recipients.at(0).words;
}

TEST_F(CabinetTest, WhatIsFetchedIsThereOnce) {
  cabinet->start();
  sent(to(kMe));
  const AccessReport first = accessed().value();
  EXPECT_EQ(first.messages, 1U);
  EXPECT_EQ(first.reports, 1U);
  const AccessReport second = accessed().value();
  EXPECT_EQ(second.messages + second.reports, 0U);
  EXPECT_EQ(second.known, 2U);
  restart();
  EXPECT_EQ(accessed().value().known, 2U);
  const Item got = only("inbox", Kind::Message);
  EXPECT_TRUE(got.unopened);
  EXPECT_EQ(got.subject, "Lieferung");
  EXPECT_EQ(got.from, kMe);
  ASSERT_TRUE(removed(got.id, {}));
  EXPECT_EQ(accessed().value().known, 2U) << "what was deleted here does not come again";
}

TEST_F(CabinetTest, AReadReceiptGoesOutOnceAndComesBackToTheMessage) {
  cabinet->start();
  Request request = to(kMe);
  request.recipients.receipt = ReceiptRequest::Receipt;
  request.recipients.report = sdk::ReportRequest::None;
  const Item item = sent(request);
  EXPECT_EQ(accessed().value().messages, 1U);
  const Item got = only("inbox", Kind::Message);
  EXPECT_TRUE(got.receipt_requested);
  EXPECT_FALSE(cabinet->open_message(got.id, true, alice).value().unopened);
  EXPECT_FALSE(cabinet->open_message(got.id, true, alice).value().unopened);
  await_submissions(2);
  EXPECT_EQ(accessed().value().notifications, 1U);
  const Item now = cabinet->find(item.id).value();
  EXPECT_EQ(now.recipients.at(0).stage, ipm::Stage::Read) << now.recipients.at(0).words;
  EXPECT_TRUE(now.recipients.at(0).read_at);
  EXPECT_EQ(service.peer.submissions, 2) << "the message and one notification";
}

TEST_F(CabinetTest, WhatIsDeletedUnreadIsAnsweredByANonReceipt) {
  cabinet->start();
  Request request = to(kMe);
  request.recipients.receipt = ReceiptRequest::NonReceipt;
  const Item item = sent(request);
  ASSERT_TRUE(accessed());
  ASSERT_TRUE(removed(only("inbox", Kind::Message).id, {.in_store = true, .receipt = true}));
  await_submissions(2);
  EXPECT_EQ(accessed().value().notifications, 1U);
  EXPECT_EQ(cabinet->find(item.id).value().recipients.at(0).stage, ipm::Stage::NotRead);
}

TEST_F(CabinetTest, WithoutAReceiptNothingGoesOutEverAgain) {
  cabinet->start();
  Request request = to(kMe);
  request.recipients.receipt = ReceiptRequest::Receipt;
  sent(request);
  ASSERT_TRUE(accessed());
  const MessageId id = only("inbox", Kind::Message).id;
  ASSERT_TRUE(cabinet->open_message(id, false, alice));
  ASSERT_TRUE(cabinet->open_message(id, true, alice));
  ASSERT_TRUE(removed(id, {}));
  EXPECT_TRUE(in("outbox").empty());
  EXPECT_EQ(service.peer.submissions, 1);
}

TEST_F(CabinetTest, AnOperatorSettlesAnUnknownOutcome) {
  cabinet->start();
  service.peer.lose_answer = true;
  const Item lost = sent(to(kOther)), taken = sent(to(kOther));
  service.peer.lose_answer = false;
  EXPECT_EQ(cabinet->resolve(taken.id, true, alice).value().state, State::Submitted);
  EXPECT_EQ(cabinet->resolve(lost.id, false, alice).value().state, State::Failed);
  EXPECT_EQ(cabinet->resolve(lost.id, false, alice).error().code, ErrorCode::Conflict);
  ASSERT_TRUE(cabinet->submit(lost.id, {}, alice));
  EXPECT_EQ(settled(lost.id).state, State::Submitted);
}

TEST_F(CabinetTest, TracesEachStepAndTellsSupportNoNames) {
  options.trace_bundle_path = (directory.path() / "bundle.jsonl").string();
  cabinet = opened();
  cabinet->start();
  const Item item = sent(to(kOther), sdk::Strategy::WithTrace);
  std::vector<std::string> names;
  const std::vector<Step> steps = cabinet->trace(item.id).value();
  for (const Step& each : steps) names.push_back(each.name);
  EXPECT_EQ(names, (std::vector<std::string>{"intent", "bind", "content", "submit"}));
  EXPECT_TRUE(cabinet->trace(sent(to(kOther)).id).value().empty()) << "only where it is asked for";
  EXPECT_EQ(cabinet->write_bundle(alice).value().lines, 1U + 2U + 4U);
  const std::string bundle = test::read_file(directory.path() / "bundle.jsonl");
  EXPECT_NE(bundle.find(item.id.get()), std::string::npos);
  EXPECT_NE(bundle.find("\"step\":\"submit\""), std::string::npos);
  for (const char* secret : {"Lieferung", "Roe", "Operator", "POSTERN", "alice"})
    EXPECT_EQ(bundle.find(secret), std::string::npos) << secret;
}

TEST_F(CabinetTest, DefersAndTakesBack) {
  cabinet->start();
  const std::int64_t later = unix_seconds(clock.now()) + 3600;
  const Item item = draft(to(kOther));
  EXPECT_EQ(cabinet->submit(item.id, {sdk::Strategy::Deferred, {}}, alice).error().field, "deferred_until");
  EXPECT_EQ(cabinet->submit(item.id, {sdk::Strategy::Immediate, later}, alice).error().field, "deferred_until");
  EXPECT_EQ(cabinet->submit(item.id, {{}, later - 7200}, alice).error().field, "deferred_until");
  ASSERT_TRUE(cabinet->submit(item.id, {{}, later}, alice));
  EXPECT_EQ(settled(item.id).strategy, sdk::Strategy::Deferred);
  EXPECT_EQ(accessed().value().reports, 0U);
  EXPECT_EQ(cancelled(item.id).value().state, State::Cancelled);
  clock.advance(2h);
  EXPECT_EQ(accessed().value().reports, 0U) << "it was never delivered";
  EXPECT_EQ(cancelled(item.id).error().code, ErrorCode::Conflict);
}

TEST_F(CabinetTest, ADeferredMessageIsDeliveredAtItsTime) {
  cabinet->start();
  const Item item = draft(to(kOther));
  ASSERT_TRUE(cabinet->submit(item.id, {{}, unix_seconds(clock.now()) + 3600}, alice));
  settled(item.id);
  clock.advance(2h);
  EXPECT_EQ(accessed().value().reports, 1U);
  EXPECT_EQ(cancelled(item.id).error().code, ErrorCode::Conflict);
}

TEST_F(CabinetTest, TheStoredCopyIsThereBeforeAndAfter) {
  const Item item = draft(to(kOther));
  EXPECT_EQ(cabinet->submit(item.id, {sdk::Strategy::WithStoredCopy, {}}, alice).value().folder, "sent") << "with the intent";
  cabinet->start();
  settled(item.id);
  std::string last;
  for (int n = 0; n < 200 && last != "stored_copy_verified"; ++n) {
    std::this_thread::sleep_for(10ms);
    last = cabinet->find(item.id).value().history.back().what;
  }
  EXPECT_EQ(last, "stored_copy_verified");
}

TEST_F(CabinetTest, WhatIsHeldGoesOutWhenSomebodyApproves) {
  cabinet->start();
  const Item item = sent(to(kOther), sdk::Strategy::Quarantine), other = sent(to(kOther), sdk::Strategy::Quarantine);
  EXPECT_EQ(item.state, State::Held);
  EXPECT_EQ(in("quarantine").size(), 2U);
  EXPECT_EQ(service.peer.submissions, 0);
  EXPECT_EQ(cabinet->submit(item.id, {}, alice).error().code, ErrorCode::Conflict);
  const Actor bob{"bob", CorrelationId("c-2")};
  ASSERT_TRUE(cabinet->approve(item.id, bob));
  EXPECT_EQ(settled(item.id).state, State::Submitted);
  const Item refused = cabinet->refuse(other.id, "not on Sundays", bob).value();
  EXPECT_EQ(refused.state, State::Refused);
  EXPECT_EQ(refused.history.back().who, "bob");
  EXPECT_EQ(cabinet->approve(other.id, bob).error().code, ErrorCode::Conflict);
  EXPECT_EQ(count("SELECT count(*) FROM audit WHERE kind = 'x400.mailbox.approve' AND actor = 'bob'"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM audit WHERE kind = 'x400.mailbox.refuse' AND actor = 'bob'"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM audit WHERE facts LIKE '%Roe%' OR facts LIKE '%Liefer%' OR facts LIKE '%Sunday%'"), 0);
}

TEST_F(CabinetTest, PassesAContentThroughOctetByOctet) {
  cabinet->start();
  Request request = to(kMe);
  request.subject = request.text = "";
  request.content = GivenContent{"1.3.6.1.4.1.55555.1", Bytes{0xde, 0xad, 0xbe, 0xef, 0x00, 0xff}};
  const Item item = sent(request);
  EXPECT_EQ(item.strategy, sdk::Strategy::PassThrough) << "by itself, where a content is given";
  ASSERT_TRUE(accessed());
  const Item got = only("inbox", Kind::Message);
  EXPECT_EQ(got.content_type, "1.3.6.1.4.1.55555.1");
  EXPECT_EQ(cabinet->content(got.id, 0, 0, 100).value(), request.content->octets);
  EXPECT_EQ(cabinet->submit(draft(to(kOther)).id, {sdk::Strategy::PassThrough, {}}, alice).error().field, "strategy");
}

TEST_F(CabinetTest, ALargeContentGoesThroughFiles) {
  cabinet->start();
  Request request = to(kMe);
  request.subject = request.text = "";
  request.content = GivenContent{"1.3.6.1.4.1.55555.1", Bytes(3'000'000, 'x')};
  sent(request);
  ASSERT_TRUE(accessed());
  const Item got = only("inbox", Kind::Message);
  EXPECT_EQ(got.copies.at(0).size, 3'000'000U);
  EXPECT_EQ(cabinet->content(got.id, 0, 2'999'990, 100).value(), Bytes(10, 'x'));
}

TEST_F(CabinetTest, BlindCopiesHaveContentsAndOutcomesOfTheirOwn) {
  cabinet->start();
  Request request = to(kOther);
  request.bcc = {kNobody};
  const Item item = sent(request);
  ASSERT_EQ(item.copies.size(), 2U);
  EXPECT_EQ(service.peer.submissions, 2);
  EXPECT_EQ(as_text(cabinet->content(item.id, 0, 0, 10'000).value()).find("ELSEWHERE"), std::string_view::npos);
  EXPECT_EQ(accessed().value().reports, 2U);
  const Item now = cabinet->find(item.id).value();
  EXPECT_EQ(now.recipients.at(0).stage, ipm::Stage::Delivered);
  EXPECT_EQ(now.recipients.at(1).stage, ipm::Stage::NotDelivered);
  EXPECT_EQ(outcome_of(now), ipm::Stage::NotDelivered);
}

TEST_F(CabinetTest, ADefaultOfQuarantineHoldsEverything) {
  options.default_strategy = sdk::Strategy::Quarantine;
  cabinet = opened();
  cabinet->start();
  Request deferred = to(kOther), given = to(kMe);
  deferred.deferred_until = unix_seconds(clock.now()) + 3600;
  given.subject = given.text = "";
  given.content = GivenContent{"1.3.6.1.4.1.55555.1", Bytes{1, 2}};
  const Item later = sent(deferred), through = sent(given);
  EXPECT_EQ(later.state, State::Held);
  EXPECT_EQ(through.state, State::Held);
  ASSERT_TRUE(cabinet->approve(later.id, alice));
  ASSERT_TRUE(cabinet->approve(through.id, alice));
  EXPECT_EQ(settled(later.id).strategy, sdk::Strategy::Deferred);
  EXPECT_EQ(settled(through.id).strategy, sdk::Strategy::PassThrough);
  EXPECT_EQ(cabinet->find(later.id).value().deferred_until, deferred.deferred_until);
}

TEST_F(CabinetTest, FoldersOfOnesOwn) {
  cabinet->start();
  ASSERT_TRUE(cabinet->add_folder("Übung", alice));
  EXPECT_EQ(cabinet->add_folder("Übung", alice).error().code, ErrorCode::Conflict);
  EXPECT_EQ(cabinet->add_folder("inbox", alice).error().code, ErrorCode::Conflict);
  EXPECT_EQ(cabinet->add_folder("a/b", alice).error().code, ErrorCode::BadInput);
  const Item item = sent(to(kOther));
  EXPECT_EQ(cabinet->move(item.id, "Übung", alice).value().folder, "Übung");
  EXPECT_EQ(cabinet->move(item.id, "nowhere", alice).error().code, ErrorCode::NotFound);
  EXPECT_EQ(cabinet->move(item.id, "outbox", alice).error().code, ErrorCode::BadInput);
  EXPECT_EQ(cabinet->remove_folder("Übung", alice).error().code, ErrorCode::Conflict);
  EXPECT_EQ(cabinet->move(item.id, "archive", alice).value().folder, "archive");
  EXPECT_TRUE(cabinet->remove_folder("Übung", alice));
  const auto folders = cabinet->folders().value();
  EXPECT_EQ(folders.size(), 6U);
  ASSERT_TRUE(removed(item.id, {}));
  EXPECT_EQ(cabinet->find(item.id).error().code, ErrorCode::NotFound);
  EXPECT_EQ(count("SELECT count(*) FROM cabinet_content") + count("SELECT count(*) FROM cabinet_name"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM content"), 1) << "the mailbox's key";
}

}  // namespace
}  // namespace postern::cabinet
