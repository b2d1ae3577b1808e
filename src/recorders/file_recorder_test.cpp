#include "recorders/file_recorder.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>

namespace postern {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kPatience = 20s;

class FileRecorderTest : public testing::Test {
 protected:
  FileRecorderTest() {
    std::string name = fs::temp_directory_path() / "postern-recorder-XXXXXX";
    m_folder = ::mkdtemp(name.data());
  }
  ~FileRecorderTest() override { fs::remove_all(m_folder); }

  [[nodiscard]] std::string path(const std::string& name = "audit.log") const { return m_folder / name; }
  [[nodiscard]] FileOptions options(const std::string& name = "audit.log") const {
    FileOptions out;
    out.path = name.starts_with('/') ? name : path(name);
    out.queue.deadline = 5s;
    out.queue.first_pause = out.queue.longest_pause = 1ms;
    return out;
  }
  std::shared_ptr<FileRecorder> open(FileOptions given) {
    auto recorder = FileRecorder::open(std::move(given), port, clock);
    EXPECT_TRUE(recorder) << (recorder ? "" : recorder.error().text());
    return recorder ? *recorder : nullptr;
  }
  static std::string content(const std::string& file) {
    std::ostringstream out;
    out << std::ifstream(file).rdbuf();
    return out.str();
  }
  void put(FileRecorder& recorder, const std::string& line) {
    ASSERT_TRUE(recorder.write(line));
    ASSERT_TRUE(recorder.flush(kPatience));
  }
  /// Until a write is refused.
  static Error refusal(FileRecorder& recorder) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < until) {
      if (const Status status = recorder.write("refused\n"); !status) return status.error();
      std::this_thread::yield();
    }
    return {};
  }
  std::vector<AuditBlock> recorded() {
    const std::lock_guard lock(mutex);
    return blocks;
  }

  fs::path m_folder;
  SystemClock clock;
  std::mutex mutex;
  std::vector<AuditBlock> blocks;
  std::atomic<bool> port_fails{false};
  BlockPort port = [this](AuditRecord record) -> Status {
    if (port_fails) return fail(ErrorCode::Unavailable, "no audit log");
    POSTERN_CHECK(check_record(record));
    POSTERN_TRY(AuditBlock block, block_of(record));
    const std::lock_guard lock(mutex);
    blocks.push_back(std::move(block));
    return {};
  };
};

TEST_F(FileRecorderTest, AppendsWithItsMode) {
  {
    put(*open(options()), "one\n");
  }
  put(*open(options()), "two\n");
  EXPECT_EQ(content(path()), "one\ntwo\n");
  struct stat info{};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  FileOptions wide = options("wide.log");
  wide.mode = 0640;
  put(*open(wide), "x\n");
  ASSERT_EQ(::stat(path("wide.log").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640U);
}

TEST_F(FileRecorderTest, SaysWhyItCannotOpen) {
  const auto missing = FileRecorder::open(options("missing/audit.log"), port, clock);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().field, "file_path");
  EXPECT_FALSE(FileRecorder::open(options(m_folder), port, clock));
}

TEST_F(FileRecorderTest, FollowsRotation) {
  const auto recorder = open(options());
  put(*recorder, "one\n");
  fs::rename(path(), path("audit.log.1"));
  put(*recorder, "two\n");
  EXPECT_EQ(content(path("audit.log.1")), "one\n");
  EXPECT_EQ(content(path()), "two\n");
  fs::remove(path());
  put(*recorder, "three\n");
  EXPECT_EQ(content(path()), "three\n");
  recorder->reopen();
  put(*recorder, "four\n");
  EXPECT_EQ(content(path()), "three\nfour\n");
}

TEST_F(FileRecorderTest, AFullDiskRefusesFromThenOn) {
  const auto recorder = open(options("/dev/full"));
  ASSERT_TRUE(recorder->write("first\n"));  // into the queue; the disk says no a moment later
  const Error error = refusal(*recorder);
  EXPECT_EQ(error.code, ErrorCode::Exhausted);
  EXPECT_NE(error.what.find("full"), std::string::npos) << error.what;
  FileOptions strict = options("/dev/full");
  strict.queue.acknowledge = Acknowledge::Drained;
  EXPECT_EQ(open(strict)->write("x\n").error().code, ErrorCode::Exhausted);
}

TEST_F(FileRecorderTest, HalfALineIsCutOffAgain) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto recorder = open(options());
  put(*recorder, std::string(99, 'a') + "\n");
  const rlimit small{150, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  ASSERT_TRUE(recorder->write(std::string(99, 'b') + "\n"));
  const Error error = refusal(*recorder);
  const std::string cut = content(path());
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(error.code, ErrorCode::Exhausted);
  EXPECT_EQ(cut, std::string(99, 'a') + "\n");
  ASSERT_TRUE(recorder->flush(kPatience));  // space again: what was taken is written
  EXPECT_TRUE(content(path()).starts_with(std::string(99, 'a') + "\n" + std::string(99, 'b') + "\n"));
}

TEST_F(FileRecorderTest, HalfALineOfAKilledProcessStaysAlone) {
  std::ofstream(path()) << "whole\nhal";
  put(*open(options()), "next\n");
  EXPECT_EQ(content(path()), "whole\nhal\nnext\n");
}

TEST_F(FileRecorderTest, APipeWithoutReaderIsRefusedAndAFullOneHoldsNobody) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(FileRecorder::open(options("pipe"), port, clock));
  const int reader = ::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  const auto recorder = open(options("pipe"));
  const std::string line = std::string(4000, 'x') + "\n";
  Status status;
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (status && std::chrono::steady_clock::now() < until) status = recorder->write(line);
  EXPECT_FALSE(status);  // and the loop has come here: no call waited for the reader, who never reads
  ::close(reader);
}

TEST_F(FileRecorderTest, EachLineOnTheDiskWhenAsked) {
  FileOptions strict = options();
  strict.sync = FileSync::Line;
  const auto recorder = open(strict);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(recorder->write("x\n"));
    EXPECT_EQ(content(path()).size(), 2U * static_cast<std::size_t>(i + 1));  // without flush
  }
}

TEST_F(FileRecorderTest, ChainCoversEveryLineAcrossRotationAndRestart) {
  FileOptions chain = options();
  chain.blocks = BlockOptions{.lines = 3};
  {
    const auto recorder = open(chain);
    for (int i = 0; i < 10; ++i) put(*recorder, "line " + std::to_string(i) + "\n");
    fs::rename(path(), path("audit.log.1"));
    for (int i = 10; i < 14; ++i) put(*recorder, "line " + std::to_string(i) + "\n");
  }
  chain.blocks->known = recorded().back();
  {
    const auto again = open(chain);
    put(*again, "after restart\n");
  }
  const auto found = recorded();
  ASSERT_EQ(found.size(), 7U);  // 3 3 3 1, 3 1, 1
  EXPECT_EQ(found[3].first_line, 10U);
  EXPECT_EQ(found[4].offset, 0U);
  EXPECT_EQ(found[6].first_line, 5U);
  const std::vector<std::string> files{path("audit.log.1"), path()};
  EXPECT_EQ(verify_blocks(files, found)->size(), 0U);

  std::fstream(path(), std::ios::in | std::ios::out) << "LINE";  // in the first block of the second file
  const auto faults = verify_blocks(files, found);
  ASSERT_EQ(faults->size(), 1U);
  EXPECT_EQ(faults->at(0).kind, BlockFault::Kind::Altered);
  EXPECT_EQ(faults->at(0).file, path());
  EXPECT_EQ(faults->at(0).block, found[4]);
}

TEST_F(FileRecorderTest, AFileThatWasRemovedIsLetGoWithItsBlocks) {
  FileOptions chain = options();
  chain.blocks = BlockOptions{.lines = 3};
  chain.sync = FileSync::Second;
  {
    const auto recorder = open(chain);
    for (int i = 0; i < 4; ++i) put(*recorder, "line " + std::to_string(i) + "\n");
    fs::remove(path());
    put(*recorder, "of the next file\n");
  }
  EXPECT_EQ(content(path()), "of the next file\n");
  const auto found = recorded();
  ASSERT_EQ(found.size(), 3U);  // 3 1, 1
  EXPECT_EQ(found[2].offset, 0U);
  const std::vector<std::string> files{path()};
  EXPECT_GT(verify_blocks(files, found)->size(), 0U) << "and the audit log knows that it is missing";
}

TEST_F(FileRecorderTest, WhatAKilledProcessLeftIsCoveredAndMarked) {
  FileOptions chain = options();
  chain.blocks = BlockOptions{};
  {
    put(*open(chain), "covered\n");
  }
  std::ofstream(path(), std::ios::app) << "of the last moment\nhal";
  chain.blocks->known = recorded().back();
  {
    put(*open(chain), "next\n");
  }
  EXPECT_EQ(content(path()), "covered\nof the last moment\nhal\nnext\n");
  const auto blocks_now = recorded();
  ASSERT_EQ(blocks_now.size(), 3U);
  EXPECT_TRUE(blocks_now[1].found);
  EXPECT_EQ(std::pair(blocks_now[1].first_line, blocks_now[1].last_line), std::pair(std::uint64_t{2}, std::uint64_t{3}));
  EXPECT_FALSE(blocks_now[2].found);
  EXPECT_EQ(verify_blocks(std::vector{path()}, blocks_now)->size(), 0U);
}

TEST_F(FileRecorderTest, AChainBeginsWithWhatTheFileHad) {
  std::ofstream(path()) << "before\nthe chain\n";
  FileOptions chain = options();
  chain.blocks = BlockOptions{};
  {
    put(*open(chain), "next\n");
  }
  ASSERT_EQ(recorded().size(), 2U);
  EXPECT_TRUE(recorded()[0].found);
  EXPECT_EQ(recorded()[1].first_line, 3U);
  EXPECT_EQ(verify_blocks(std::vector{path()}, recorded())->size(), 0U);
}

TEST_F(FileRecorderTest, AFileThatWasCutOffWhileNobodyLookedIsMissed) {
  FileOptions chain = options();
  chain.blocks = BlockOptions{};
  {
    put(*open(chain), "one line\n");
  }
  chain.blocks->known = recorded().back();
  fs::resize_file(path(), 0);
  {
    put(*open(chain), "two\n");
  }
  const auto faults = verify_blocks(std::vector{path()}, recorded());
  ASSERT_FALSE(faults->empty());
  EXPECT_EQ(faults->front().block, recorded()[0]);
}

TEST_F(FileRecorderTest, AChainStaysWholeThroughAFullDisk) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  FileOptions chain = options();
  chain.blocks = BlockOptions{.lines = 2};
  {
    const auto recorder = open(chain);
    put(*recorder, std::string(99, 'a') + "\n");
    const rlimit small{150, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    EXPECT_TRUE(recorder->write(std::string(99, 'b') + "\n"));
    EXPECT_EQ(refusal(*recorder).code, ErrorCode::Exhausted);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ASSERT_TRUE(recorder->flush(kPatience));
  }
  ASSERT_FALSE(recorded().empty());
  EXPECT_EQ(verify_blocks(std::vector{path()}, recorded())->size(), 0U);
}

TEST_F(FileRecorderTest, AChainIsARegularFile) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const int reader = ::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK);
  FileOptions chain = options("pipe");
  chain.blocks = BlockOptions{};
  const auto recorder = FileRecorder::open(chain, port, clock);
  ASSERT_FALSE(recorder);
  EXPECT_EQ(recorder.error().code, ErrorCode::BadInput);
  ::close(reader);
}

TEST_F(FileRecorderTest, AChainThatCannotRecordTakesNoMoreLines) {
  FileOptions chain = options();
  chain.blocks = BlockOptions{.lines = 1};
  const auto recorder = open(chain);
  port_fails = true;
  ASSERT_TRUE(recorder->write("first\n"));
  EXPECT_EQ(refusal(*recorder).code, ErrorCode::Unavailable);
  port_fails = false;
  ASSERT_TRUE(recorder->flush(kPatience));
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!recorder->write("second\n") && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  ASSERT_TRUE(recorder->flush(kPatience));
  EXPECT_GE(recorded().size(), 2U);
  EXPECT_EQ(verify_blocks(std::vector{path()}, recorded())->size(), 0U);
  EXPECT_FALSE(FileRecorder::open(chain, nullptr, clock));
}

}  // namespace
}  // namespace postern
