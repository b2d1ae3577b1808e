// kill -9 in a loop while contents are taken in pieces: what a checkpoint told is there, what was acknowledged is a whole message, nothing
// is both or left over.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <map>
#include <set>
#include <thread>

#include "spool/spool.hpp"
#include "store/test_support.hpp"

namespace postern {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kPiece = 50'000;
constexpr std::uint64_t kWhole = 8 * kPiece;

Bytes octets_of(const MessageId& id, std::uint64_t from, std::size_t size) {
  const std::size_t seed = std::hash<std::string>{}(id.get());
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<Byte>((seed + from + i) * 2654435761U >> 11);
  return out;
}

struct Opened {
  explicit Opened(const std::filesystem::path& dir) {
    StoreOptions where;
    where.data_dir = dir;
    where.writer.wal_bytes = 256U * 1024;
    store = Store::open(std::move(where)).value();
    keeper = std::make_unique<test::DiskKeeper>(dir, clock);
    spool = Spool::open({}, *store, **keeper, clock).value();
    staging = StagingArea::open({}, *store, **keeper, clock).value();
  }
  SystemClock clock;
  std::unique_ptr<Store> store;
  std::unique_ptr<test::DiskKeeper> keeper;
  std::unique_ptr<Spool> spool;
  std::unique_ptr<StagingArea> staging;
};

void tell(int pipe, char what, const MessageId& id, std::uint64_t octets) {
  const std::string line = what + id.get() + " " + std::to_string(octets) + "\n";
  if (::write(pipe, line.data(), line.size()) < 0) _exit(1);
}

/// Takes one content to its end, from wherever it is.
void take_whole(Opened& opened, std::unique_ptr<StagedContent> staged, int pipe) {
  const MessageId id = staged->message();
  while (staged->octets() < kWhole) {
    if (!staged->append(octets_of(id, staged->octets(), kPiece)) || !staged->checkpoint("n")) _exit(2);
    tell(pipe, 'C', id, staged->safe_octets());
  }
  if (!staged->finish()) _exit(3);
  Submission s;
  s.message = id;
  Variant v;
  v.staged = std::move(staged);
  v.recipients.push_back({"bob@example.com", "smtp:next", 0, {}, RecipientState::Queued, {}});
  s.variants.push_back(std::move(v));
  if (!opened.spool->enqueue_and_wait(std::move(s))) _exit(4);
  tell(pipe, 'A', id, kWhole);
}

[[noreturn]] void child(const std::filesystem::path& dir, int pipe) {
  Opened opened(dir);
  const auto interrupted = opened.staging->kept().value();
  for (const StagedFacts& kept : interrupted) {
    auto again = opened.staging->resume(kept.message);
    if (!again || (*again)->octets() != kept.octets) _exit(5);
    take_whole(opened, *std::move(again), pipe);
  }
  SystemRandom random;
  for (;;) take_whole(opened, opened.staging->begin(make_message_id(opened.clock.now(), random)).value(), pipe);
}

struct Told {
  std::map<std::string, std::uint64_t> checkpoints;
  std::set<std::string> accepted;
};

void read_all(int pipe, Told& told) {
  std::string text;
  std::array<char, 65536> buffer{};
  for (ssize_t n = 0; (n = ::read(pipe, buffer.data(), buffer.size())) > 0;) text.append(buffer.data(), static_cast<std::size_t>(n));
  for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::size_t space = text.find(' ', begin);
    const std::string id = text.substr(begin + 1, space - begin - 1);
    if (text[begin] == 'A') told.accepted.insert(id);
    told.checkpoints[id] = std::stoull(text.substr(space + 1, end - space - 1));
  }
}

void run_and_kill(const std::filesystem::path& dir, std::chrono::milliseconds life, Told& told) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::close(ends[0]);
    child(dir, ends[1]);
  }
  ::close(ends[1]);
  std::thread reader([&] { read_all(ends[0], told); });
  std::this_thread::sleep_for(life);
  ::kill(pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
  reader.join();
  ::close(ends[0]);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself, status " << WEXITSTATUS(status);
}

std::set<std::string> check_queue(Opened& opened) {
  std::set<std::string> present;
  const auto entries = opened.spool->list({}, 100'000).value();
  for (const QueueEntry& entry : entries) {
    EXPECT_TRUE(present.insert(entry.message.get()).second) << "twice: " << entry.message.get();
    auto reader = opened.spool->reader(entry.item).value();
    Bytes text(reader.size());
    EXPECT_EQ(reader.read(text).value(), kWhole);
    EXPECT_EQ(text, octets_of(entry.message, 0, kWhole));
  }
  return present;
}

void check(const std::filesystem::path& dir, const Told& told) {
  Opened opened(dir);
  const auto queued = check_queue(opened);
  std::map<std::string, std::uint64_t> kept;
  const auto interrupted = opened.staging->kept().value();
  for (const StagedFacts& facts : interrupted) kept[facts.message.get()] = facts.octets;
  for (const std::string& id : told.accepted) EXPECT_TRUE(queued.contains(id)) << "acknowledged and lost: " << id;
  for (const auto& [id, octets] : told.checkpoints) {
    EXPECT_FALSE(queued.contains(id) && kept.contains(id)) << id;
    if (!queued.contains(id)) EXPECT_GE(kept.contains(id) ? kept.at(id) : 0, octets) << "kept and lost: " << id;
  }
  std::size_t drafts = 0, segments = 0;
  for (const auto& entry : std::filesystem::directory_iterator(opened.store->contents().directory())) {
    drafts += entry.path().extension() == ".part";
    segments += entry.path().extension() == ".seg";
  }
  EXPECT_EQ(drafts, kept.size());
  EXPECT_EQ(segments, queued.size());
}

TEST(StagedCrash, KilledInALoopKeepsCheckpointsAndMessages) {
  const char* wanted = std::getenv("POSTERN_CRASH_KILLS");
  const int kills = wanted != nullptr ? std::atoi(wanted) : 6;
  const test::TemporaryDirectory dir;
  Told told;
  for (int round = 0; round < kills && !testing::Test::HasFailure(); ++round) {
    run_and_kill(dir.path() / "var", 250ms + std::chrono::milliseconds(41 * round % 300), told);
    check(dir.path() / "var", told);
  }
  EXPECT_GT(told.accepted.size(), 3U);
}

}  // namespace
}  // namespace postern
