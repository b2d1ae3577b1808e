#include "sdk/launch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/text.hpp"
#include "sdk/child.hpp"
#include "sdk/stream.hpp"

namespace postern::sdk {
namespace {

constexpr int kFirstFree = 10;  // above the places that the child's descriptors take
constexpr std::chrono::milliseconds kLook{2};

tl::unexpected<Error> failed(const char* doing, int error) {
  return fail(ErrorCode::Unavailable, std::string("cannot start the process for the X.400 library: ") + doing + ": " + std::strerror(error),
              "transport.sdk");
}

Result<std::pair<UniqueFd, UniqueFd>> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return failed("pipe", errno);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

/// Out of the way of 0 to 3.
UniqueFd moved_up(UniqueFd fd) { return UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstFree)); }

std::vector<std::string> environment_of(const LaunchPlan& plan) {
  static constexpr std::array usual{"PATH",         "LANG",          "LC_ALL",      "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH",
                                    "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};
  std::vector<std::string> out;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view entry = *at;
    const std::string_view name = entry.substr(0, entry.find('='));
    if (std::ranges::find(usual, name) != usual.end() || std::ranges::find(plan.environment, name) != plan.environment.end())
      out.emplace_back(entry);
  }
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

/// What posix_spawn() is to do in the child, freed at the end.
class Orders {
 public:
  Orders() {
    ::posix_spawn_file_actions_init(&m_files);
    ::posix_spawnattr_init(&m_attributes);
  }
  ~Orders() {
    ::posix_spawn_file_actions_destroy(&m_files);
    ::posix_spawnattr_destroy(&m_attributes);
  }
  Orders(const Orders&) = delete;
  Orders& operator=(const Orders&) = delete;

  void place(int channel, int output, int errors) {
    ::posix_spawn_file_actions_addopen(&m_files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&m_files, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&m_files, errors, STDERR_FILENO);
    ::posix_spawn_file_actions_adddup2(&m_files, channel, kChildDescriptor);
  }
  void reset_signals() {
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&m_attributes, &none);
    ::posix_spawnattr_setsigdefault(&m_attributes, &all);
    ::posix_spawnattr_setflags(&m_attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  [[nodiscard]] int run(pid_t& pid, const char* program, char* const* arguments, char* const* environment) {
    return ::posix_spawn(&pid, program, &m_files, &m_attributes, arguments, environment);
  }

 private:
  posix_spawn_file_actions_t m_files{};
  posix_spawnattr_t m_attributes{};
};

}  // namespace

std::string words_of_end(int status) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return "crashed (signal " + std::to_string(number) + ", " + ::strsignal(number) + ")";
  }
  switch (const int code = WEXITSTATUS(status); code) {
    case kLeaked: return "leaks descriptors and was ended before it had none left";
    case kDistrusted: return "handed out what cannot be, so its process was ended";
    case kBadFrames: return "damaged its process's channel";
    case kCannotConfine: return "could not be confined: the kernel refused";
    default: return "ended its process (status " + std::to_string(code) + ")";
  }
}

Launched::Launched(Launched&& other) noexcept
    : pid(std::exchange(other.pid, -1)),
      channel(std::move(other.channel)),
      output(std::move(other.output)),
      errors(std::move(other.errors)),
      end(std::exchange(other.end, nullptr)) {}

Launched& Launched::operator=(Launched&& other) noexcept {
  std::swap(pid, other.pid);
  std::swap(channel, other.channel);
  std::swap(output, other.output);
  std::swap(errors, other.errors);
  std::swap(end, other.end);
  return *this;
}

Launched::~Launched() {
  if (pid > 0 || end) (void)reap(*this, SteadyTime::min());
}

Result<Launched> launch(const LaunchPlan& plan) {
  POSTERN_TRY(auto sockets, socket_pair());
  POSTERN_TRY(auto output, make_pipe());
  POSTERN_TRY(auto errors, make_pipe());
  const UniqueFd theirs = moved_up(std::move(sockets.second)), out = moved_up(std::move(output.second)),
                 err = moved_up(std::move(errors.second));
  if (!theirs || !out || !err) return failed("fcntl", errno);
  Orders orders;
  orders.place(theirs.get(), out.get(), err.get());
  orders.reset_signals();
  const std::vector<std::string> words{"postern", kChildVerb}, variables = environment_of(plan);
  Launched child;
  child.channel = std::move(sockets.first);
  child.output = std::move(output.first);
  child.errors = std::move(errors.first);
  if (const int error = orders.run(child.pid, plan.program.c_str(), pointers(words).data(), pointers(variables).data()); error != 0) {
    child.pid = -1;
    return failed(plan.program.c_str(), error);
  }
  return child;
}

std::string reap(Launched& child, SteadyTime deadline) {
  const pid_t pid = std::exchange(child.pid, -1);
  if (const auto by_other = std::exchange(child.end, nullptr)) return by_other(deadline);
  if (pid <= 0) return "ended";  // somebody else started it, and says nothing
  int status = 0;
  for (;;) {
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) return words_of_end(status);
    if (ended < 0 && errno != EINTR) return "ended";  // somebody else waits for all children
    if (std::chrono::steady_clock::now() >= deadline) break;
    (void)::poll(nullptr, 0, static_cast<int>(kLook.count()));
  }
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return "was ended: it did not answer";
}

bool Heard::drain(int fd) {
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got == 0) return false;
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    m_octets += static_cast<std::uint64_t>(got);
    m_tail.append(buffer.data(), static_cast<std::size_t>(got));
    if (m_tail.size() > kKept) m_tail.erase(0, m_tail.size() - kKept);
  }
}

std::string Heard::last_line() const {
  const std::string_view all = trim(m_tail);
  const auto start = all.rfind('\n');
  return printable(start == std::string_view::npos ? all : all.substr(start + 1), 256);
}

}  // namespace postern::sdk
