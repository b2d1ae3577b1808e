// Which transfer a peer means when it asks to go on: the wrong one would put one message's octets behind another's envelope.
#include "mhs/interrupted.hpp"

#include <gtest/gtest.h>

#include <set>

#include "mhs/p1_caller.hpp"

namespace postern::mhs {
namespace {

using namespace std::chrono_literals;

osi::SessionConnectionIdentifier connection(const char* name) {
  osi::SessionConnectionIdentifier out;
  out.calling_ss_user_reference.value = asn1::OctetString(name);
  return out;
}

OpenTransfer transfer(const char* began, std::vector<osi::SerialNumber> serials) {
  OpenTransfer out;
  for (const osi::SerialNumber serial : serials) {
    osi::ResumePoint point;
    point.activity = osi::activity_identifier(1);
    point.connection = connection(began);
    point.serial = serial;
    point.octets = out.octets = std::uint64_t{1000} * serial;
    out.add(std::move(point));
  }
  return out;
}

osi::RtResumeRequested asked(osi::SerialNumber serial, std::optional<osi::SessionConnectionIdentifier> began) {
  osi::RtResumeRequested out;
  out.activity = osi::activity_identifier(2);
  out.old_activity = osi::activity_identifier(1);
  out.serial = serial;
  out.connection = std::move(began);
  return out;
}

struct InterruptedTest : testing::Test {
  void put(const std::string& peer, const char* began, std::vector<osi::SerialNumber> serials, SteadyTime at = {}) {
    transfers.put(peer, transfer(began, std::move(serials)), at, dropped);
  }
  InterruptedTransfers transfers;
  std::vector<OpenTransfer> dropped;
};

TEST_F(InterruptedTest, ActivitiesAreMeantTogetherWithTheirConnection) {
  put("south", "first", {1, 2});
  EXPECT_FALSE(transfers.take("south", asked(2, connection("second")), connection("third"), {}));
  EXPECT_FALSE(transfers.take("south", asked(2, std::nullopt), connection("second"), {}));  // without a name: the one it is asked on
  EXPECT_FALSE(transfers.take("north", asked(2, connection("first")), connection("third"), {}));
  EXPECT_FALSE(transfers.take("south", asked(3, connection("first")), connection("third"), {}));
  EXPECT_TRUE(transfers.take("south", asked(2, connection("first")), connection("third"), {}));
  EXPECT_FALSE(transfers.take("south", asked(2, connection("first")), connection("third"), {})) << "taken out";
}

TEST(ConnectionName, NoTwoOfASecondAreTheSame) {
  const WallTime now{std::chrono::seconds(1'800'000'000)};
  std::set<std::string> marks;
  for (int i = 0; i < 3000; ++i) {
    const auto name = connection_name("mail.example", i % 2 == 0 ? TransferMode::Normal : TransferMode::X410, now);
    EXPECT_TRUE(marks.insert(name.additional_reference_information->octets).second);
    EXPECT_EQ(name.additional_reference_information->octets.size(), 2U) << "X.225 8.3.1.3: four octets with their BER header";
  }
}

TEST_F(InterruptedTest, AnEarlierCheckpointSaysWhatComesAgain) {
  put("south", "first", {1, 2, 5});
  const auto found = transfers.take("south", asked(2, std::nullopt), connection("first"), {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->point.octets, 2000U);
  EXPECT_EQ(found->again, 3000U);
}

TEST_F(InterruptedTest, OldOnesAndTooManyOfOnePeerGo) {
  const SteadyTime later = SteadyTime() + 31min;
  put("south", "first", {1});
  EXPECT_FALSE(transfers.take("south", asked(1, connection("first")), connection("x"), later));
  EXPECT_EQ(transfers.take_old(later).size(), 1U);
  EXPECT_TRUE(transfers.take_old(later).empty());
  put("north", "first", {1});
  for (int i = 0; i < 9; ++i) put("south", ("c" + std::to_string(i)).c_str(), {1});
  EXPECT_EQ(dropped.size(), 1U);
  EXPECT_FALSE(transfers.take("south", asked(1, connection("c0")), connection("x"), {}));
  EXPECT_TRUE(transfers.take("south", asked(1, connection("c8")), connection("x"), {}));
  EXPECT_TRUE(transfers.take("north", asked(1, connection("first")), connection("x"), {})) << "another peer's is left alone";
}

TEST_F(InterruptedTest, CompletedOnesAreKnownOnlyByTheirConnection) {
  transfers.note_completed("south", osi::activity_identifier(1), connection("first"));
  EXPECT_TRUE(transfers.was_completed("south", asked(1, connection("first"))));
  EXPECT_FALSE(transfers.was_completed("south", asked(1, connection("second"))));
  EXPECT_FALSE(transfers.was_completed("south", asked(1, std::nullopt)));
  EXPECT_FALSE(transfers.was_completed("north", asked(1, connection("first"))));
}

}  // namespace
}  // namespace postern::mhs
