// Distribution lists at work (X.411 14.3.10, 14.3.11): two MTAs, lists at both.
#include "mhs/lists.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "mhs/testing/two_nodes.hpp"

namespace postern::mhs {
namespace {

using namespace testing;

constexpr const char* kStaff = "C=DE;A= ;P=NORTH;O=Lists;S=Staff";
constexpr const char* kBoard = "C=DE;A= ;P=NORTH;O=Lists;S=Board";
constexpr const char* kGuests = "C=DE;A= ;P=NORTH;O=Lists;S=Guests";
constexpr const char* kHall = "C=GB;A=GOLD;P=SOUTH;O=Lists;S=Hall";
constexpr const char* kDave = "C=DE;A= ;P=NORTH;O=Works;S=Dave";
constexpr const char* kOwner = "C=DE;A= ;P=NORTH;O=Works;S=Owner";

DistributionList list(const char* name, const std::vector<std::string>& members) {
  DistributionList out;
  out.name = name_of(name);
  for (const std::string& member : members) out.policy.members.push_back(name_of(member.c_str()));
  return out;
}

/// Reports as lines, sorted.
std::vector<std::string> lines_in(const std::vector<Received>& received) {
  std::vector<std::string> out;
  for (const Received& each : received)
    for (const std::string& line : mts::lines_of(std::get<mts::Report>(each.apdu.value))) out.push_back(line.substr(0, line.find(" at ")));
  std::ranges::sort(out);
  return out;
}

const mts::NonDeliveryReport& refusal_in(const Received& received) {
  const auto& report = std::get<mts::Report>(received.apdu.value);
  return std::get<mts::NonDeliveryReport>(report.content.per_recipient_fields.at(0).last_trace_information.report_type.value);
}

struct ListsAtWork : TwoNodes {
  ListsAtWork() {
    north.mailboxes.add(kDave);
    north.mailboxes.add(kOwner);
  }
  /// All work is done.
  void settle() {
    while (north.spool->stats().messages + south.spool->stats().messages > 0) std::this_thread::yield();
  }
};

TEST_F(ListsAtWork, MembersHereAndElsewhereGetItAndTheOriginatorHearsOfEach) {
  ASSERT_TRUE(north.lists.add(list(kStaff, {kDave, kBob})));
  start();
  auto envelope = envelope_to({kStaff, kCarol});
  envelope.per_message_indicators.set(mts::PerMessageIndicator::DisclosureOfOtherRecipients);
  ASSERT_TRUE(north.submit(envelope, content_of(5000)));
  ASSERT_EQ(north.mailboxes.wait(kDave, 1).size(), 1U);
  const auto bobs = south.mailboxes.wait(kBob, 1);
  ASSERT_EQ(bobs.size(), 1U);
  const auto& message = std::get<mts::Message>(bobs[0].apdu.value);
  EXPECT_EQ(message.content.octets, content_of(5000));
  // X.411 8.3.1.1.1.7: by which list it came; and nobody is told who else stands in it.
  const auto history = mts::extension_or<mts::StandardExtension::DlExpansionHistory>(message.envelope.extensions);
  ASSERT_EQ(history.size(), 1U);
  EXPECT_TRUE(mts::same_name(history[0].dl, name_of(kStaff)));
  EXPECT_EQ(message.envelope.per_recipient_fields.size(), 1U);
  const auto reports = north.mailboxes.wait(kAlice, 3);
  EXPECT_EQ(lines_in(reports),
            (std::vector<std::string>{"delivered to C=DE;A= ;P=NORTH;O=Works;S=Dave", "delivered to C=GB;A=GOLD;P=SOUTH;O=Hall;S=Bob",
                                      "delivered to C=GB;A=GOLD;P=SOUTH;O=Hall;S=Carol"}));
  settle();
  EXPECT_EQ(north.mailboxes.wait(kAlice, 3).size(), 3U);
}

TEST_F(ListsAtWork, ReportsGoToTheOwnerWhoWantsThem) {
  auto staff = list(kStaff, {kBob, "C=GB;A=GOLD;P=SOUTH;S=Nobody"});
  staff.policy.reports_to_owner = true;
  staff.reports = {.owner = name_of(kOwner), .onward = false};
  ASSERT_TRUE(north.lists.add(staff));
  start();
  ASSERT_TRUE(north.submit(envelope_to({kStaff}), content_of(10)));
  const auto told = north.mailboxes.wait(kAlice, 1);
  ASSERT_EQ(told.size(), 1U);
  const auto& expanded = std::get<mts::Report>(told[0].apdu.value).content.per_recipient_fields.at(0);
  const auto& type = std::get<mts::DeliveryReport>(expanded.last_trace_information.report_type.value);
  EXPECT_EQ(type.type_of_mts_user, mts::TypeOfMTSUser::DistributionList) << "X.411 14.3.10: he hears of the list, not of its members";
  const auto owned = north.mailboxes.wait(kOwner, 1);
  ASSERT_EQ(owned.size(), 1U);
  EXPECT_EQ(refusal_in(owned[0]).non_delivery_diagnostic_code, mts::NonDeliveryDiagnosticCode::UnrecognisedORName);
  const auto by =
      mts::extension_or<mts::StandardExtension::ReportingDlName>(std::get<mts::Report>(owned[0].apdu.value).envelope.extensions);
  EXPECT_TRUE(mts::same_name(by, name_of(kStaff)));
  settle();
  EXPECT_EQ(north.mailboxes.wait(kAlice, 1).size(), 1U);
  EXPECT_EQ(north.mailboxes.wait(kOwner, 1).size(), 1U);
}

TEST_F(ListsAtWork, BothMayBeTold) {
  auto staff = list(kStaff, {kBob});
  staff.reports = {.owner = name_of(kOwner), .onward = true};
  ASSERT_TRUE(north.lists.add(staff));
  start();
  ASSERT_TRUE(north.submit(envelope_to({kStaff}), content_of(10)));
  EXPECT_EQ(north.mailboxes.wait(kAlice, 1).size(), 1U);
  EXPECT_EQ(north.mailboxes.wait(kOwner, 1).size(), 1U);
}

TEST_F(ListsAtWork, WhoMayNotSendIsTold) {
  auto staff = list(kStaff, {kBob});
  staff.policy.submit_permission = {name_of(kDave)};
  ASSERT_TRUE(north.lists.add(staff));
  ASSERT_TRUE(north.lists.add(list(kBoard, {kBob})));
  start();
  ASSERT_TRUE(north.submit(envelope_to({kStaff}), content_of(10)));
  const auto first = north.mailboxes.wait(kAlice, 1);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(refusal_in(first[0]).non_delivery_diagnostic_code, mts::NonDeliveryDiagnosticCode::NoDlSubmitPermission);
  auto prohibited = envelope_to({kBoard});
  ASSERT_TRUE(
      mts::set_extension<mts::StandardExtension::DlExpansionProhibited>(prohibited.extensions, mts::DLExpansionProhibited::Prohibited));
  ASSERT_TRUE(north.submit(prohibited, content_of(10)));
  const auto second = north.mailboxes.wait(kAlice, 2);
  ASSERT_EQ(second.size(), 2U);
  EXPECT_EQ(refusal_in(second[1]).non_delivery_diagnostic_code, mts::NonDeliveryDiagnosticCode::DlExpansionProhibited);
  settle();
  EXPECT_TRUE(south.mailboxes.wait(kBob, 0).empty());
}

TEST_F(ListsAtWork, AProbeIsAnsweredForTheListAlone) {
  ASSERT_TRUE(north.lists.add(list(kStaff, {kBob})));
  start();
  mts::ProbeSubmissionEnvelope probe;
  probe.originator_name = name_of(kAlice);
  probe.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  probe.per_recipient_fields = envelope_to({kStaff}).per_recipient_fields;
  ASSERT_TRUE(north.loops->run(north.node->submit_probe(probe, "test")));
  const auto reports = north.mailboxes.wait(kAlice, 1);
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(lines_in(reports), (std::vector<std::string>{"delivered to C=DE;A= ;P=NORTH;O=Lists;S=Staff"}));
}

TEST_F(ListsAtWork, AListExpandsAMessageOnce) {
  // X.411 14.3.10: the history ends circles (Staff, Board); the mark ends a second way to the same list (Guests).
  ASSERT_TRUE(north.lists.add(list(kStaff, {kBoard, kGuests})));
  ASSERT_TRUE(north.lists.add(list(kBoard, {kStaff, kGuests})));
  ASSERT_TRUE(north.lists.add(list(kGuests, {kBob})));
  start();
  ASSERT_TRUE(north.submit(envelope_to({kStaff}, false), content_of(10)));
  EXPECT_EQ(south.mailboxes.wait(kBob, 1).size(), 1U);
  settle();
  EXPECT_EQ(south.mailboxes.wait(kBob, 1).size(), 1U);
  EXPECT_TRUE(north.mailboxes.wait(kAlice, 0).empty());
}

TEST_F(ListsAtWork, ListsOfTwoMtasThatNameEachOtherEnd) {
  // Between systems of 1984 the history is lost on the way; the mark is not.
  for (const TransferMode mode : {TransferMode::Normal, TransferMode::X410_1984}) {
    north.lists = {};
    ASSERT_TRUE(north.lists.add(list(kStaff, {kHall, kDave})));
    south.lists = {};
    ASSERT_TRUE(south.lists.add(list(kHall, {kStaff, kBob})));
    const std::size_t before = south.mailboxes.wait(kBob, 0).size();
    start(mode);
    auto envelope = envelope_to({kStaff, kCarol}, false);
    envelope.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1984;
    ASSERT_TRUE(north.submit(envelope, content_of(10)));
    EXPECT_EQ(south.mailboxes.wait(kBob, before + 1).size(), before + 1) << name_of(mode);
    settle();
    EXPECT_EQ(south.mailboxes.wait(kBob, before + 1).size(), before + 1) << name_of(mode);
    EXPECT_EQ(north.mailboxes.wait(kDave, before + 1).size(), before + 1) << name_of(mode);
    EXPECT_TRUE(north.mailboxes.wait(kAlice, 0).empty()) << name_of(mode);
    north.stop();
    south.stop();
  }
}

TEST_F(ListsAtWork, AContentThatIsNotInMemoryIsCopiedOnDisk) {
  ASSERT_TRUE(north.lists.add(list(kStaff, {kDave, kBob})));
  start();
  const Bytes content = content_of(3'000'000);
  ASSERT_TRUE(north.submit(envelope_to({kStaff}, false), content));
  for (const auto& got : {north.mailboxes.wait(kDave, 1), south.mailboxes.wait(kBob, 1)}) {
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(std::get<mts::Message>(got[0].apdu.value).content.octets, content);
  }
}

TEST_F(ListsAtWork, ALargeListBecomesSeveralEnvelopes) {
  std::vector<std::string> members;
  for (std::size_t i = 0; i < 2500; ++i) members.push_back("C=GB;A=GOLD;P=SOUTH;O=Many;S=M" + std::to_string(i));
  ASSERT_TRUE(north.lists.add(list(kStaff, members)));
  start();
  south.stop();  // so that they stay in the queue
  ASSERT_TRUE(north.submit(envelope_to({kStaff}, false), content_of(1000)));
  while (north.spool->stats().messages != 3) std::this_thread::yield();
  const auto entries = north.spool->list({}, 3000).value();
  std::set<std::string> addresses;
  std::map<ItemId, std::size_t> in_item;
  for (const QueueEntry& each : entries) addresses.insert(each.address), ++in_item[each.item];
  EXPECT_EQ(addresses.size(), members.size());
  ASSERT_EQ(in_item.size(), 3U);
  for (const auto& [item, recipients] : in_item) EXPECT_LE(recipients, 1000U);
}

TEST_F(ListsAtWork, AListThatIsNoMoreReportsSo) {
  ASSERT_TRUE(north.lists.add(list(kStaff, {kBob})));
  start();
  auto envelope = envelope_to({kStaff});
  envelope.deferred_delivery_time = mts::Time::at(unix_seconds(north.clock.now()) + 2);
  ASSERT_TRUE(north.submit(envelope, content_of(10)));
  north.stop();
  north.lists = {};
  north.start();
  const auto reports = north.mailboxes.wait(kAlice, 1);
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(refusal_in(reports[0]).non_delivery_diagnostic_code, mts::NonDeliveryDiagnosticCode::UnrecognisedORName);
}

}  // namespace
}  // namespace postern::mhs
