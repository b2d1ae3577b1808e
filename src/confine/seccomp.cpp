#include "confine/seccomp.hpp"

#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>

namespace postern::confine {
namespace {

struct Release {
  void operator()(void* context) const noexcept { ::seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

/// Collects rules; the first that the library refuses is the error.
class Filter {
 public:
  explicit Filter(scmp_filter_ctx context) : m_context(context) {}

  void allow(std::string_view name, const std::vector<scmp_arg_cmp>& arguments = {}) { add(SCMP_ACT_ALLOW, name, arguments); }
  void refuse(std::string_view name, int error) { add(SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), name, {}); }
  void end_process(std::string_view name) { add(SCMP_ACT_KILL_PROCESS, name, {}); }
  [[nodiscard]] int error() const noexcept { return m_error; }

 private:
  void add(std::uint32_t action, std::string_view name, const std::vector<scmp_arg_cmp>& arguments) {
    const int number = ::seccomp_syscall_resolve_name(std::string(name).c_str());
    // Negative: unknown to the library, or not of this architecture.
    if (number < 0 || m_error != 0) return;
    m_error = -::seccomp_rule_add_array(m_context, action, number, static_cast<unsigned>(arguments.size()), arguments.data());
  }
  scmp_filter_ctx m_context;
  int m_error = 0;
};

/// Of an int argument: what stands in the upper half of the register is not the kernel's concern.
scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) { return {argument, SCMP_CMP_MASKED_EQ, mask, value}; }
scmp_arg_cmp is(unsigned argument, std::uint64_t value) { return masked(argument, 0xffffffffU, value); }

/// Memory that is written is not run, and what was written does not become code: libraries are mapped from their files.
void add_memory(Filter& filter) {
  for (const char* name : {"mmap", "mmap2"}) {
    filter.allow(name, {masked(2, PROT_EXEC, 0)});
    filter.allow(name, {masked(2, PROT_WRITE | PROT_EXEC, PROT_EXEC)});
  }
  filter.allow("mprotect", {masked(2, PROT_EXEC, 0)});
}

/// Threads, but no processes and no name spaces. clone3 hides its flags behind a pointer: the C library falls back to clone.
void add_threads(Filter& filter) {
  constexpr std::uint64_t spaces =
      CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  filter.allow("clone", {masked(0, CLONE_THREAD | CLONE_VM | spaces, CLONE_THREAD | CLONE_VM)});
  filter.refuse("clone3", ENOSYS);
}

/// Signals to nobody but itself; what was given up by prctl stays given up.
void add_process(Filter& filter) {
  const auto self = static_cast<std::uint64_t>(::getpid());
  filter.allow("kill", {is(0, self)});
  filter.allow("tgkill", {is(0, self)});
  filter.allow("prlimit64", {is(0, 0)});
  filter.allow("prlimit64", {is(0, self)});
  for (const int option : {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP, PR_CAPBSET_READ,
                           0x53564d41 /* PR_SET_VMA: names for maps */})
    filter.allow("prctl", {is(0, static_cast<std::uint64_t>(option))});
  // It may tie its life to its parent's again, which the kernel forgets when a process changes its user; not untie it.
  filter.allow("prctl", {is(0, PR_SET_PDEATHSIG), is(1, SIGKILL)});
}

void add_controls(Filter& filter, bool sockets) {
  for (const unsigned long request : {FIONBIO, FIONREAD, FIOCLEX, FIONCLEX, FIOASYNC, TCGETS}) filter.allow("ioctl", {is(1, request)});
  if (!sockets) return;
  for (const unsigned long request : {SIOCGIFINDEX, SIOCGIFNAME, SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFCONF, SIOCOUTQ, SIOCATMARK})
    filter.allow("ioctl", {is(1, request)});
}

constexpr std::uint64_t kKindOfSocket = 0xf;  // beside SOCK_NONBLOCK and SOCK_CLOEXEC

void allow_socket(Filter& filter, int family, int kind) {
  filter.allow("socket", {is(0, static_cast<std::uint64_t>(family)), masked(1, kKindOfSocket, static_cast<std::uint64_t>(kind))});
}

void add_sockets(Filter& filter, const SystemCalls& calls) {
  const bool tcp = calls.internet_server || calls.tcp_client;
  const bool udp = calls.internet_server || calls.udp_client;
  const bool local = calls.unix_client || calls.unix_server;
  for (const int family : {AF_INET, AF_INET6}) {
    if (tcp) allow_socket(filter, family, SOCK_STREAM);
    if (udp) allow_socket(filter, family, SOCK_DGRAM);
  }
  if (tcp || udp)  // the C library asks which addresses this host has
    filter.allow("socket", {is(0, AF_NETLINK), is(2, NETLINK_ROUTE)});
  if (local) {
    allow_socket(filter, AF_UNIX, SOCK_STREAM);
    allow_socket(filter, AF_UNIX, SOCK_DGRAM);
  }
  if (!tcp && !udp && !local) return;
  for (const char* name : {"connect", "setsockopt", "sendmmsg", "recvmmsg"}) filter.allow(name);
  if (tcp || udp || calls.unix_server) filter.allow("bind");  // UDP and netlink clients bind too; Landlock knows the ports of TCP
  if (!calls.internet_server && !calls.unix_server) return;
  for (const char* name : {"listen", "accept", "accept4"}) filter.allow(name);
}

Error unavailable(int number) {
  return {ErrorCode::Unavailable, std::string("seccomp refuses the list of system calls: ") + std::strerror(number), {}};
}

}  // namespace

const std::vector<std::string_view>& calls_of_every_process() {
  static const std::vector<std::string_view> names{
      // Files, as far as Landlock and permissions go.
      "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "lseek", "_llseek", "open",
      "openat", "openat2", "creat", "close", "close_range", "stat", "fstat", "lstat", "newfstatat", "stat64", "fstat64", "lstat64",
      "fstatat64", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents", "getdents64", "rename", "renameat",
      "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "link", "linkat", "truncate", "ftruncate", "truncate64",
      "ftruncate64", "fallocate", "fsync", "fdatasync", "sync_file_range", "fadvise64", "fadvise64_64", "readahead", "flock", "fcntl",
      "fcntl64", "dup", "dup2", "dup3", "pipe", "pipe2", "chmod", "fchmod", "fchmodat", "fchmodat2", "fchown", "umask", "utime", "utimes",
      "utimensat", "statfs", "fstatfs", "statfs64", "fstatfs64", "getcwd", "copy_file_range", "sendfile", "sendfile64", "inotify_init1",
      "inotify_add_watch", "inotify_rm_watch",
      // Memory.
      "munmap", "mremap", "brk", "madvise", "mlock", "mlock2", "munlock", "mlockall", "munlockall", "msync", "mincore", "memfd_secret",
      // Threads and time.
      "futex", "futex_time64", "futex_waitv", "set_robust_list", "get_robust_list", "rseq", "set_tid_address", "gettid", "sched_yield",
      "sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_getscheduler", "getcpu", "membarrier", "exit", "exit_group",
      "restart_syscall", "arch_prctl", "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time", "times",
      "timerfd_create", "timerfd_settime", "timerfd_gettime", "alarm", "setitimer", "getitimer",
      // Signals to itself, waiting.
      "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "rt_sigsuspend", "sigreturn", "sigaltstack",
      "signalfd4", "pause", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll",
      "select", "_newselect", "pselect6", "eventfd2",
      // The descriptors it was given.
      "sendto", "recvfrom", "sendmsg", "recvmsg", "shutdown", "getsockopt", "getsockname", "getpeername", "socketpair",
      // About itself and the machine.
      "getpid", "getppid", "getpgrp", "getpgid", "getsid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups",
      "getrusage", "getrlimit", "getpriority", "capget", "uname", "sysinfo", "getrandom"};
  return names;
}

const std::vector<std::string_view>& calls_that_end_the_process() {
  static const std::vector<std::string_view> names{"execve",
                                                   "execveat",
                                                   "ptrace",
                                                   "process_vm_readv",
                                                   "process_vm_writev",
                                                   "process_madvise",
                                                   "pidfd_getfd",
                                                   "init_module",
                                                   "finit_module",
                                                   "delete_module",
                                                   "kexec_load",
                                                   "kexec_file_load",
                                                   "bpf",
                                                   "mount",
                                                   "umount2",
                                                   "pivot_root",
                                                   "chroot",
                                                   "unshare",
                                                   "setns",
                                                   "move_mount",
                                                   "open_tree",
                                                   "fsopen",
                                                   "mount_setattr",
                                                   "userfaultfd",
                                                   "perf_event_open",
                                                   "add_key",
                                                   "request_key",
                                                   "keyctl",
                                                   "open_by_handle_at",
                                                   "reboot",
                                                   "swapon",
                                                   "acct",
                                                   "kcmp",
                                                   "iopl",
                                                   "ioperm"};
  return names;
}

Status restrict_system_calls(const SystemCalls& calls) {
  const Context context(::seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!context) return fail(unavailable(ENOMEM));
  // A binary tree instead of a row of comparisons: every system call pays for it.
  (void)::seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  (void)::seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  Filter filter(context.get());
  for (const auto name : calls_of_every_process()) filter.allow(name);
  for (const auto name : calls_that_end_the_process()) filter.end_process(name);
  add_memory(filter);
  add_threads(filter);
  add_process(filter);
  add_controls(filter, calls.internet_server || calls.tcp_client || calls.udp_client);
  add_sockets(filter, calls);
  if (filter.error() != 0) return fail(unavailable(filter.error()));
  if (const int refused = ::seccomp_load(context.get()); refused != 0) return fail(unavailable(-refused));
  return {};
}

}  // namespace postern::confine
