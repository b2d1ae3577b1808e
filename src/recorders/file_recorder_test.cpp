#include "recorders/file_recorder.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace postern::recorders {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FileRecorderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);  // as the product does
    std::string pattern = fs::temp_directory_path() / "recorderXXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    m_folder = pattern;
  }
  void TearDown() override { fs::remove_all(m_folder); }

  [[nodiscard]] std::string path(const std::string& name = "audit.log") const { return m_folder / name; }
  static std::string content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  [[nodiscard]] std::shared_ptr<FileRecorder> opened(FileSync sync = FileSync::Never) const {
    auto out = FileRecorder::open({.path = path(), .sync = sync});
    EXPECT_TRUE(out) << (out ? "" : out.error().text());
    return *out;
  }

 private:
  fs::path m_folder;
};

TEST_F(FileRecorderTest, AppendsAndKeepsOthersOut) {
  std::ofstream(path("old")) << "before\n";
  fs::rename(path("old"), path());
  EXPECT_TRUE(opened()->write("one\n"));
  EXPECT_TRUE(opened()->write("two\n"));
  EXPECT_EQ(content(path()), "before\none\ntwo\n");
  fs::remove(path());
  EXPECT_TRUE(opened()->write("new\n"));
  struct stat made{};
  ASSERT_EQ(::stat(path().c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, 0600U);
}

TEST_F(FileRecorderTest, EachKindOfSyncWrites) {
  for (const FileSync sync : {FileSync::Never, FileSync::EachSecond, FileSync::EachLine}) EXPECT_TRUE(opened(sync)->write("x\n"));
  EXPECT_EQ(content(path()), "x\nx\nx\n");
}

TEST_F(FileRecorderTest, RotationIsSeenByTheNextLine) {
  const auto recorder = opened(FileSync::EachSecond);
  ASSERT_TRUE(recorder->write("1\n"));
  fs::rename(path(), path("audit.log.1"));
  ASSERT_TRUE(recorder->write("2\n"));
  fs::remove(path());
  ASSERT_TRUE(recorder->write("3\n"));
  fs::rename(path(), path("audit.log.2"));
  std::ofstream(path()).flush();  // logrotate `create`
  ASSERT_TRUE(recorder->write("4\n"));
  EXPECT_EQ(content(path("audit.log.1")), "1\n");
  EXPECT_EQ(content(path("audit.log.2")), "3\n");
  EXPECT_EQ(content(path()), "4\n");
}

TEST_F(FileRecorderTest, FolderGoneIsAnErrorUntilItIsBack) {
  fs::create_directory(path("d"));
  const auto recorder = FileRecorder::open({.path = path("d") + "/log"}).value();
  fs::remove_all(path("d"));
  EXPECT_THAT(recorder->write("1\n").error().text(), HasSubstr("No such file"));
  fs::create_directory(path("d"));
  EXPECT_TRUE(recorder->write("2\n"));
  EXPECT_EQ(content(path("d") + "/log"), "2\n");
  EXPECT_EQ(recorder->lost(), 1U);
}

TEST_F(FileRecorderTest, RefusesWhatCannotBeOpened) {
  EXPECT_EQ(FileRecorder::open({.path = "audit.log"}).error().code, ErrorCode::BadInput);
  EXPECT_EQ(FileRecorder::open({.path = ""}).error().field, "file");
  EXPECT_THAT(FileRecorder::open({.path = path("no/such")}).error().text(), HasSubstr("No such file"));
  EXPECT_THAT(FileRecorder::open({.path = fs::path(path()).parent_path()}).error().text(), HasSubstr("Is a directory"));
}

TEST_F(FileRecorderTest, FullDiskIsAnErrorOfThisLine) {
  const auto recorder = FileRecorder::open({.path = "/dev/full"}).value();
  for (int at = 0; at < 2; ++at) {
    const Status status = recorder->write("line\n");
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::Exhausted);
    EXPECT_THAT(status.error().text(), HasSubstr("/dev/full: No space left on device"));
  }
  EXPECT_EQ(recorder->lost(), 2U);
}

TEST_F(FileRecorderTest, PartOfALineDoesNotSpoilTheNext) {
  std::signal(SIGXFSZ, SIG_IGN);
  const auto recorder = opened();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{6, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status torn = recorder->write("0123456789\n");
  const Status full = recorder->write("more\n");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(torn.error().code, ErrorCode::Exhausted);
  EXPECT_EQ(full.error().code, ErrorCode::Exhausted);
  EXPECT_TRUE(recorder->write("next\n"));
  EXPECT_TRUE(recorder->write("last\n"));
  EXPECT_EQ(content(path()), "012345\nnext\nlast\n");
}

TEST_F(FileRecorderTest, FifoNobodyReadsNeverDelays) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EXPECT_FALSE(FileRecorder::open({.path = path()}));  // no reader at all
  Descriptor reader(::open(path().c_str(), O_RDONLY | O_NONBLOCK));
  const auto recorder = opened();
  const std::string line(1000, 'x');
  int taken = 0;
  Status status;
  while ((status = recorder->write(line))) ASSERT_LT(++taken, 100'000);  // until the pipe is full; a blocking one would hang here
  EXPECT_GT(taken, 0);
  EXPECT_EQ(status.error().code, ErrorCode::Exhausted);
  reader.reset();
  EXPECT_THAT(recorder->write(line).error().text(), HasSubstr("Broken pipe"));
  EXPECT_EQ(recorder->lost(), 2U);
}

TEST_F(FileRecorderTest, ThreadsWriteWholeLinesAcrossRotation) {
  constexpr int kThreads = 4;
  constexpr int kLines = 500;
  const auto recorder = opened(FileSync::EachSecond);
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        for (int at = 0; at < kLines; ++at) EXPECT_TRUE(recorder->write("abcdefghijklmnopqrstuvwxyz\n"));
      });
    }
    for (int turn = 0; turn < 20; ++turn) {
      std::error_code ignored;
      fs::rename(path(), path("rotated" + std::to_string(turn)), ignored);
    }
  }
  std::string all;
  for (const auto& file : fs::directory_iterator(fs::path(path()).parent_path())) all += content(file.path());
  std::string expected;
  for (int at = 0; at < kThreads * kLines; ++at) expected += "abcdefghijklmnopqrstuvwxyz\n";
  EXPECT_EQ(all, expected);
}

}  // namespace
}  // namespace postern::recorders
