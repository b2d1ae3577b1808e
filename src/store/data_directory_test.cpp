#include "store/data_directory.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "store/test_support.hpp"

namespace postern {
namespace {

namespace fs = std::filesystem;
using test::TemporaryDirectory;

const std::vector<std::pair<std::string, std::string>> kOldAndNew{
    {"postern.db", "mail/postern.db"}, {"postern.db-wal", "mail/postern.db-wal"}, {"spool/000001.seg", "mail/spool/000001.seg"},
    {"engine.db", "keeper/engine.db"}, {"engine.token", "keeper/engine.token"},   {"engine.recovery", "keeper/engine.recovery"},
    {"root.key", "keeper/root.key"},
};

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}
std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

DataLayout layout_of(const TemporaryDirectory& dir) { return {dir.path() / "var", "postern.db", "root.key"}; }

void make_old(const fs::path& root) {
  for (const auto& [old, fresh] : kOldAndNew) write(root / old, old);
  write(root / "admin.token", "stays");
  write(root / "engine.db.lock", "");
}

void expect_new(const fs::path& root) {
  for (const auto& [old, fresh] : kOldAndNew) {
    EXPECT_FALSE(fs::exists(root / old)) << old;
    EXPECT_EQ(read(root / fresh), old);
  }
  EXPECT_EQ(read(root / "admin.token"), "stays");
}

TEST(DataDirectory, AFreshOneHasItsFoldersAndOneOwner) {
  const TemporaryDirectory dir;
  const auto directory = DataDirectory::open(layout_of(dir));
  ASSERT_TRUE(directory);
  for (const char* folder : {"mail", "keeper", "audit"}) {
    struct stat info{};
    ASSERT_EQ(::stat((dir.path() / "var" / folder).c_str(), &info), 0) << folder;
    EXPECT_EQ(info.st_mode & 0777U, 0700U);
  }
  EXPECT_EQ(DataDirectory::open(layout_of(dir)).error().code, ErrorCode::Conflict);
}

TEST(DataDirectory, AnOlderOneIsMovedOnce) {
  const TemporaryDirectory dir;
  make_old(dir.path() / "var");
  ASSERT_TRUE(DataDirectory::open(layout_of(dir)));
  expect_new(dir.path() / "var");
  ASSERT_TRUE(DataDirectory::open(layout_of(dir)));
  expect_new(dir.path() / "var");
}

TEST(DataDirectory, AnInterruptedMoveIsFinished) {
  for (std::size_t done = 0; done <= kOldAndNew.size(); ++done) {
    const TemporaryDirectory dir;
    const fs::path root = dir.path() / "var";
    make_old(root);
    for (std::size_t i = 0; i < done; ++i) {  // in any order: what is left is moved
      const fs::path from = kOldAndNew[i].first == "spool/000001.seg" ? "spool" : kOldAndNew[i].first;
      const fs::path to = kOldAndNew[i].first == "spool/000001.seg" ? "mail/spool" : kOldAndNew[i].second;
      fs::create_directories((root / to).parent_path());
      fs::rename(root / from, root / to);
    }
    ASSERT_TRUE(DataDirectory::open(layout_of(dir))) << done;
    expect_new(root);
  }
}

TEST(DataDirectory, NothingIsOverwritten) {
  const TemporaryDirectory dir;
  make_old(dir.path() / "var");
  write(dir.path() / "var/keeper/root.key", "another");
  const auto refused = DataDirectory::open(layout_of(dir));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Conflict);
  EXPECT_NE(refused.error().what.find("root.key"), std::string::npos);
  EXPECT_EQ(read(dir.path() / "var/keeper/root.key"), "another");
  EXPECT_EQ(read(dir.path() / "var/root.key"), "root.key");
}

TEST(DataDirectory, PathsAnOperatorChoseStay) {
  const TemporaryDirectory dir;
  write(dir.path() / "var/postern.db", "x");
  write(dir.path() / "var/own/key", "x");
  ASSERT_TRUE(DataDirectory::open({dir.path() / "var", "/elsewhere/postern.db", "own/key"}));
  EXPECT_TRUE(fs::exists(dir.path() / "var/postern.db"));
  EXPECT_TRUE(fs::exists(dir.path() / "var/own/key"));
}

}  // namespace
}  // namespace postern
