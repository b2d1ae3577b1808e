#include "warden/child.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "confine/privileges.hpp"

namespace postern::warden {
namespace {

constexpr int kCannotRun = 127;

Error failed(std::string_view doing) { return {ErrorCode::Unavailable, std::string(doing) + ": " + std::strerror(errno), {}}; }

/// In memory, so that what the child reads is what was checked, whoever changes the file meanwhile.
Result<UniqueFd> sealed_payload(const std::string& text) {
  UniqueFd file(::memfd_create("posternd", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return fail(failed("memfd_create"));
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return fail(failed("write"));
  (void)::lseek(file.get(), 0, SEEK_SET);
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) return fail(failed("F_ADD_SEALS"));
  return file;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

void reset_signals() noexcept {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE}) ::signal(number, SIG_DFL);
}

bool place_sockets(std::span<const int> sockets) noexcept {
  int place = kFirstSocketDescriptor;
  for (const int socket : sockets) {
    if (socket < 0 || ::dup2(socket, place++) < 0) return false;
  }
  return true;
}

/// Between fork and exec: system calls only. All descriptors are moved out of the way before they take their places.
[[noreturn]] void become_child(pid_t parent, int control, int payload, std::span<int> sockets, char* const* arguments,
                               char* const* environment) noexcept {
  if (!confine::end_with_parent(parent)) ::_exit(kCannotRun);
  const int first_free = kFirstSocketDescriptor + static_cast<int>(sockets.size());
  const int above = std::max(10, first_free);
  for (int& socket : sockets) socket = ::fcntl(socket, F_DUPFD_CLOEXEC, above);
  const int high_control = ::fcntl(control, F_DUPFD_CLOEXEC, above), high_payload = ::fcntl(payload, F_DUPFD_CLOEXEC, above);
  const int null = ::open("/dev/null", O_RDONLY);
  if (high_control < 0 || high_payload < 0 || null < 0 || ::dup2(null, STDIN_FILENO) < 0 || ::dup2(high_control, kControlDescriptor) < 0 ||
      ::dup2(high_payload, kPayloadDescriptor) < 0 || !place_sockets(sockets))
    ::_exit(kCannotRun);
  confine::close_from(first_free);
  reset_signals();
  ::execve("/proc/self/exe", arguments, environment);
  ::_exit(kCannotRun);
}

}  // namespace

Result<Child> start_child(const ChildPlan& plan) {
  POSTERN_TRY(auto ends, Control::pair());
  POSTERN_TRY(const UniqueFd payload, sealed_payload(plan.payload));
  std::vector<std::string> words{"posternd"};
  words.insert(words.end(), plan.arguments.begin(), plan.arguments.end());
  const auto arguments = pointers(words);
  const auto environment = pointers(plan.environment);
  std::vector<int> sockets = plan.sockets;
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(failed("the " + plan.name + " cannot be started"));
  if (pid == 0) become_child(parent, ends.second.fd(), payload.get(), sockets, arguments.data(), environment.data());
  return Child{pid, std::move(ends.first)};
}

Result<std::string> read_payload(int fd) {
  std::string out;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t size = ::read(fd, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail(failed("the payload cannot be read"));
    if (size == 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

std::string describe_end(int status) {
  if (!WIFSIGNALED(status)) return "status " + std::to_string(WEXITSTATUS(status));
  const int number = WTERMSIG(status);
  const char* name = ::strsignal(number);
  return "signal " + std::to_string(number) + " (" + (name == nullptr ? "?" : name) + ")";
}

}  // namespace postern::warden
