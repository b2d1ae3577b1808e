// Contents in pieces: what a checkpoint kept survives, what a commit took over is a content like others, and no octet is taken for another.
#include "store/staging.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <fstream>
#include <random>

#include "store/content_reader.hpp"
#include "store/test_support.hpp"

namespace postern {
namespace {

using test::FaultGuard;
using test::TemporaryDirectory;

Bytes pattern(std::uint64_t from, std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<Byte>((from + i) * 2654435761U >> 13);
  return out;
}

struct StagingTest : testing::Test {
  StagingTest() { reopen(); }
  void reopen() {
    staging.reset();
    keeper.reset();
    store.reset();
    StoreOptions where;
    where.data_dir = dir.path() / "var";
    store = Store::open(std::move(where)).value();
    keeper = std::make_unique<test::DiskKeeper>(dir.path() / "var", clock);
    staging = StagingArea::open(limits, *store, **keeper, clock).value();
  }
  Result<ContentId> adopt(const StagedContent& staged) {
    Result<ContentId> content = ContentId();
    const Status status = store->writer().transact([&](Database& database) -> Status {
      content = staged.adopt(database, store->contents(), 1);
      return content ? Status() : Status(fail(content.error()));
    });
    if (!status) return fail(status.error());
    return content;
  }
  Result<ContentReader> reader(ContentId content) {
    const DatabaseReader database = store->reader();
    POSTERN_TRY(auto stored, store->contents().find(*database, content));
    return ContentReader::open(**keeper, std::move(stored));
  }
  Bytes whole(ContentId content) {
    auto from = reader(content).value();
    Bytes out(from.size());
    EXPECT_EQ(from.read(out).value(), out.size());
    return out;
  }
  std::size_t files(std::string_view extension) const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(store->contents().directory()))
      count += entry.path().extension() == extension;
    return count;
  }

  TemporaryDirectory dir;
  SystemClock clock;
  StagingLimits limits;
  std::unique_ptr<Store> store;
  std::unique_ptr<test::DiskKeeper> keeper;
  std::unique_ptr<StagingArea> staging;
  const MessageId id{"01J0STAGED"};
};

TEST_F(StagingTest, EverySizeBecomesAContent) {
  for (const std::size_t size : {0UL, 1UL, kStreamChunk - 1, kStreamChunk, kStreamChunk + 1, 3 * kStreamChunk, 1'000'003UL}) {
    const MessageId message("01J0SIZE" + std::to_string(size));
    auto staged = staging->begin(message).value();
    for (std::size_t at = 0; at < size;) {
      const std::size_t piece = std::min<std::size_t>(size - at, 1 + at % 70'000);
      ASSERT_TRUE(staged->append(pattern(at, piece)));
      at += piece;
    }
    ASSERT_TRUE(staged->finish());
    const ContentId content = adopt(*staged).value();
    EXPECT_EQ(whole(content), pattern(0, size)) << size;
    staged.reset();
    EXPECT_EQ(whole(content), pattern(0, size)) << size;
    EXPECT_EQ(files(".part"), 0U);
  }
  reopen();
  EXPECT_TRUE(store->contents().missing().empty());
}

TEST_F(StagingTest, NothingOfItIsReadableOnDisk) {
  auto staged = staging->begin(id).value();
  const std::string marker = "a marker that nobody may find";
  ASSERT_TRUE(staged->append(as_bytes(marker)));
  ASSERT_TRUE(staged->checkpoint("note"));
  EXPECT_FALSE(test::directory_contains(dir.path(), marker));
  ASSERT_TRUE(staged->finish());
  ASSERT_TRUE(adopt(*staged));
  EXPECT_FALSE(test::directory_contains(dir.path(), marker));
}

TEST_F(StagingTest, WhatACheckpointKeptGoesOnAfterACrash) {
  for (const std::size_t safe : {0UL, 5UL, kStreamChunk - 1, kStreamChunk, kStreamChunk + 1, 2 * kStreamChunk, 200'000UL}) {
    const MessageId message("01J0SAFE" + std::to_string(safe));
    auto staged = staging->begin(message).value();
    ASSERT_TRUE(staged->append(pattern(0, safe)));
    ASSERT_TRUE(staged->checkpoint("association 7"));
    ASSERT_TRUE(staged->append(Bytes(300'000, 'x')));  // never confirmed to anybody
    EXPECT_EQ(staging->resume(message).error().code, ErrorCode::Conflict);
    staged.reset();
    reopen();
    const auto kept = staging->kept().value();
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].octets, safe);
    EXPECT_EQ(kept[0].note, "association 7");
    auto again = staging->resume(message).value();
    EXPECT_EQ(again->octets(), safe);
    EXPECT_EQ(again->safe_octets(), safe);
    ASSERT_TRUE(again->append(pattern(safe, 70'000)));
    ASSERT_TRUE(again->finish());
    EXPECT_EQ(whole(adopt(*again).value()), pattern(0, safe + 70'000)) << safe;
    EXPECT_TRUE(staging->kept()->empty());
    again.reset();
    EXPECT_EQ(files(".part"), 0U);
  }
}

TEST_F(StagingTest, ResumedAgainAndAgain) {
  std::uint64_t at = 0;
  for (int round = 0; round < 6; ++round) {
    auto staged = round == 0 ? staging->begin(id).value() : staging->resume(id).value();
    ASSERT_EQ(staged->octets(), at);
    ASSERT_TRUE(staged->append(pattern(at, 40'000)));
    at += 40'000;
    ASSERT_TRUE(staged->checkpoint("n"));
    EXPECT_EQ(files(".part"), 1U);
  }
  auto staged = staging->resume(id).value();
  ASSERT_TRUE(staged->finish());
  EXPECT_EQ(whole(adopt(*staged).value()), pattern(0, at));
}

TEST_F(StagingTest, WithoutACheckpointNothingStays) {
  auto staged = staging->begin(id).value();
  ASSERT_TRUE(staged->append(pattern(0, 100'000)));
  staged.reset();
  EXPECT_EQ(files(".part"), 0U);
  EXPECT_EQ(staging->resume(id).error().code, ErrorCode::NotFound);
  EXPECT_TRUE(staging->begin(id));
}

TEST_F(StagingTest, ARolledBackAdoptionLeavesItAsItWas) {
  auto staged = staging->begin(id).value();
  ASSERT_TRUE(staged->append(pattern(0, 100'000)));
  ASSERT_TRUE(staged->checkpoint("n"));
  ASSERT_TRUE(staged->finish());
  const Status undone = store->writer().transact([&](Database& database) -> Status {
    EXPECT_TRUE(staged->adopt(database, store->contents(), 1));
    return fail(ErrorCode::Conflict, "somebody else was faster");
  });
  EXPECT_FALSE(undone);
  EXPECT_EQ(files(".part"), 1U);
  EXPECT_EQ(files(".seg"), 0U);
  EXPECT_EQ(store->contents().stats().segments, 0U);
  EXPECT_EQ(whole(adopt(*staged).value()), pattern(0, 100'000));  // and it can be tried again
  EXPECT_EQ(files(".part"), 0U);
}

TEST_F(StagingTest, ACrashBeforeTheCommitOfTheAdoption) {
  {
    auto staged = staging->begin(id).value();
    ASSERT_TRUE(staged->append(pattern(0, 100'000)));
    ASSERT_TRUE(staged->checkpoint("n"));
    ASSERT_TRUE(staged->finish());
    // What a crash between the link and the commit leaves.
    for (const auto& entry : std::filesystem::directory_iterator(store->contents().directory()))
      if (entry.path().extension() == ".part") std::filesystem::create_hard_link(entry.path(), entry.path().parent_path() / "000077.seg");
  }
  reopen();
  EXPECT_EQ(files(".seg"), 0U);
  auto again = staging->resume(id).value();
  EXPECT_EQ(again->octets(), 100'000U);
}

TEST_F(StagingTest, StraysAndRowsWithoutAFileGoAtTheStart) {
  {
    auto staged = staging->begin(id).value();
    ASSERT_TRUE(staged->append(pattern(0, 10)));
    ASSERT_TRUE(staged->checkpoint("n"));
  }
  std::ofstream(store->contents().directory() / "01J0X.0.part") << "left";
  std::filesystem::remove(store->contents().directory() / "01J0STAGED.0.part");
  reopen();
  EXPECT_EQ(files(".part"), 0U);
  EXPECT_TRUE(staging->kept()->empty());
}

TEST_F(StagingTest, FlippedOctetsAreRefusedWhereverTheyAre) {
  const std::size_t size = 3 * kStreamChunk + 100;
  {
    auto staged = staging->begin(id).value();
    ASSERT_TRUE(staged->append(pattern(0, size)));
    ASSERT_TRUE(staged->checkpoint("n"));
  }
  const auto path = store->contents().directory() / "01J0STAGED.0.part";
  const std::string before = test::read_file(path);
  for (const std::size_t at : {4096UL + 64, 4096UL + 64 + 8, 4096UL + 64 + 8 + kStreamChunk + 20, before.size() - 1}) {
    std::string changed = before;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    std::ofstream(path, std::ios::binary) << changed;
    const auto again = staging->resume(id);
    if (again) {  // behind the last whole chunk of the checkpoint there may be anything
      EXPECT_EQ(at, before.size() - 1);
      continue;
    }
    EXPECT_EQ(again.error().code, ErrorCode::IntegrityFailed);
    EXPECT_TRUE(staging->kept()->empty()) << "dropped: the sender begins again";
    auto fresh = staging->begin(id).value();
    ASSERT_TRUE(fresh->append(pattern(0, size)));
    ASSERT_TRUE(fresh->checkpoint("n"));
  }
}

TEST_F(StagingTest, AReaderGoesAnywhereAndFindsDamage) {
  const std::size_t size = 3 * kStreamChunk + 100;
  auto staged = staging->begin(id).value();
  ASSERT_TRUE(staged->append(pattern(0, size)));
  ASSERT_TRUE(staged->finish());
  const ContentId content = adopt(*staged).value();
  auto from = reader(content).value();
  std::mt19937 random(7);
  for (int i = 0; i < 50; ++i) {
    const std::size_t at = random() % (size + 1);
    Bytes out(std::min<std::size_t>(random() % 100'000, size - at));
    ASSERT_TRUE(from.seek(at));
    ASSERT_EQ(from.read(out).value(), out.size());
    EXPECT_EQ(out, pattern(at, out.size()));
  }
  EXPECT_FALSE(from.seek(size + 1));
  EXPECT_TRUE(from.seek(size));
  EXPECT_TRUE(from.next()->empty());
  for (const auto& entry : std::filesystem::directory_iterator(store->contents().directory())) {
    std::fstream file(entry.path(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(4096 + 64 + 8 + kStreamChunk + 16 + 5));
    file.put('!');
  }
  auto damaged = reader(content).value();
  EXPECT_EQ(damaged.next()->size(), kStreamChunk);  // the first chunk is as it was
  EXPECT_EQ(damaged.next().error().code, ErrorCode::IntegrityFailed);
}

TEST_F(StagingTest, SmallContentsAreReadInTheSameWay) {
  ContentId content;
  const SealedContent sealed = seal_content(**keeper, id, "hello").value();
  ASSERT_TRUE(store->writer().transact([&](Database& database) -> Status {
    POSTERN_TRY(content, store->contents().put(database, id, sealed, 1));
    return {};
  }));
  EXPECT_EQ(as_text(*reader(content)->next()), "hello");
}

TEST_F(StagingTest, LimitsPushBack) {
  limits.contents = 2;
  limits.octets = 1000;
  limits.content_octets = 800;
  reopen();
  auto one = staging->begin(MessageId("01A")).value();
  auto two = staging->begin(MessageId("01B")).value();
  EXPECT_EQ(staging->begin(MessageId("01C")).error().code, ErrorCode::Exhausted);
  EXPECT_EQ(one->append(Bytes(801)).error().code, ErrorCode::TooLarge);
  ASSERT_TRUE(one->append(Bytes(700)));
  EXPECT_EQ(two->append(Bytes(400)).error().code, ErrorCode::Exhausted);
  one.reset();
  EXPECT_TRUE(two->append(Bytes(400)));
}

TEST_F(StagingTest, AFullDiskCostsOnlyWhatWasNotSafe) {
  const FaultGuard guard;
  auto staged = staging->begin(id).value();
  ASSERT_TRUE(staged->append(pattern(0, 100'000)));
  ASSERT_TRUE(staged->checkpoint("n"));
  disk_faults().full = true;
  EXPECT_EQ(staged->append(pattern(100'000, 200'000)).error().code, ErrorCode::Exhausted);
  EXPECT_FALSE(staged->checkpoint("n"));
  staged.reset();
  EXPECT_FALSE(staging->resume(id));
  disk_faults().full = false;
  EXPECT_EQ(staging->resume(id).value()->octets(), 100'000U);
}

TEST_F(StagingTest, OldOnesAreDropped) {
  {
    auto staged = staging->begin(id).value();
    ASSERT_TRUE(staged->append(pattern(0, 10)));
    ASSERT_TRUE(staged->checkpoint("n"));
    limits.keep = std::chrono::hours(-1);
  }
  reopen();
  EXPECT_TRUE(staging->kept()->empty());
  EXPECT_EQ(files(".part"), 0U);
}

TEST_F(StagingTest, TwoHundredMegabytesInLittleMemory) {
  const Bytes piece = pattern(0, 100'000);
  const auto before = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  std::size_t most = 0;
  auto staged = staging->begin(id).value();
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(staged->append(piece));
    if (i % 100 == 0) ASSERT_TRUE(staged->checkpoint("n"));
    most = std::max(most, ::mallinfo2().uordblks + ::mallinfo2().hblkhd);
  }
  ASSERT_TRUE(staged->finish());
  const ContentId content = adopt(*staged).value();
  auto from = reader(content).value();
  std::uint64_t total = 0;
  for (auto next = from.next(); next && !next->empty(); next = from.next()) {
    total += next->size();
    most = std::max(most, ::mallinfo2().uordblks + ::mallinfo2().hblkhd);
  }
  EXPECT_EQ(total, 200'000'000U);
  EXPECT_LT(most - std::min(most, before), 4U * 1024 * 1024);
}

}  // namespace
}  // namespace postern
