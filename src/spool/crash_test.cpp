// kill -9 in a loop: what was acknowledged is there, whole, once; what was not acknowledged is there whole or not at all.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include "spool/spool.hpp"
#include "store/audit_log.hpp"
#include "store/test_support.hpp"

namespace postern {
namespace {

using namespace std::chrono_literals;

constexpr const char* kRoute = "smtp:next";

/// The content follows from the id, so that whoever finds a message can tell whether it is whole. Every seventh is large.
std::string content_of(const MessageId& id) {
  std::size_t hash = std::hash<std::string>{}(id.get());
  std::string text = id.get() + "\r\n";
  text.append(hash % 7 == 0 ? 60'000 + hash % 1000 : 100 + hash % 1000, static_cast<char>('a' + hash % 26));
  return text;
}

struct Opened {
  explicit Opened(const std::filesystem::path& dir) {
    StoreOptions where;
    where.data_dir = dir;
    where.content.segment_bytes = 1U << 20;
    where.writer.wal_bytes = 256U * 1024;  // checkpoints happen within the test
    store = Store::open(std::move(where)).value();
    keeper = std::make_unique<test::DiskKeeper>(dir, clock);
    spool = Spool::open({}, *store, **keeper, clock).value();
  }
  SystemClock clock;
  std::unique_ptr<Store> store;
  std::unique_ptr<test::DiskKeeper> keeper;
  std::unique_ptr<Spool> spool;
};

/// One line to the parent; a line is shorter than PIPE_BUF, so it arrives whole or not at all.
void tell(int pipe, char what, const MessageId& id) {
  const std::string line = what + id.get() + "\n";
  if (::write(pipe, line.data(), line.size()) < 0) _exit(1);
}

AuditRecord record(const char* kind, const MessageId& id) {
  AuditRecord r;
  r.time = SystemClock().now();
  r.kind = kind;
  r.message = id;
  return r;
}

/// Accepts and delivers until killed.
[[noreturn]] void child(const std::filesystem::path& dir, int pipe) {
  Opened opened(dir);
  Spool& spool = *opened.spool;
  std::thread courier([&] {
    for (int n = 0;; ++n) {
      const auto works = spool.take(kRoute, 4);
      if (works.empty()) std::this_thread::sleep_for(1ms);
      for (const Work& work : works) {
        const auto item = work.loaded ? Result<QueueItem>(*work.loaded) : spool.load(work);
        if (!item || *item->content != content_of(item->message)) _exit(2);
        DeliveryReport report{
            work.item, item->message, {{0, Outcome::Delivered, "250 ok", {}}}, {record("message.delivered", item->message)}, {}, {}};
        if (n % 3 == 0)
          report.results[0] = {0, Outcome::Deferred, "451 later", 20ms};
        else
          tell(pipe, 'D', item->message);  // from here on the next hop may have it
        spool.report(std::move(report));
      }
    }
  });
  SystemRandom random;
  for (;;) {
    Submission s;
    s.message = make_message_id(opened.clock.now(), random);
    s.audit.push_back(record("message.accepted", s.message));
    Variant v;
    v.content = content_of(s.message);
    v.recipients.push_back({"bob@example.com", kRoute, 0, {}, RecipientState::Queued, {}});
    s.variants.push_back(std::move(v));
    const MessageId id = s.message;
    spool.enqueue(std::move(s), [pipe, id](const Status& status) {
      if (status) tell(pipe, 'A', id);
    });
    if (spool.stats().messages > 300) std::this_thread::sleep_for(1ms);
  }
}

struct Told {
  std::set<std::string> accepted, sent;
};

void read_all(int pipe, Told& told) {
  std::string text;
  std::array<char, 65536> buffer{};
  for (ssize_t n = 0; (n = ::read(pipe, buffer.data(), buffer.size())) > 0;) text.append(buffer.data(), static_cast<std::size_t>(n));
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; begin = end + 1, end = text.find('\n', begin)) {
    const std::string id = text.substr(begin + 1, end - begin - 1);
    (text[begin] == 'A' ? told.accepted : told.sent).insert(id);
  }
}

/// One life of the child, ended by force after a while.
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

/// What the queue has now, each item decrypted and compared.
void check_queue(const std::filesystem::path& dir, const Told& told) {
  Opened opened(dir);
  std::map<std::string, int> present;
  QueueCursor cursor;
  for (;;) {
    const auto page = opened.spool->list({}, 500, cursor).value();
    if (page.empty()) break;
    for (const QueueEntry& entry : page) {
      cursor = {entry.item.get(), entry.index};
      ++present[entry.message.get()];
      const auto item = opened.spool->load(entry.item);
      ASSERT_TRUE(item) << item.error().text();
      EXPECT_EQ(*item->content, content_of(entry.message));
    }
  }
  for (const auto& [id, count] : present) EXPECT_EQ(count, 1) << id;
  for (const std::string& id : told.accepted)
    EXPECT_TRUE(present.contains(id) || told.sent.contains(id)) << "acknowledged and lost: " << id;
  EXPECT_EQ(opened.spool->stats().quarantined, 0U);
  const AuditVerdict audit = SqliteAuditLog(*opened.store).verify().value();
  EXPECT_FALSE(audit.fault) << audit.fault->text;
  // What was reported has its line in the audit log, and accepted messages have theirs.
  EXPECT_GE(audit.entries, told.accepted.size());
}

TEST(SpoolCrash, KilledInALoopLosesNothingAcknowledged) {
  const char* wanted = std::getenv("POSTERN_CRASH_KILLS");
  const int kills = wanted != nullptr ? std::atoi(wanted) : 8;
  const test::TemporaryDirectory dir;
  Told told;
  for (int round = 0; round < kills && !testing::Test::HasFailure(); ++round) {
    run_and_kill(dir.path() / "var", 250ms + std::chrono::milliseconds(37 * round % 300), told);
    check_queue(dir.path() / "var", told);
  }
  EXPECT_GT(told.accepted.size(), 50U);
  EXPECT_GT(told.sent.size(), 10U);
}

}  // namespace
}  // namespace postern
