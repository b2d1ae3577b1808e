// An intruder in the gate or in the keeper: enters exactly the confinement that the configuration gives that process, then tries one thing.
//
//   confinement_probe gate|keeper|none CONFIG ATTEMPT [ARGUMENT]
//
// Ends with 0 and "done" when it worked, with 1 and the reason when it was refused; some attempts end it by SIGSYS. "none" tries without
// confinement, to show that the attempt itself is possible here.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "config/load.hpp"
#include "confine/confinement.hpp"

namespace {

using namespace postern;
using Attempt = std::function<bool(const std::string&)>;  // whether it worked; errno otherwise

bool opens(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  char byte = 0;
  return fd >= 0 && ((flags & O_ACCMODE) != O_RDONLY || ::read(fd, &byte, 1) >= 0 || errno == EISDIR ||
                     errno == EIO);  // EIO: nothing is at address 0 of a process, but one may look
}

sockaddr_in local(const std::string& port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port.c_str())));
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return out;
}

bool connects(const std::string& port) {
  const sockaddr_in to = local(port);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  return fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
}
bool binds(const std::string& port) {
  const sockaddr_in at = local(port);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  return fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
}

bool reads_memory(const std::string& pid) {
  char byte = 0;
  iovec mine{&byte, 1}, theirs{reinterpret_cast<void*>(0x400000), 1};
  const ssize_t got = ::process_vm_readv(std::atoi(pid.c_str()), &mine, 1, &theirs, 1, 0);
  return got >= 0 || errno == EFAULT;  // the address is not there, the permission is
}

bool traces(const std::string& pid) { return ::ptrace(PTRACE_SEIZE, std::atoi(pid.c_str()), nullptr, nullptr) == 0; }

bool runs_program(const std::string& path) {
  ::execl(path.c_str(), path.c_str(), "-c", "exit 0", nullptr);  // done: what it runs ends with 0
  return false;
}

bool makes_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  return child > 0;
}

bool runs_what_it_wrote() {
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page != MAP_FAILED && ::mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}

bool regains_root() {
  const uid_t before = ::geteuid();
  return ::setresuid(before == 0 ? 65534 : 0, 0, 0) == 0;
}

bool in_a_thread() {
  bool worked = false;
  std::thread([&] { worked = true; }).join();
  return worked;
}

const std::map<std::string, Attempt>& attempts() {
  static const std::map<std::string, Attempt> all{
      {"nothing", [](const std::string&) { return true; }},
      {"thread", [](const std::string&) { return in_a_thread(); }},
      {"read", [](const std::string& path) { return opens(path, O_RDONLY); }},
      {"write", [](const std::string& path) { return opens(path, O_WRONLY); }},
      {"create", [](const std::string& path) { return opens(path, O_WRONLY | O_CREAT); }},
      {"truncate", [](const std::string& path) { return ::truncate(path.c_str(), 0) == 0; }},
      {"rename", [](const std::string& path) { return ::rename(path.c_str(), (path + ".gone").c_str()) == 0; }},
      {"ptrace", traces},
      {"process_vm_readv", reads_memory},
      {"signal", [](const std::string& pid) { return ::kill(std::atoi(pid.c_str()), 0) == 0; }},
      {"kill", [](const std::string& pid) { return ::kill(std::atoi(pid.c_str()), SIGKILL) == 0; }},
      {"exec", runs_program},
      {"fork", [](const std::string&) { return makes_process(); }},
      {"init_module",
       [](const std::string&) { return ::syscall(SYS_init_module, nullptr, 0, "") == 0 || errno == ENOEXEC || errno == EFAULT; }},
      {"mount", [](const std::string& path) { return ::mount("none", path.c_str(), "tmpfs", 0, nullptr) == 0; }},
      {"unshare", [](const std::string&) { return ::unshare(CLONE_NEWNS) == 0; }},
      {"unshare_user", [](const std::string&) { return ::unshare(CLONE_NEWUSER) == 0; }},
      {"chroot", [](const std::string& path) { return ::chroot(path.c_str()) == 0; }},
      {"bpf", [](const std::string&) { return ::syscall(SYS_bpf, BPF_MAP_CREATE, nullptr, 0) >= 0 || errno == EINVAL || errno == EFAULT; }},
      {"io_uring",
       [](const std::string&) {
         std::array<char, 120> parameters{};
         return ::syscall(SYS_io_uring_setup, 4, parameters.data()) >= 0;
       }},
      {"perf",
       [](const std::string&) {
         perf_event_attr attr{};
         attr.size = sizeof attr;
         return ::syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0) >= 0;
       }},
      {"userfaultfd", [](const std::string&) { return ::syscall(SYS_userfaultfd, O_CLOEXEC) >= 0; }},
      {"keyctl", [](const std::string&) { return ::syscall(SYS_keyctl, 0, -3, 0) >= 0; }},
      {"socket", [](const std::string&) { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0; }},
      {"unix_socket", [](const std::string&) { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }},
      {"raw_socket", [](const std::string&) { return ::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0; }},
      {"packet_socket", [](const std::string&) { return ::socket(AF_PACKET, SOCK_RAW, 0) >= 0; }},
      {"connect", connects},
      {"bind", binds},
      {"write_then_run", [](const std::string&) { return runs_what_it_wrote(); }},
      {"setuid", [](const std::string&) { return regains_root(); }},
      {"dumpable", [](const std::string&) { return ::prctl(PR_SET_DUMPABLE, 1) == 0; }},
      {"core",
       [](const std::string&) {
         const struct rlimit much{RLIM_INFINITY, RLIM_INFINITY};
         return ::setrlimit(RLIMIT_CORE, &much) == 0;
       }},
  };
  return all;
}

int refused(const std::string& why) {
  std::printf("refused: %s\n", why.c_str());
  std::fflush(stdout);
  return 1;
}

int run(const std::string& role, const std::string& path, const Attempt& attempt, const std::string& argument) {
  auto config = config::load(path, config::process_environment());
  if (!config) return refused("configuration: " + config.error().text()) + 1;
  if (role != "none") {
    auto rules = role == "gate" ? confine::gate_rules(*config) : confine::keeper_rules(*config);
    if (!rules) return refused("rules: " + rules.error().text()) + 1;
    if (!config->server.user.empty()) rules->user = confine::find_user(config->server.user).value();
    if (const auto state = confine::enter(*rules); !state) return refused("confinement: " + state.error().text()) + 1;
  }
  errno = 0;
  if (!attempt(argument)) return refused(std::strerror(errno));
  std::puts("done");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto found = argc < 4 ? attempts().end() : attempts().find(argv[3]);
  if (found == attempts().end()) {
    std::fputs("usage: confinement_probe gate|keeper|none CONFIG ATTEMPT [ARGUMENT]\n", stderr);
    return 2;
  }
  return run(argv[1], argv[2], found->second, argc > 4 ? argv[4] : "");
}
