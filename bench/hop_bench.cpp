// rooms: custody
//
// The promise: the hop to a keeper in a process of its own costs under 10 microseconds per call at p50 when calls are batched (many under
// way at once), and under 25 when a caller is alone.
//
//   hop_bench [--size 64] [--alternations 7] [--seconds 0.3]               exit status 1 when the promise is not kept
//
// One run, in turns: the same call (a MAC of `size` bytes, about a microsecond) directly on the Keeper and over the hop to a forked
// process. `per call` is the time a thread, or all threads together, needed for one: for a lone caller each call is measured; for the
// batched rows slices of 64 calls (of all threads) are, and divided. What the hop costs is that minus the direct call, and is what is
// judged. `latency` is what one caller of the batched rows waits, queueing behind all others included; it is shown, not promised. CPU is
// user and system time of both processes.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "base/log.hpp"
#include "bench/measure.hpp"
#include "custody/remote_keeper.hpp"
#include "custody/server.hpp"
#include "custody/vault_client.hpp"
#include "keys/transit_keeper.hpp"

namespace {

using namespace postern;
using namespace postern::bench;
using namespace postern::custody;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kSlice = 64;
const KeyName kKey("api_hmac_key");

double micros(Steady::duration span) { return std::chrono::duration<double, std::micro>(span).count(); }

/// The keeper's process: its end of the pair, its ring, and how much processor time it used.
class Process {
 public:
  Process() {
    auto ends = must(Channel::pair());
    m_child = ::fork();
    must(m_child >= 0, "fork");
    if (m_child == 0) {
      {
        const Channel other = std::move(ends.first);
      }
      keep(std::move(ends.second));
    }
    m_channel.emplace(std::move(ends.first));
  }
  ~Process() {
    ::kill(m_child, SIGKILL);
    ::waitpid(m_child, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] Result<Channel> take() {
    if (!m_channel) return fail(ErrorCode::Internal, "the keeper of the benchmark went away");
    Channel out = *std::move(m_channel);
    m_channel.reset();
    return out;
  }
  /// User and system time so far.
  [[nodiscard]] double cpu() const {
    clockid_t clock{};
    timespec used{};
    must(::clock_getcpuclockid(m_child, &clock) == 0 && ::clock_gettime(clock, &used) == 0, "the keeper's clock");
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
  }

 private:
  [[noreturn]] static void keep(Channel channel) {
    const SystemClock clock;
    const auto held = must(make_memory_keeper(clock));
    VaultEngine engine{[](const vault::Request&) {
                         vault::Reply reply;
                         reply.body = R"({"data":{"ok":true}})";
                         return reply;
                       },
                       [](const vault::Request&) { return true; }};
    KeeperServer server(std::move(channel), {.role = Role::Gate, .keeper = *held, .engine = std::move(engine)});
    (void)server.run();
    ::_exit(0);
  }
  pid_t m_child = -1;
  std::optional<Channel> m_channel;
};

double own_cpu() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

struct Sample {
  std::vector<double> slices;     ///< Microseconds per call.
  std::vector<double> latencies;  ///< Microseconds of a caller.
  std::size_t calls = 0;
};

/// `threads` callers, each one call after the other.
Sample by_threads(Keeper& keeper, std::size_t threads, std::size_t size, double seconds) {
  std::atomic<std::size_t> done{0};
  std::atomic<bool> stop{false};
  std::vector<std::vector<double>> latencies(threads);
  const Bytes data(size, 'd');
  std::vector<std::thread> callers;
  for (std::size_t i = 0; i < threads; ++i) {
    callers.emplace_back([&, i] {
      while (!stop) {
        const auto begun = Steady::now();
        (void)must(keeper.mac(kKey, 0, HashAlgorithm::Sha256, data));
        latencies[i].push_back(micros(Steady::now() - begun));
        done.fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  Sample sample;
  const auto until = Steady::now() + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds));
  auto begun = Steady::now();
  for (std::size_t seen = done; begun < until;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const std::size_t now_done = done;
    const auto now = Steady::now();
    if (now_done - seen < kSlice) continue;
    sample.slices.push_back(micros(now - begun) / static_cast<double>(now_done - seen));
    seen = now_done;
    begun = now;
  }
  stop = true;
  for (std::thread& caller : callers) caller.join();
  sample.calls = done;
  for (auto& one : latencies) sample.latencies.insert(sample.latencies.end(), one.begin(), one.end());
  return sample;
}

/// One thread, one call after the other, each measured.
Sample alone(Keeper& keeper, std::size_t size, double seconds) {
  Sample sample;
  const Bytes data(size, 'd');
  const auto until = Steady::now() + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds));
  auto begun = Steady::now();
  while (begun < until) {
    (void)must(keeper.mac(kKey, 0, HashAlgorithm::Sha256, data));
    const auto now = Steady::now();
    sample.slices.push_back(micros(now - begun));
    begun = now;
  }
  sample.calls = sample.slices.size();
  sample.latencies = sample.slices;
  return sample;
}

/// One loop, kSlice requests at once, as the HTTP face has them when that many connections are busy.
Sample asynchronous(VaultClient& client, std::size_t size, double seconds) {
  Sample sample;
  vault::Request request;
  request.operation = vault::Operation::Read;
  request.path = "transit/hmac/api_hmac_key";
  request.token = "hvs.of-the-benchmark";
  request.data = {{"input", std::string(size, 'd')}};
  const auto until = Steady::now() + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds));
  auto begun = Steady::now();
  while (begun < until) {
    std::atomic<std::size_t> left{kSlice};
    for (std::size_t i = 0; i < kSlice; ++i) {
      client.ask(
          request,
          [&](const Result<vault::Reply>& reply) {
            must(reply.has_value(), "a request");
            if (left.fetch_sub(1) == 1) left.notify_one();
          },
          Link::Send::Later);
    }
    client.flush();
    for (std::size_t now = left; now != 0; now = left) left.wait(now);
    const auto now = Steady::now();
    sample.slices.push_back(micros(now - begun) / static_cast<double>(kSlice));
    sample.calls += kSlice;
    begun = now;
  }
  sample.latencies = sample.slices;
  return sample;
}

double percentile(std::vector<double>& values, double of) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(of * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

struct Contender {
  const char* name;
  bool hops;
  double promised;  // microseconds of the hop; 0: not judged
  std::function<Sample()> work;
  std::vector<double> p50{}, p99{}, latency50{}, latency99{}, cpu_gate{}, cpu_keeper{};

  void measure(const Process& keeper) {
    const double gate_before = own_cpu(), keeper_before = keeper.cpu();
    Sample sample = work();
    const auto calls = static_cast<double>(sample.calls);
    cpu_gate.push_back((own_cpu() - gate_before) / calls * 1e6);
    cpu_keeper.push_back((keeper.cpu() - keeper_before) / calls * 1e6);
    p50.push_back(percentile(sample.slices, 0.5));
    p99.push_back(percentile(sample.slices, 0.99));
    latency50.push_back(percentile(sample.latencies, 0.5));
    latency99.push_back(percentile(sample.latencies, 0.99));
  }
};

int report(const std::vector<Contender>& contenders, const RunOptions& options) {
  std::printf("%zu bytes, %zu alternations, microseconds; median (least-most)\n\n", options.size, options.alternations);
  std::printf("| call | per call p50 | p99 | latency p50 | p99 | CPU of the caller | of the keeper | hop p50 | promised | kept |\n");
  std::printf("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n");
  bool all_kept = true;
  for (const Contender& one : contenders) {
    std::vector<double> hop;
    for (std::size_t i = 0; i < one.p50.size(); ++i) hop.push_back(one.p50[i] - contenders.front().p50[i]);
    const Spread cost = spread(hop);
    const bool kept = one.promised == 0 || cost.median < one.promised;
    all_kept = all_kept && kept;
    char promised[16] = "";
    if (one.promised > 0) std::snprintf(promised, sizeof promised, "%.0f", one.promised);
    std::printf("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", one.name, spread(one.p50).text("%.2f").c_str(),
                spread(one.p99).text("%.1f").c_str(), spread(one.latency50).text("%.1f").c_str(),
                spread(one.latency99).text("%.1f").c_str(), spread(one.cpu_gate).text("%.2f").c_str(),
                one.hops ? spread(one.cpu_keeper).text("%.2f").c_str() : "", one.hops ? cost.text("%.2f").c_str() : "", promised,
                one.promised == 0 ? "" : (kept ? "yes" : "NO"));
  }
  return all_kept ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const RunOptions options = read_options(argc, argv, {.size = 64});
  log::configure(log::Level::Error, log::Format::Text);
  Process process;  // before this program has threads
  const SystemClock clock;
  const auto held = must(make_memory_keeper(clock));
  const auto link = std::make_shared<Link>([&process](SteadyTime) { return process.take(); });
  RemoteKeeper remote(link);
  VaultClient client(link);
  const auto threads = [&](std::size_t count) { return [&, count] { return by_threads(remote, count, options.size, options.seconds); }; };
  std::vector<Contender> contenders;
  contenders.push_back({"directly", false, 0, [&] { return alone(*held, options.size, options.seconds); }});
  contenders.push_back({"over the hop, alone", true, 25, [&] { return alone(remote, options.size, options.seconds); }});
  contenders.push_back({"over the hop, 16 threads", true, 10, threads(16)});
  contenders.push_back({"over the hop, 64 threads", true, 10, threads(64)});
  contenders.push_back(
      {"Vault requests, 64 at once from one loop", true, 10, [&] { return asynchronous(client, options.size, options.seconds); }});
  for (std::size_t i = 0; i < options.alternations; ++i) {
    for (Contender& one : contenders) one.measure(process);
  }
  return report(contenders, options);
}
