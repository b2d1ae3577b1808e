// rooms: spool keys
//
// What one message costs in the spool: accepted (sealed, audited, fsynced) and delivered (reported, audited, forgotten).
//
//   spool_bench [--messages 20000] [--size 2048] [--sessions 64] [--dir DIR] [--sqlcipher] [--audit 3]
//
// Sessions are kept busy: each has one message on its way to the disk at any time. One courier thread takes and reports at once.
#include <sys/resource.h>

#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <semaphore>
#include <thread>

#include "base/clock.hpp"
#include "keys/transit_keeper.hpp"
#include "spool/spool.hpp"
#include "store/vfs.hpp"

namespace {

using namespace postern;

struct Options {
  std::size_t messages = 20000, size = 2048, sessions = 64, audit = 3;
  std::filesystem::path directory = std::filesystem::temp_directory_path() / "postern-spool-bench";
  bool sqlcipher = false;
};

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "spool_bench: %s\n", result.error().text().c_str());
    std::_Exit(1);  // other threads still run
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::uint64_t syncs() {
  const DiskCounters& c = disk_counters();
  return c.wal_syncs + c.database_syncs + c.segment_syncs;
}

AuditRecord record(const char* kind, const MessageId& id) {
  AuditRecord r;
  r.time = SystemClock().now();
  r.kind = kind;
  r.message = id;
  r.actor = "peer:192.0.2.1";
  r.facts = AuditFacts().add("door", "mx").add("size", 2048).add("tls", "TLSv1.3 TLS_AES_256_GCM_SHA384").text();
  return r;
}

/// Takes everything and says at once that it was delivered.
class Courier final : public WorkListener {
 public:
  Courier(Spool& spool, std::size_t messages) : m_spool(spool), m_left(messages), m_thread([this] { loop(); }) {}
  void work_ready(const std::vector<std::string>&) noexcept override { m_ready.release(); }
  void wait() { m_thread.join(); }

 private:
  void loop() {
    std::atomic<std::size_t> reported{0};
    while (reported < m_left) {
      static_cast<void>(m_ready.try_acquire_for(std::chrono::milliseconds(50)));
      for (auto works = m_spool.take("smtp:next", 64); !works.empty(); works = m_spool.take("smtp:next", 64))
        for (const Work& work : works) deliver(work, reported);
    }
  }
  void deliver(const Work& work, std::atomic<std::size_t>& reported) {
    if (!work.loaded) {
      must(m_spool.load(work));
      ++m_loads;
    }
    DeliveryReport report{work.item, {}, {}, {}, {}, {}};
    report.message = work.loaded ? work.loaded->message : must(m_spool.load(work.item)).message;
    for (const std::uint32_t n : work.recipients) report.results.push_back({n, Outcome::Delivered, "250 2.0.0 Ok: queued as 4XyzAbc", {}});
    report.audit = {record("message.delivered", report.message)};
    m_spool.report(std::move(report), [&reported](const Status& status) {
      must(status);
      ++reported;
    });
  }
  Spool& m_spool;
  std::size_t m_left;
  std::size_t m_loads = 0;
  std::counting_semaphore<> m_ready{0};
  std::thread m_thread;
};

Submission message(const Options& options, Random& random) {
  Submission submission;
  submission.message = make_message_id(SystemClock().now(), random);
  submission.envelope.reverse_path = "sender@example.org";
  submission.envelope.correlation = CorrelationId(submission.message.get());
  submission.envelope.facts = R"({"spf":"pass","dkim":"pass","dmarc":"pass"})";
  Variant variant;
  variant.content.assign(options.size, 'x');
  variant.recipients.push_back({"recipient@example.com", "smtp:next", 0, {}, RecipientState::Queued, {}});
  submission.variants.push_back(std::move(variant));
  for (std::size_t i = 0; i < options.audit; ++i) submission.audit.push_back(record("message.accepted", submission.message));
  return submission;
}

void run(const Options& options) {
  StoreOptions where;
  where.data_dir = options.directory;
  if (options.sqlcipher) where.key = SecretBytes(SystemRandom().bytes(32));
  auto store = must(Store::open(std::move(where)));
  SystemClock clock;
  const auto keeper = must(make_memory_keeper(clock));
  auto spool = must(Spool::open({}, *store, *keeper, clock));
  Courier courier(*spool, options.messages);
  spool->set_listener(&courier);

  SystemRandom random;
  std::counting_semaphore<> free_sessions(static_cast<std::ptrdiff_t>(options.sessions));
  const double cpu_before = cpu_seconds();
  const std::uint64_t syncs_before = syncs(), bytes_before = disk_counters().bytes_written;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < options.messages; ++i) {
    free_sessions.acquire();
    spool->enqueue(message(options, random), [&](const Status& status) {
      must(status);
      free_sessions.release();
    });
  }
  courier.wait();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto n = static_cast<double>(options.messages);
  const WriterStats stats = store->writer().stats();
  std::printf(
      "size %zu, sessions %zu, %s: %.0f messages/s, %.1f us CPU/message, %.3f fsyncs/message, %.1f KiB written/message,"
      " %.1f jobs/commit (largest %llu), checkpoints %llu (%.1f ms each)\n",
      options.size, options.sessions, options.sqlcipher ? "SQLCipher" : "plain", n / seconds, (cpu_seconds() - cpu_before) * 1e6 / n,
      static_cast<double>(syncs() - syncs_before) / n, static_cast<double>(disk_counters().bytes_written - bytes_before) / 1024 / n,
      static_cast<double>(stats.jobs) / static_cast<double>(stats.commits), static_cast<unsigned long long>(stats.largest_batch),
      static_cast<unsigned long long>(stats.checkpoints),
      stats.checkpoints == 0 ? 0.0 : static_cast<double>(stats.checkpoint_micros) / 1000 / static_cast<double>(stats.checkpoints));
  spool->set_listener(nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto number = [&] { return i + 1 < argc ? static_cast<std::size_t>(std::strtoull(argv[++i], nullptr, 10)) : 0; };
    if (name == "--messages")
      options.messages = number();
    else if (name == "--size")
      options.size = number();
    else if (name == "--sessions")
      options.sessions = number();
    else if (name == "--audit")
      options.audit = number();
    else if (name == "--dir" && i + 1 < argc)
      options.directory = argv[++i];
    else if (name == "--sqlcipher")
      options.sqlcipher = true;
    else
      return std::fprintf(stderr, "usage: spool_bench [--messages N] [--size B] [--sessions S] [--audit R] [--dir DIR] [--sqlcipher]\n"), 2;
  }
  std::filesystem::remove_all(options.directory);
  run(options);
  std::filesystem::remove_all(options.directory);
  return 0;
}
