#include "sdk/inspect.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/lend.hpp"
#include "sdk/library.hpp"

namespace postern::sdk {
namespace {

using ::testing::HasSubstr;

template <class T>
T sized() {
  T out{};
  out.struct_size = sizeof(T);
  return out;
}

postern_x400_entry an_entry(std::uint64_t sequence) {
  auto out = sized<postern_x400_entry>();
  out.sequence = sequence;
  out.entry_class = POSTERN_X400_DELIVERED_MESSAGE;
  out.filled = POSTERN_X400_HAS_SUBJECT | POSTERN_X400_HAS_TIME;
  out.subject = lend(std::string_view("Lage"));
  out.time = POSTERN_X400_NO_TIME;
  return out;
}

postern_x400_entry_list list_of(const std::vector<postern_x400_entry>& entries) {
  auto out = sized<postern_x400_entry_list>();
  out.entries = entries.data();
  out.entry_count = entries.size();
  return out;
}

std::string fault_of(const postern_x400_entry_list* list) {
  Inspector inspector;
  (void)inspector.entry_list(list, 10);
  return inspector.fault() ? inspector.fault()->what : "";
}

TEST(Inspector, TakesWhatWasFilledAndNothingElse) {
  std::vector entries{an_entry(1), an_entry(5)};
  entries[0].originator = {reinterpret_cast<const char*>(1), SIZE_MAX};  // not said to be filled, so not looked at
  const auto list = list_of(entries);
  Inspector inspector;
  const EntryList out = inspector.entry_list(&list, 10);
  ASSERT_FALSE(inspector.fault()) << inspector.fault()->what;
  ASSERT_EQ(out.entries.size(), 2U);
  EXPECT_EQ(out.entries[1].sequence, 5U);
  EXPECT_EQ(out.entries[0].subject, "Lage");
  EXPECT_EQ(out.entries[0].originator, std::nullopt);
  EXPECT_EQ(out.entries[0].time, std::nullopt);
}

/// A library of a later minor version: its elements are longer.
TEST(Inspector, StepsByTheSizeOfTheFirstElement) {
  struct Longer {
    postern_x400_entry entry;
    std::uint64_t later[3];
  };
  std::vector<Longer> entries{{an_entry(1), {9, 9, 9}}, {an_entry(2), {9, 9, 9}}};
  for (auto& one : entries) one.entry.struct_size = sizeof(Longer);
  auto list = sized<postern_x400_entry_list>();
  list.entries = &entries[0].entry;
  list.entry_count = entries.size();
  Inspector inspector;
  const EntryList out = inspector.entry_list(&list, 10);
  ASSERT_FALSE(inspector.fault()) << inspector.fault()->what;
  EXPECT_EQ(out.entries[1].sequence, 2U);
}

TEST(Inspector, NamesWhatIsWrong) {
  EXPECT_THAT(fault_of(nullptr), HasSubstr("entry_list is NULL"));
  std::vector entries{an_entry(1), an_entry(2)};
  const auto with = [&](auto change) {
    std::vector changed = entries;
    auto list = list_of(changed);
    change(changed, list);
    return fault_of(&list);
  };
  EXPECT_EQ(with([](auto&, auto&) {}), "");
  EXPECT_THAT(with([](auto&, auto& list) { list.struct_size = 8; }), HasSubstr("entry_list.struct_size is 8"));
  EXPECT_THAT(with([](auto&, auto& list) { list.struct_size = 1U << 30; }), HasSubstr("entry_list.struct_size"));
  EXPECT_THAT(with([](auto&, auto& list) { list.entries = nullptr; }), HasSubstr("entries is NULL with a count of 2"));
  EXPECT_THAT(with([](auto&, auto& list) { list.entry_count = SIZE_MAX; }), HasSubstr("at most 10 are allowed"));
  EXPECT_THAT(with([](auto& all, auto&) { all[1].struct_size += 8; }), HasSubstr("another than that of the first"));
  EXPECT_THAT(with([](auto& all, auto&) { all[1].sequence = 1; }), HasSubstr("does not rise"));
  EXPECT_THAT(with([](auto& all, auto&) { all[0].sequence = 0; }), HasSubstr("no sequence number"));
  EXPECT_THAT(with([](auto& all, auto&) { all[1].entry_class = 9; }), HasSubstr("entries[1].entry_class is 9"));
  EXPECT_THAT(with([](auto& all, auto&) { all[1].subject.size = SIZE_MAX; }), HasSubstr("entries[1].subject says"));
  EXPECT_THAT(with([](auto& all, auto&) { all[1].subject = {nullptr, 4}; }), HasSubstr("subject is NULL with a size of 4"));
  EXPECT_THAT(with([](auto& all, auto&) { all[1].subject = {"\xED\xA0\x80", 3}; }), HasSubstr("subject is not UTF-8"));
  EXPECT_THAT(with([](auto& all, auto&) { all[1].attribute_count = 1; }), HasSubstr("attributes is NULL"));
  EXPECT_THAT(with([](auto&, auto& list) { list.next = 2; }), HasSubstr("leads back"));
}

TEST(Inspector, DamageAndBadTextAreToldApart) {
  std::vector entries{an_entry(1)};
  entries[0].subject = {"\xFF", 1};
  auto list = list_of(entries);
  Inspector text;
  (void)text.entry_list(&list, 10);
  EXPECT_TRUE(text.fault());
  EXPECT_FALSE(text.distrust());
  list.entry_count = 1U << 20;
  Inspector damage;
  (void)damage.entry_list(&list, 10);
  EXPECT_TRUE(damage.distrust());
}

TEST(Inspector, AnAnswerHasABound) {
  const std::vector<std::uint8_t> octets(kMostAnswered / 4 + 1);
  std::vector<postern_x400_attribute> attributes(4, sized<postern_x400_attribute>());
  for (auto& one : attributes) one.value = {octets.data(), octets.size()};
  std::vector entries{an_entry(1)};
  entries[0].attributes = attributes.data();
  entries[0].attribute_count = attributes.size();
  const auto list = list_of(entries);
  EXPECT_THAT(fault_of(&list), HasSubstr("ask for a smaller page"));
}

TEST(Inspector, SummariesReportsAndEventsMustMakeSense) {
  auto summary = sized<postern_x400_summary>();
  summary.total = 2;
  summary.by_status[0] = 1;
  Inspector first;
  (void)first.summary(&summary);
  EXPECT_THAT(first.fault()->what, HasSubstr("does not add up"));
  auto event = sized<postern_x400_event>();
  event.kind = POSTERN_X400_REPORTED;
  Inspector second;
  (void)second.event(&event);
  EXPECT_THAT(second.fault()->what, HasSubstr("event.report must be there"));
  auto report = sized<postern_x400_report>();
  event.report = &report;
  Inspector third;
  (void)third.event(&event);
  EXPECT_THAT(third.fault()->what, HasSubstr("which message"));
}

TEST(Lend, WhatIsAbsentIsNullAndWhatIsThereIsBorrowed) {
  Submission value;
  value.originator = "C=DE;S=A";
  value.recipients = {{"C=DE;S=B", "C=DE;S=C", ReportRequest::All}};
  value.extensions = {{4, "18", {1, 2}}};
  value.encoded_types = {"2.6.3.4.2"};
  value.latest_delivery = 99;
  const Bytes content{1, 2, 3};
  const LentSubmission lent(value, content);
  EXPECT_EQ(lent.out.originator.data, value.originator.data());
  EXPECT_EQ(lent.out.content_identifier.data, nullptr);
  EXPECT_EQ(lent.out.deferred_until, POSTERN_X400_NO_TIME);
  EXPECT_EQ(lent.out.latest_delivery, 99);
  ASSERT_EQ(lent.out.recipient_count, 1U);
  EXPECT_EQ(lent.out.recipients[0].report, 2U);
  EXPECT_EQ(lent.out.recipients[0].struct_size, sizeof(postern_x400_recipient));
  EXPECT_EQ(lent.out.extensions[0].value.size, 2U);
  EXPECT_EQ(lent.out.content_size, 3U);
  EXPECT_EQ(LentFilter(std::nullopt).pointer, nullptr);
}

TEST(Library, WantsAnAbsolutePathOfAFile) {
  EXPECT_EQ(Library::load("x400.so").error().code, ErrorCode::BadInput);
  EXPECT_EQ(Library::load("").error().code, ErrorCode::BadInput);
  EXPECT_EQ(Library::load("/tmp").error().code, ErrorCode::BadInput);
  EXPECT_EQ(Library::load("/nowhere/x400.so").error().code, ErrorCode::NotFound);
  EXPECT_THAT(Library::load("/proc/self/maps").error().what, HasSubstr("cannot be loaded"));
}

}  // namespace
}  // namespace postern::sdk
