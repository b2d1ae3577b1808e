// Keepers in processes of their own, killed with SIGKILL in the middle of thousands of calls, again and again.
//
// A small warden, forked before this process has threads, forks a keeper for each channel and hands the gate's end over a control socket.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <map>
#include <thread>

#include "barrier/storage.hpp"
#include "base/log.hpp"
#include "custody/remote_keeper.hpp"
#include "custody/server.hpp"
#include "keys/transit_keeper.hpp"
#include "transit/engine.hpp"

namespace postern::custody {
namespace {

/// A keeper over memory, and what it has as bytes of no kind that a fork wipes (secret memory is zero in a forked child).
struct Vessel {
  using Snapshot = std::map<std::string, Bytes>;

  explicit Vessel(const Clock& clock, const Snapshot& from = {}) {
    std::vector<StorageChange> changes;
    for (const auto& [path, value] : from) changes.push_back({path, SecretBytes(ByteView(value))});
    EXPECT_TRUE(storage.apply(std::move(changes)));
    source.emplace(std::make_shared<transit::Engine>(storage, clock));
    keeper.emplace(*source, clock);
    EXPECT_TRUE(keeper->make_named_keys());
  }
  Snapshot snapshot() {
    Snapshot out;
    const auto paths = storage.walk("");
    for (const std::string& path : *paths) {
      const auto value = storage.get(path);
      const ByteView bytes = (*value)->view();
      out.emplace(path, Bytes(bytes.begin(), bytes.end()));
    }
    return out;
  }

  MemoryStorage storage;
  std::optional<FixedTransit> source;
  std::optional<TransitKeeper> keeper;
};

/// Every keeper begins with the keys that were `sealed` when the warden was made.
class Warden {
 public:
  explicit Warden(const Vessel::Snapshot& sealed) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    m_pid = ::fork();
    if (m_pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::close(ends[0]);
      serve(ends[1], sealed);
    }
    ::close(ends[1]);
    m_control = ends[0];
  }
  ~Warden() {
    ::close(m_control);
    ::waitpid(m_pid, nullptr, 0);
  }
  Warden(const Warden&) = delete;
  Warden& operator=(const Warden&) = delete;

  /// One keeper lives at a time: asking for a channel starts the next.
  Result<Channel> next() {
    const char ask = 'n';
    char answer = 0;
    iovec vector{&answer, 1};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))];
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    const std::lock_guard lock(m_mutex);
    if (::send(m_control, &ask, 1, MSG_NOSIGNAL) != 1 || ::recvmsg(m_control, &message, MSG_CMSG_CLOEXEC) != 1)
      return fail(ErrorCode::Unavailable, "the warden is gone");
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr) return fail(ErrorCode::Unavailable, "no descriptor came");
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return Channel::adopt(fd);
  }
  void kill_keeper() {
    const char kill = 'k';
    char answer = 0;
    const std::lock_guard lock(m_mutex);
    EXPECT_EQ(::send(m_control, &kill, 1, MSG_NOSIGNAL), 1);
    EXPECT_EQ(::recv(m_control, &answer, 1, 0), 1);
  }

 private:
  [[noreturn]] static void keep(int fd, const Vessel::Snapshot& sealed) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const SystemClock clock;
    Vessel held(clock, sealed);
    KeeperServer server(Channel::adopt(fd).value(), {.role = Role::Gate, .keeper = *held.keeper});
    (void)server.run();
    ::_exit(0);
  }
  static void end(pid_t& keeper) {
    if (keeper <= 0) return;
    ::kill(keeper, SIGKILL);
    ::waitpid(keeper, nullptr, 0);
    keeper = -1;
  }
  static void hand(int control, int fd) {
    char answer = 'c';
    iovec vector{&answer, 1};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    (void)::sendmsg(control, &message, MSG_NOSIGNAL);
  }
  [[noreturn]] static void serve(int control, const Vessel::Snapshot& sealed) {
    log::configure(log::Level::Error, log::Format::Text);
    pid_t keeper = -1;
    for (char command = 0; ::recv(control, &command, 1, 0) == 1;) {
      end(keeper);
      if (command == 'k') {
        (void)::send(control, "k", 1, MSG_NOSIGNAL);
        continue;
      }
      int ends[2];
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) break;
      keeper = ::fork();
      if (keeper == 0) {
        ::close(control);
        ::close(ends[0]);
        keep(ends[1], sealed);
      }
      ::close(ends[1]);
      hand(control, ends[0]);
      ::close(ends[0]);
    }
    end(keeper);
    ::_exit(0);
  }

  pid_t m_pid = -1;
  int m_control = -1;
  std::mutex m_mutex;
};

TEST(Crash, NothingHangsIsLostOrMixedUp) {
  log::configure(log::Level::Error, log::Format::Text);
  const SystemClock clock;
  Vessel own(clock);
  TransitKeeper* const held = &*own.keeper;
  ASSERT_TRUE(held->create(KeyName("rsa"), KeyType::Rsa2048));
  Warden warden(own.snapshot());
  const auto link = std::make_shared<Link>([&warden](SteadyTime) { return warden.next(); });
  RemoteKeeper keeper(link);

  constexpr int threads = 16, calls = 500;
  std::atomic<int> wrong{0}, unknown{0}, left{threads};
  const auto check = [&](bool right) {
    if (!right) ++wrong;
  };
  const auto use = [&](int i, int j) {
    const Bytes data = to_bytes(std::to_string(i) + "/" + std::to_string(j));
    const auto tag = keeper.mac(key_names::kApiHmac, 0, HashAlgorithm::Sha256, data);
    check(tag && *tag == *held->mac(key_names::kApiHmac, 0, HashAlgorithm::Sha256, data));
    const auto key = keeper.new_data_key(key_names::kMailStorage, data);
    check(key && constant_time_equal(held->unwrap_data_key(key_names::kMailStorage, key->wrapped, data)->view(), key->plaintext.view()));
    if (j % 25 != 0) return;
    const auto signature = keeper.sign(KeyName("rsa"), 0, SignAlgorithm{}, data);
    check(signature && held->verify(KeyName("rsa"), 0, SignAlgorithm{}, data, *signature));
    const auto made = keeper.create(KeyName("k" + std::to_string(i) + "-" + std::to_string(j)), KeyType::Hmac);
    if (!made) {
      check(made.error().code == ErrorCode::Unavailable && made.error().what.find("is unknown") != std::string::npos);
      ++unknown;
    }
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < threads; ++i) {
    callers.emplace_back([&, i] {
      for (int j = 0; j < calls; ++j) use(i, j);
      --left;
    });
  }
  // Each death comes when the calls have gone on a little, so that none falls into the silence after the last.
  std::uint64_t kills = 0;
  for (std::uint64_t seen = 0; left > 0;) {
    const LinkCounts now = link->counts();
    if (now.calls < seen + 300 || !link->is_up()) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      continue;
    }
    seen = now.calls;
    warden.kill_keeper();
    ++kills;
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(kills, 10U);
  EXPECT_GE(link->counts().channels, kills / 2);
  EXPECT_GT(link->counts().resent, 0U);
  EXPECT_EQ(link->counts().unknown, static_cast<std::uint64_t>(unknown));
}

}  // namespace
}  // namespace postern::custody
