#include "barrier/storage.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "barrier/listing.hpp"
#include "base/bytes.hpp"

namespace postern {
namespace {

SecretBytes value(std::string_view text) { return SecretBytes::from_text(text); }
using Names = std::vector<std::string>;

TEST(StoragePath, RefusesWhatCouldBeReadInTwoWays) {
  for (const std::string_view good : {"a", "a/b", "...", "a/.b", "a b/c", "logical/7f3a/keys/dkim_key", "\xc3\xa4/\xff"}) {
    EXPECT_TRUE(check_storage_path(good)) << good;
  }
  using namespace std::string_view_literals;
  for (const std::string_view bad : {""sv, "/"sv, "/a"sv, "a/"sv, "a//b"sv, "."sv, ".."sv, "a/../b"sv, "a/."sv, "a\0b"sv}) {
    const auto status = check_storage_path(bad);
    ASSERT_FALSE(status) << bad;
    EXPECT_EQ(status.error().code, ErrorCode::BadInput);
    EXPECT_EQ(status.error().field, "path");
  }
  EXPECT_TRUE(check_storage_path(std::string(kStoragePath, 'x')));
  EXPECT_FALSE(check_storage_path(std::string(kStoragePath + 1, 'x')));
}

TEST(MemoryStorage, SetsForgetsAndGives) {
  MemoryStorage storage;
  ASSERT_TRUE(storage.put("a/b", value("one")));
  EXPECT_EQ(as_text(storage.get("a/b").value()->view()), "one");
  EXPECT_FALSE(storage.get("a").value());
  ASSERT_TRUE(storage.put("a/b", value("")));
  EXPECT_EQ(storage.get("a/b").value()->size(), 0U);
  ASSERT_TRUE(storage.remove("a/b"));
  ASSERT_TRUE(storage.remove("never/there"));
  EXPECT_FALSE(storage.get("a/b").value());
  EXPECT_EQ(storage.get("a//b").error().code, ErrorCode::BadInput);
}

TEST(MemoryStorage, OneBadChangeStopsTheBatch) {
  MemoryStorage storage;
  std::vector<StorageChange> changes;
  changes.push_back({"good", value("x")});
  changes.push_back({"bad/", value("x")});
  EXPECT_EQ(storage.apply(std::move(changes)).error().code, ErrorCode::BadInput);
  EXPECT_FALSE(storage.get("good").value());
  EXPECT_TRUE(storage.put("big", SecretBytes(kStorageValue)));
  EXPECT_EQ(storage.put("big", SecretBytes(kStorageValue + 1)).error().code, ErrorCode::TooLarge);
}

TEST(MemoryStorage, LaterChangesOfABatchWin) {
  MemoryStorage storage;
  std::vector<StorageChange> changes;
  changes.push_back({"a", value("1")});
  changes.push_back({"a", std::nullopt});
  changes.push_back({"b", std::nullopt});
  changes.push_back({"b", value("2")});
  ASSERT_TRUE(storage.apply(std::move(changes)));
  EXPECT_EQ(storage.list("").value(), Names{"b"});
}

TEST(MemoryStorage, ListsOneFloorSorted) {
  MemoryStorage storage;
  for (const char* path : {"k/a", "k/a/1", "k/a/2", "k/a-b", "k/a0", "k/b/c/d", "k2", "j/z"}) ASSERT_TRUE(storage.put(path, value("v")));
  EXPECT_EQ(storage.list("").value(), (Names{"j/", "k/", "k2"}));
  EXPECT_EQ(storage.list("k/").value(), (Names{"a", "a-b", "a/", "a0", "b/"}));
  EXPECT_EQ(storage.list("k/b/").value(), Names{"c/"});
  EXPECT_EQ(storage.list("none/").value(), Names{});
  for (const char* bad : {"k", "/", "k//", "../"}) EXPECT_EQ(storage.list(bad).error().code, ErrorCode::BadInput) << bad;
}

TEST(MemoryStorage, PagesMeetWithoutGapOrDouble) {
  MemoryStorage storage;
  for (const char* path : {"k/a", "k/a/1", "k/a-b", "k/a0", "k/b/c/d", "k/c"}) ASSERT_TRUE(storage.put(path, value("v")));
  const Names all = storage.list("k/").value();
  for (std::size_t limit = 1; limit <= all.size() + 1; ++limit) {
    Names got;
    for (StoragePage page{.after = "", .limit = limit};;) {
      const Names names = storage.list("k/", page).value();
      EXPECT_LE(names.size(), limit);
      if (names.empty()) break;
      got.insert(got.end(), names.begin(), names.end());
      page.after = names.back();
    }
    EXPECT_EQ(got, all) << limit;
  }
  EXPECT_EQ(storage.list("k/", {.after = "a/x", .limit = 0}).value(), (Names{"a0", "b/", "c"}));  // "a/" sorts before "a/x"
  EXPECT_EQ(storage.list("k/", {.after = "a.", .limit = 2}).value(), (Names{"a/", "a0"}));
  EXPECT_EQ(storage.list("k/", {.after = "zz", .limit = 2}).value(), Names{});
}

TEST(Storage, WalkFindsAllInManyPages) {
  MemoryStorage storage;
  Names all;
  for (int i = 0; i < 2500; ++i) all.push_back("w/" + std::to_string(i));
  for (int i = 0; i < 10; ++i) all.push_back("w/7/deep/" + std::to_string(i) + "/er");
  for (const std::string& path : all) ASSERT_TRUE(storage.put(path, value("v")));
  ASSERT_TRUE(storage.put("other", value("v")));
  std::ranges::sort(all);
  EXPECT_EQ(storage.walk("w/").value(), all);
  EXPECT_EQ(storage.walk("").value().size(), all.size() + 1);
  EXPECT_EQ(storage.walk("w").error().code, ErrorCode::BadInput);
}

struct CountingCursor {
  MapCursor<std::map<std::string, int, std::less<>>> below;
  int seeks = 0, steps = 0;
  Result<std::optional<std::string_view>> seek(std::string_view path) { return ++seeks, below.seek(path); }
  Result<std::optional<std::string_view>> next() { return ++steps, below.next(); }
};

TEST(Listing, JumpsOverFoldersWhateverTheyHold) {
  std::map<std::string, int, std::less<>> paths;
  for (int i = 0; i < 10'000; ++i) paths["k/" + std::to_string(i % 3) + "/" + std::to_string(i)] = i;
  paths["k/x"] = paths["k/y"] = 1;
  CountingCursor cursor{MapCursor(paths)};
  EXPECT_EQ(list_names(cursor, "k/", {}).value(), (Names{"0/", "1/", "2/", "x", "y"}));
  EXPECT_EQ(cursor.seeks, 4);
  EXPECT_EQ(cursor.steps, 2);
}

TEST(StorageView, SeesOnlyItsPart) {
  MemoryStorage below;
  StorageView view(below, "logical/1/");
  ASSERT_TRUE(below.put("logical/2/x", value("theirs")));
  ASSERT_TRUE(view.put("x", value("ours")));
  EXPECT_EQ(as_text(below.get("logical/1/x").value()->view()), "ours");
  EXPECT_EQ(view.list("").value(), Names{"x"});
  EXPECT_EQ(view.walk("").value(), Names{"x"});
  for (const char* out : {"../2/x", "..", "/x", ""}) {
    EXPECT_EQ(view.get(out).error().code, ErrorCode::BadInput) << out;
    EXPECT_EQ(view.put(out, value("v")).error().code, ErrorCode::BadInput) << out;
  }
  EXPECT_EQ(view.list("../2/").error().code, ErrorCode::BadInput);
  ASSERT_TRUE(view.remove("x"));
  EXPECT_FALSE(below.get("logical/1/x").value());
}

}  // namespace
}  // namespace postern
