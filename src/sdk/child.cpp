#include "sdk/child.hpp"

#include <dirent.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/secret.hpp"
#include "sdk/conformance_checks.hpp"
#include "sdk/serve.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POSTERN_SDK_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define POSTERN_SDK_SANITIZED 1
#endif
#endif
#ifndef POSTERN_SDK_SANITIZED
#define POSTERN_SDK_SANITIZED 0
#endif

namespace postern::sdk {
namespace {

constexpr std::chrono::seconds kHelloTime{30};
constexpr int kPerturb = 0x5A;  // what is freed is overwritten with it, so that the kit sees who reads it

bool limit(int what, std::uint64_t most) noexcept {
  const rlimit both{most, most};
  return ::setrlimit(static_cast<__rlimit_resource>(what), &both) == 0;
}

/// Set, or set already: a process that is confined may have no call left to set it.
bool is_so(int get, int set, unsigned long value) noexcept {
  return ::prctl(get, 0, 0, 0, 0) == static_cast<int>(value) || ::prctl(set, value, 0, 0, 0) == 0;
}

/// What does not depend on the greeting. Sanitizers look into their own process and reserve more memory than any bound would allow.
bool confine(int channel) noexcept {
  if (::close_range(static_cast<unsigned>(channel) + 1, ~0U, 0) != 0) return false;
  ::prctl(PR_SET_NAME, "postern-x400");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || !is_so(PR_GET_NO_NEW_PRIVS, PR_SET_NO_NEW_PRIVS, 1)) return false;
  if (!POSTERN_SDK_SANITIZED && !is_so(PR_GET_DUMPABLE, PR_SET_DUMPABLE, 0)) return false;
  std::signal(SIGPIPE, SIG_IGN);
  return limit(RLIMIT_CORE, 0);
}

bool bound(const Hello& hello) noexcept {
  if (!limit(RLIMIT_NOFILE, hello.descriptors)) return false;
  return POSTERN_SDK_SANITIZED || hello.memory == 0 || limit(RLIMIT_DATA, hello.memory);
}

/// A library that throws where none may pass is at fault like one that returns nonsense.
void serve(FrameStream& stream, const Hello& hello) {
  const auto library = Library::load(hello.library);
  if (!library) {
    (void)stream.send(Kind::Refused, 0, encode(Refusal{library.error(), {}, false}), SteadyTime::max());
    ::_exit(kChildDone);
  }
  const auto& table = library->table();
  const Welcome welcome{table.version, table.capabilities, table.max_calls};
  if (!stream.send(Kind::Welcome, 0, encode(welcome), SteadyTime::max())) ::_exit(kChildDone);
  Service(stream, *library, hello.descriptors).run();
}

void check(FrameStream& stream, const Hello& hello) {
  ::mallopt(M_PERTURB, kPerturb);
  (void)stream.send(Kind::Verdict, 0, encode(run_check(hello)), SteadyTime::max());
}

}  // namespace

std::size_t open_descriptors() noexcept {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  std::size_t count = 0;
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count < 3 ? 0 : count - 3;  // ".", ".." and the folder itself
}

void run_child(int channel) {
  if (!confine(channel)) ::_exit(kCannotConfine);
  FrameStream stream{UniqueFd(channel)};
  auto first = stream.read(std::chrono::steady_clock::now() + kHelloTime);
  if (!first) ::_exit(kChildDone);
  const auto hello = decode<Hello>(first->body);
  wipe(first->body);
  if (first->kind != Kind::Hello || !hello || hello->protocol != kProtocol) ::_exit(kBadFrames);
  if (!bound(*hello)) ::_exit(kCannotConfine);
  if (hello->mode == Mode::Serve)
    serve(stream, *hello);
  else
    check(stream, *hello);
  ::_exit(kChildDone);
}

}  // namespace postern::sdk
