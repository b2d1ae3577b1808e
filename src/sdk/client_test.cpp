#include "sdk/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "sdk/testing/libraries.hpp"

namespace postern::sdk {
namespace {

using std::chrono::milliseconds;
using testing::client_of;
using ::testing::HasSubstr;
using testing::to;
using testing::user;

const std::string kMe = "C=XX;A=MEMORY;P=EXAMPLE;S=Test";

Bytes pattern(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<Byte>(i * 7 + i / 251);
  return out;
}

List whole_list(const Binding& binding) {
  List out;
  out.association = binding.association;
  return out;
}

#define ASSERT_OK(result) ASSERT_TRUE(result) << (result).error().text()

TEST(Client, SubmitsListsFetchesAndDeletes) {
  Client client(client_of("memory_library"));
  const auto identity = client.call(Identify{});
  ASSERT_OK(identity);
  EXPECT_EQ(identity->product, "Store in memory");
  const auto binding = client.call(user());
  ASSERT_OK(binding);
  const Bytes content = pattern(3 << 20);  // many pieces, more than the window
  const auto submitted = client.submit({binding->association, to(kMe)}, content);
  ASSERT_OK(submitted);
  const auto page = client.call(whole_list(*binding));
  ASSERT_OK(page);
  ASSERT_EQ(page->entries.size(), 1U);
  EXPECT_EQ(page->entries[0].mts_identifier, submitted->mts_identifier);
  EXPECT_EQ(page->entries[0].content_size, content.size());
  EXPECT_EQ(page->entries[0].subject, std::nullopt);
  Bytes fetched;
  const auto entry = client.fetch({binding->association, page->entries[0].sequence, {}, true}, [&](ByteView piece) {
    append(fetched, piece);
    return true;
  });
  ASSERT_OK(entry);
  EXPECT_EQ(fetched, content);
  EXPECT_EQ(entry->content_size, content.size());
  ASSERT_OK(client.call(Delete{binding->association, {page->entries[0].sequence}}));
  const auto left = client.call(Summarize{binding->association, {}});
  ASSERT_OK(left);
  EXPECT_EQ(left->total, 0U);
  ASSERT_OK(client.call(Unbind{binding->association}));
  EXPECT_EQ(client.state().failures, 0U);
}

TEST(Client, AFetchStopsWhenNoMoreIsWanted) {
  Client client(client_of("memory_library"));
  const auto binding = client.call(user());
  ASSERT_OK(binding);
  ASSERT_OK(client.submit({binding->association, to(kMe)}, pattern(4 << 20)));
  int pieces = 0;
  const auto stopped = client.fetch({binding->association, 1, {}, true}, [&](ByteView) { return ++pieces < 3; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::Conflict);
  EXPECT_EQ(pieces, 3);
  const auto health = client.call(AskHealth{});
  ASSERT_OK(health);
  EXPECT_EQ(health->words, "ready");
}

TEST(Client, ErrorsComeInWordsWithFieldAndOnRequestThePeersOctets) {
  Client client(client_of("memory_library"));
  Bind wrong = user();
  wrong.password = to_bytes("not the one");
  const auto refused = client.call(wrong);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Denied);
  EXPECT_EQ(refused.error().field, "password");
  EXPECT_THAT(refused.error().what, ::testing::Not(HasSubstr("not the one")));
  EXPECT_THAT(refused.error().what, ::testing::Not(HasSubstr("020100")));
  const auto with_octets = client.call(wrong, {.timeout = {}, .diagnostics = true});
  ASSERT_FALSE(with_octets);
  EXPECT_THAT(with_octets.error().what, HasSubstr("020100"));
  const auto binding = client.call(user());
  ASSERT_OK(binding);
  Submission empty = to(kMe);
  empty.recipients.clear();
  const auto improper = client.submit({binding->association, empty}, pattern(10));
  ASSERT_FALSE(improper);
  EXPECT_EQ(improper.error().code, ErrorCode::BadInput);
  EXPECT_EQ(improper.error().field, "recipients");
}

TEST(Client, PollsForReportsAndMessages) {
  Client client(client_of("memory_library"));
  const auto binding = client.call(user());
  ASSERT_OK(binding);
  const auto nothing = client.call(Poll{binding->association}, {.timeout = milliseconds(0), .diagnostics = false});
  ASSERT_OK(nothing);
  EXPECT_EQ(nothing->kind, EventKind::Nothing);
  const auto submitted = client.submit({binding->association, to("C=XX;S=Nobody")}, pattern(10));
  ASSERT_OK(submitted);
  const auto event = client.call(Poll{binding->association});
  ASSERT_OK(event);
  ASSERT_EQ(event->kind, EventKind::Reported);
  EXPECT_EQ(event->report->subject_identifier, submitted->mts_identifier);
  EXPECT_EQ(event->report->recipients.at(0).address, "C=XX;S=Nobody");
  EXPECT_FALSE(event->report->recipients.at(0).delivered);
}

TEST(Client, ManyThreadsShareOneProcess) {
  Client client(client_of("memory_library"));
  std::vector<std::thread> threads;
  std::atomic<int> done{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const std::string name = "C=XX;S=User" + std::to_string(i);
      const auto binding = client.call(user(name));
      if (!binding) return;
      for (int k = 0; k < 10; ++k) {
        const Bytes content = pattern(static_cast<std::size_t>(1000 * (i + 1) + k));
        Bytes fetched;
        const auto sent = client.submit({binding->association, to(name)}, content);
        const auto got = client.fetch({binding->association, static_cast<std::uint64_t>(k + 1), {}, true}, [&](ByteView piece) {
          append(fetched, piece);
          return true;
        });
        if (sent && got && fetched == content) ++done;
      }
    });
  }
  for (auto& one : threads) one.join();
  EXPECT_EQ(done, 80);
  EXPECT_EQ(client.state().lives, 1U);
}

/// What a call finds that runs into the defect; the next call must find a process that works.
struct BadDay {
  const char* defect;
  ErrorCode code;
  const char* words;
};
class BadDays : public ::testing::TestWithParam<BadDay> {};

Error submit_and_list(Client& client) {
  const auto binding = client.call(user());
  if (!binding) return binding.error();
  if (const auto sent = client.submit({binding->association, to(kMe)}, pattern(100)); !sent) return sent.error();
  if (const auto page = client.call(whole_list(*binding)); !page) return page.error();
  const auto fetched = client.fetch({binding->association, 1, {}, true}, [](ByteView) { return true; });
  return fetched ? Error{} : fetched.error();
}

TEST_P(BadDays, CostAClearErrorAndNothingElse) {
  const auto [defect, code, words] = GetParam();
  ClientOptions options = client_of(defect);
  if (std::string_view(defect).starts_with("hang")) options.operation_timeout = milliseconds(300);
  Client client(options);
  for (int round = 0; round < 2; ++round) {
    const auto before = client.call(Identify{});
    ASSERT_OK(before);
    const Error error = submit_and_list(client);
    EXPECT_EQ(error.code, code) << error.text();
    EXPECT_THAT(error.what, HasSubstr(words));
  }
}

constexpr BadDay kBadDays[] = {
    {"crash_in_submit", ErrorCode::Unavailable, "crashed (signal 11"},
    {"crash_in_submit", ErrorCode::Unavailable, "whether it was carried out is not known"},
    {"abort_in_bind", ErrorCode::Unavailable, "crashed (signal 6"},
    {"exit_in_list", ErrorCode::Unavailable, "ended its process (status 3)"},
    {"hang_in_list", ErrorCode::Timeout, "did not answer list within 300 ms"},
    {"not_utf8", ErrorCode::Internal, "entry_list.entries[0].originator is not UTF-8"},
    {"huge_count", ErrorCode::Internal, "at most 100 are allowed"},
    {"negative_length", ErrorCode::Internal, "submission_result.mts_identifier says"},
    {"stale_entry_size", ErrorCode::Internal, "struct_size"},
    {"null_result", ErrorCode::Internal, "is NULL although the call succeeded"},
    {"null_piece", ErrorCode::Internal, "a piece that is NULL"},
    {"lies_in_fetch", ErrorCode::Internal, "fetched.content_size"},
};
INSTANTIATE_TEST_SUITE_P(Each, BadDays, ::testing::ValuesIn(kBadDays),
                         [](const auto& info) { return std::string(info.param.defect) + std::to_string(info.index); });

TEST(Client, DanglingPointersCrashTheChildOnly) {
  Client client(client_of("dangling_text"));
  const Error error = submit_and_list(client);
  EXPECT_EQ(error.code, ErrorCode::Unavailable) << error.text();
  EXPECT_TRUE(client.call(Identify{}));
}

TEST(Client, AResultWithAFailureIsALie) {
  Client client(client_of("result_on_failure"));
  Bind wrong = user();
  wrong.password = to_bytes("wrong");
  const auto refused = client.call(wrong);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Internal);
  EXPECT_THAT(refused.error().what, HasSubstr("handed a result out too"));
}

struct BadStart {
  const char* library;
  ErrorCode code;
  const char* words;
};
class BadStarts : public ::testing::TestWithParam<BadStart> {};

TEST_P(BadStarts, AreSaidInWords) {
  const auto [name, code, words] = GetParam();
  ClientOptions options = client_of(name);
  if (std::string_view(name) == "hang_in_open") options.connect_timeout = milliseconds(300);
  Client client(options);
  const auto identity = client.call(Identify{});
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().code, code) << identity.error().text();
  EXPECT_THAT(identity.error().what, HasSubstr(words));
  EXPECT_THAT(identity.error().what, HasSubstr("it is started again"));
  EXPECT_EQ(client.state().lives, 0U);
  EXPECT_FALSE(client.state().running);
}

INSTANTIATE_TEST_SUITE_P(Each, BadStarts,
                         ::testing::Values(BadStart{"no_such_library", ErrorCode::NotFound, "No such file"},
                                           BadStart{"wrong_version", ErrorCode::Unsupported, "says version 3.0"},
                                           BadStart{"missing_symbol", ErrorCode::Unsupported, "does not export postern_x400_sdk_entry"},
                                           BadStart{"null_function", ErrorCode::Unsupported, "NULL"},
                                           BadStart{"stale_table_size", ErrorCode::Unsupported, "struct_size"},
                                           BadStart{"crash_in_load", ErrorCode::Unavailable, "crashed (signal 6"},
                                           BadStart{"hang_in_open", ErrorCode::Timeout, "no answer came in time"},
                                           BadStart{"writes_to_channel", ErrorCode::Internal, "damaged its process's channel"}),
                         [](const auto& info) { return std::string(info.param.library); });

TEST(Client, AnAssociationEndsWithItsProcess) {
  Client client(client_of("exit_in_list"));
  const auto binding = client.call(user());
  ASSERT_OK(binding);
  ASSERT_FALSE(client.call(whole_list(*binding)));
  ASSERT_TRUE(client.call(Identify{}));
  const auto late = client.call(Summarize{binding->association, {}});
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().what, HasSubstr("bind again"));
  EXPECT_EQ(client.state().lives, 2U);
  EXPECT_EQ(client.state().failures, 1U);
}

TEST(Client, PausesBetweenStartsAndSaysForHowLong) {
  ClientOptions options = client_of("crash_in_load");
  options.first_pause = options.longest_pause = std::chrono::hours(1);
  Client client(options);
  ASSERT_FALSE(client.call(Identify{}));
  const auto again = client.call(Identify{});
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().what, HasSubstr("it is started again in 3"));
  EXPECT_EQ(client.state().failures, 1U);  // the second call started nothing
}

TEST(Client, EndsAProcessThatHasFewDescriptorsLeft) {
  ClientOptions options = client_of("leaks_descriptors");
  options.descriptors = 64;
  Client client(options);
  std::string words;
  for (int i = 0; i < 2000 && words.empty(); ++i) {
    const auto binding = client.call(user());
    if (binding) (void)client.call(Unbind{binding->association});
    words = client.state().last_failure;
  }
  EXPECT_THAT(words, HasSubstr("leaks descriptors"));
  EXPECT_TRUE(client.call(Identify{}));
}

TEST(Client, WhatALibraryPrintsHarmsNobody) {
  Client client(client_of("stdout_in_submit"));
  const Error error = submit_and_list(client);
  EXPECT_EQ(error, Error{}) << error.text();
}

TEST(Client, ACallThatIsCancelledEndsAndTheProcessGoesOn) {
  Client client(client_of("ignores_deadline"));
  const auto binding = client.call(user());
  ASSERT_OK(binding);
  const auto late = client.call(Poll{binding->association}, {.timeout = milliseconds(50), .diagnostics = false});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::Conflict);
  EXPECT_TRUE(client.call(Summarize{binding->association, {}}));
  EXPECT_EQ(client.state().failures, 0U);
}

/// As where the gate may start nothing: another started the child, and the channel's end is what ends it.
TEST(Client, AChildThatSomebodyElseStartedEndsWithItsChannel) {
  ClientOptions options = client_of("memory_library");
  auto theirs = launch({});  // by this thread, which lives on
  ASSERT_OK(theirs);
  options.launcher = [&]() -> Result<Launched> {
    Launched handed;
    handed.channel = std::move(theirs->channel);
    return handed;
  };
  {
    Client client(options);
    ASSERT_OK(client.call(Identify{}));
  }
  EXPECT_EQ(reap(*theirs, SteadyTime::max()), "ended its process (status 0)");
}

TEST(Client, OneCallAtATimeWaitsForItsTurnAndEndsNothing) {
  Client client(client_of("one_call"));
  const auto binding = client.call(user());
  ASSERT_OK(binding);
  std::atomic<bool> polling{false};
  std::thread other([&] {
    polling = true;
    const auto event = client.call(Poll{binding->association}, {.timeout = milliseconds(600), .diagnostics = false});
    EXPECT_TRUE(event) << event.error().text();
  });
  while (!polling) std::this_thread::yield();
  const auto summary = client.call(Summarize{binding->association, {}});  // before the poll or behind it
  EXPECT_TRUE(summary) << summary.error().text();
  other.join();
  EXPECT_EQ(client.state().lives, 1U);
  EXPECT_EQ(client.state().failures, 0U);
}

TEST(Client, WhoGetsNoTurnInTimeIsToldSo) {
  Client client(client_of("one_call"));
  const auto binding = client.call(user());
  ASSERT_OK(binding);
  ASSERT_OK(client.submit({binding->association, to(kMe)}, pattern(200'000)));
  // While the content of a fetch is in our hands, the library's only call is in use.
  std::optional<Result<Summary>> turned_away;
  const auto fetched = client.fetch({binding->association, 1, {}, true}, [&](ByteView) {
    if (!turned_away) {
      std::thread([&] {
        turned_away = client.call(Summarize{binding->association, {}}, {.timeout = milliseconds(20), .diagnostics = false});
      }).join();
    }
    return true;
  });
  ASSERT_OK(fetched);
  ASSERT_TRUE(turned_away && !*turned_away);
  EXPECT_EQ(turned_away->error().code, ErrorCode::Exhausted);
  EXPECT_THAT(turned_away->error().what, HasSubstr("takes 1 calls at a time"));
  EXPECT_EQ(client.state().failures, 0U);
}

TEST(Client, AUsersProfileIsAskedFor) {
  ClientOptions options = client_of("memory_library");
  options.profile = "nothing";
  Client client(options);
  const auto identity = client.call(Identify{});
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().code, ErrorCode::NotFound);
  EXPECT_THAT(identity.error().what, HasSubstr("no such profile"));
}

TEST(Client, ALibraryThatEverybodyCanWriteIsRefused) {
  const auto copy = std::filesystem::temp_directory_path() / ("x400-" + std::to_string(::getpid()) + ".so");
  std::filesystem::copy_file(testing::library("memory_library"), copy, std::filesystem::copy_options::overwrite_existing);
  ::chmod(copy.c_str(), 0666);
  ClientOptions options = client_of("memory_library");
  options.library = copy;
  Client client(options);
  const auto identity = client.call(Identify{});
  std::filesystem::remove(copy);
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().code, ErrorCode::Denied);
}

}  // namespace
}  // namespace postern::sdk
