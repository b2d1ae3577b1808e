// Which messages a list takes: by what stands in a row, and by the whole message, with the same answer.
#include "cabinet/search.hpp"

#include "cabinet/testing/mailbox.hpp"

namespace postern::cabinet {
namespace {

using namespace cabinet::testing;

std::uint32_t only_bit(auto value) { return std::uint32_t{1} << static_cast<std::uint32_t>(value); }

class CabinetSearch : public Mailbox {
 protected:
  /// Subjects of what is found, newest first.
  std::vector<std::string> found(const Query& query) {
    std::vector<std::string> out;
    const auto page = cabinet->list(query, 100).value();
    for (const Item& each : page.items) out.push_back(each.subject);
    EXPECT_EQ(page.next, std::nullopt);
    return out;
  }
  Item named(const char* subject, const std::string& address = kOther) {
    Request request = to(address);
    request.subject = subject;
    return draft(request);
  }
};

using Subjects = std::vector<std::string>;

TEST_F(CabinetSearch, ByTexts) {
  named(
      "\xc3\x9c"
      "bung Nord"),
      named("exercise south", "C=DE;A= ;P=NORTH;O=Works;S=Doe");
  EXPECT_EQ(found({.subject = "\xc3\xbc"
                              "BUNG"}),
            Subjects{"\xc3\x9c"
                     "bung Nord"})
      << "case does not count, of umlauts neither";
  EXPECT_EQ(found({.subject = "SOUTH"}), Subjects{"exercise south"});
  EXPECT_EQ(found({.subject = "west"}), Subjects());
  EXPECT_EQ(found({.to = "s=doe; p=north"}), Subjects{"exercise south"}) << "pieces in any order";
  EXPECT_EQ(found({.to = "S=Doe;P=POSTERN"}), Subjects());
  EXPECT_EQ(found({.from = "Operator"}).size(), 2U);
  EXPECT_EQ(found({.from = "Operator", .to = "Doe", .subject = "exercise"}).size(), 1U);
}

TEST_F(CabinetSearch, PiecesStandInOneRecipient) {
  Request request = to("C=DE;A= ;P=NORTH;S=Doe");
  request.cc = {"C=DE;A= ;P=SOUTH;S=Roe"};
  request.subject = "to both";
  draft(request);
  EXPECT_EQ(found({.to = "P=SOUTH;S=Roe"}), Subjects{"to both"});
  EXPECT_EQ(found({.to = "P=NORTH;S=Roe"}), Subjects());
}

TEST_F(CabinetSearch, ByWhatTheySay) {
  Request urgent = to(kOther), named_one = to(kOther);
  urgent.subject = "urgent", urgent.priority = sdk::Priority::Urgent;
  named_one.subject = "named", named_one.content_identifier = "Exercise 7";
  draft(urgent), draft(named_one);
  EXPECT_EQ(found({.priorities = only_bit(sdk::Priority::Urgent)}), Subjects{"urgent"});
  EXPECT_EQ(found({.content_identifier = "EXERCISE 7"}), Subjects{"named"});
  EXPECT_EQ(found({.content_identifier = "Exercise"}), Subjects()) << "all of it";
  EXPECT_EQ(found({.folder = "drafts", .states = only_bit(State::Draft)}).size(), 2U);
  EXPECT_EQ(found({.states = only_bit(State::Held)}), Subjects());
}

TEST_F(CabinetSearch, ByTime) {
  named("early");
  const std::int64_t between = unix_seconds(clock.now()) + 60;
  clock.advance(std::chrono::hours(1));
  named("late");
  EXPECT_EQ(found({.since = between}), Subjects{"late"});
  EXPECT_EQ(found({.until = between}), Subjects{"early"});
}

TEST_F(CabinetSearch, ByWhatBecameOfThem) {
  cabinet->start();
  sent(to(kOther));
  Request lost = to(kNobody);
  lost.subject = "lost";
  sent(lost);
  EXPECT_EQ(found({.folder = "sent", .reported = true}), Subjects());
  ASSERT_TRUE(accessed());
  named("a draft");
  EXPECT_EQ(found({.outcomes = only_bit(ipm::Stage::NotDelivered)}), Subjects{"lost"});
  EXPECT_EQ(found({.folder = "sent", .reported = true}).size(), 2U);
  EXPECT_EQ(found({.outcomes = only_bit(ipm::Stage::Waiting), .reported = true}), Subjects()) << "of each of these everything was heard";
  EXPECT_EQ(found({.outcomes = only_bit(ipm::Stage::Delivered), .reported = false}), Subjects());
  EXPECT_EQ(found({.folder = "drafts", .reported = false}), Subjects{"a draft"});
  EXPECT_EQ(found({.kinds = only_bit(Kind::Report)}).size(), 2U);
  EXPECT_EQ(found({.folder = "inbox", .opened = true}).size(), 0U);
}

/// Of one recipient a report came, of the other nothing: both conditions hold of that message, and of no other.
TEST_F(CabinetSearch, WhoWaitsThoughSomethingWasHeard) {
  cabinet->start();
  sent(to(kOther));
  Request partly = to(kOther);
  partly.to.push_back(kNobody);
  partly.subject = "partly", partly.recipients.report = sdk::ReportRequest::NonDelivery;
  sent(partly);
  ASSERT_TRUE(accessed());
  EXPECT_EQ(found({.folder = "sent", .outcomes = only_bit(ipm::Stage::Waiting), .reported = true}), Subjects{"partly"});
}

TEST_F(CabinetSearch, AChangeIsFoundAndWhatItWasIsNot) {
  const Item item = named("before");
  ASSERT_TRUE(cabinet->edit(
      item.id, item.version,
      [](Request& request) -> Status {
        request.subject = "after";
        return {};
      },
      alice));
  EXPECT_EQ(found({.subject = "before"}), Subjects());
  EXPECT_EQ(found({.subject = "after"}), Subjects{"after"});
}

/// Rows of an earlier build have nothing to search by.
TEST_F(CabinetSearch, ARowWithoutABriefIsDecidedByItsFacts) {
  Request urgent = to(kOther);
  urgent.priority = sdk::Priority::Urgent, urgent.subject = "old and urgent";
  draft(urgent), named("old");
  ASSERT_TRUE(store->writer().transact([](Database& database) { return database.execute("DELETE FROM cabinet_search"); }));
  EXPECT_EQ(found({.priorities = only_bit(sdk::Priority::Urgent)}), Subjects{"old and urgent"});
  EXPECT_EQ(found({.subject = "nothing of it"}), Subjects());
  EXPECT_EQ(found({}).size(), 2U);
}

TEST_F(CabinetSearch, NothingOfItIsReadableAtRest) {
  Request request = to("C=DE;A= ;P=NORTH;S=Doe");
  request.content_identifier = "Exercise 7";
  draft(request);
  store->writer().stop();
  for (const char* secret : {"lieferung", "s=doe", "exercise 7", "Exercise 7"})
    EXPECT_FALSE(test::directory_contains(directory.path(), secret)) << secret;
}

}  // namespace
}  // namespace postern::cabinet
