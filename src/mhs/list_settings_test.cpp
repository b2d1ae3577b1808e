// [[x400_list]] as lists: members of settings and file, each once; who may send; where reports go.
#include "mhs/list_settings.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "store/test_support.hpp"

namespace postern::mhs {
namespace {

constexpr const char* kStaff = "C=DE;A= ;P=NORTH;CN=staff";
constexpr const char* kAlice = "C=DE;A= ;P=NORTH;S=Alice";

config::Config with(config::X400List list) {
  config::Config out;
  out.x400_lists = {std::move(list)};
  return out;
}
config::X400List staff() {
  config::X400List out;
  out.address = kStaff;
  out.members = {kAlice, "/C=de/A= /P=north/S=ALICE/", "C=DE;A= ;P=NORTH;S=Dave"};
  return out;
}
std::string fault_of(const config::X400List& list) {
  const auto made = lists_of(with(list));
  return made ? std::string() : made.error().text();
}

TEST(ListSettings, MembersAreOfSettingsAndFileAndEachOnce) {
  const test::TemporaryDirectory directory;
  auto list = staff();
  list.members_file = (directory.path() / "staff.txt").string();
  std::ofstream(list.members_file) << "# the hall\n\n  C=GB;A=GOLD;P=SOUTH;S=Bob \n" << kAlice << "\n";
  const auto made = lists_of(with(list));
  ASSERT_TRUE(made) << made.error().text();
  const auto found = made->find_text("/C=DE/A= /P=NORTH/CN=Staff/");
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ((*found)->policy.members.size(), 3U);
  EXPECT_TRUE((*found)->policy.submit_permission.empty());
  EXPECT_EQ(texts_of(**found).reports, "originator");
  EXPECT_EQ(made->find_text(kAlice).error().code, ErrorCode::NotFound);
  std::ofstream(list.members_file) << "\nnobody\n";
  EXPECT_NE(fault_of(list).find("line 2"), std::string::npos) << fault_of(list);
}

TEST(ListSettings, PermissionAndReports) {
  auto list = staff();
  list.submit = "members";
  list.owner = kAlice;
  list.reports = "owner";
  const auto owned = lists_of(with(list));
  ASSERT_TRUE(owned) << owned.error().text();
  const DistributionList& made = owned->all().begin()->second;
  EXPECT_EQ(made.policy.submit_permission, made.policy.members);
  EXPECT_TRUE(made.policy.reports_to_owner);
  EXPECT_FALSE(made.reports.onward);
  list.reports = "both";
  const auto both = lists_of(with(list));
  ASSERT_TRUE(both) << both.error().text();
  EXPECT_FALSE(both->all().begin()->second.policy.reports_to_owner);
  EXPECT_TRUE(both->all().begin()->second.reports.onward);
}

TEST(ListSettings, WhatCannotBeIsNamed) {
  auto itself = staff();
  itself.members.push_back("C=DE;A= ;P=NORTH;CN=Staff");
  EXPECT_NE(fault_of(itself).find("has the list itself"), std::string::npos);
  auto circle = staff();
  circle.owner = kStaff, circle.reports = "both";
  EXPECT_NE(fault_of(circle).find("circles"), std::string::npos);
  config::Config round = with(staff());
  round.x400_lists.push_back(staff());
  round.x400_lists[1].address = "C=DE;A= ;P=NORTH;CN=board";
  round.x400_lists[0].owner = "C=DE;A= ;P=NORTH;CN=Board", round.x400_lists[0].reports = "owner";
  round.x400_lists[1].owner = kStaff, round.x400_lists[1].reports = "both";
  const auto refused = lists_of(round);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text().find("is a list; name a person"), std::string::npos) << refused.error().text();
  auto missing = staff();
  missing.members_file = "/nowhere/staff.txt";
  EXPECT_NE(fault_of(missing).find("cannot read /nowhere/staff.txt"), std::string::npos);
  auto large = staff();
  large.members.clear();
  for (std::size_t i = 0; i <= kListMembers; ++i) large.members.push_back("C=DE;A= ;P=NORTH;S=M" + std::to_string(i));
  EXPECT_NE(fault_of(large).find("more than 10000 names"), std::string::npos);
  config::Config twice = with(staff());
  twice.x400_lists.push_back(staff());
  EXPECT_EQ(lists_of(twice).error().code, ErrorCode::Conflict);
}

}  // namespace
}  // namespace postern::mhs
