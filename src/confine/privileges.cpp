#include "confine/privileges.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace postern::confine {
namespace {

Error refused(std::string_view what) {
  return {ErrorCode::Denied, "the kernel refuses to " + std::string(what) + ": " + std::strerror(errno), {}};
}

std::uint64_t bit(int capability) noexcept { return 1ULL << static_cast<unsigned>(capability); }

std::uint64_t kept_by(KeepCapability keep) noexcept {
  switch (keep) {
    case KeepCapability::None: return 0;
    case KeepCapability::BindLowPorts: return bit(CAP_NET_BIND_SERVICE);
    case KeepCapability::WardenOnly:
      // What its children need must pass through it: their bounding set is within its own.
      return bit(CAP_NET_BIND_SERVICE) | bit(CAP_SETUID) | bit(CAP_SETGID) | bit(CAP_SETPCAP) | bit(CAP_KILL) | bit(CAP_CHOWN) |
             bit(CAP_DAC_OVERRIDE) | bit(CAP_FOWNER) | bit(CAP_IPC_LOCK);
  }
  return 0;
}

using CapabilityData = std::array<__user_cap_data_struct, 2>;

bool get_capabilities(CapabilityData& data) noexcept {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return ::syscall(SYS_capget, &header, data.data()) == 0;
}
bool set_capabilities(const CapabilityData& data) noexcept {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return ::syscall(SYS_capset, &header, data.data()) == 0;
}

}  // namespace

Result<User> find_user(const std::string& name) {
  errno = 0;
  const struct passwd* found = ::getpwnam(name.c_str());
  if (found == nullptr)
    return fail(ErrorCode::NotFound, "there is no user " + name + " on this host; make one, or leave the setting empty", "server.user");
  if (found->pw_uid == 0)
    return fail(ErrorCode::BadInput, "root is what the daemon gives up; name another user, or leave it empty", "server.user");
  return User{found->pw_uid, found->pw_gid, name};
}

Status become(const User& user) {
  if (::setgroups(0, nullptr) != 0) return fail(refused("leave the groups of root"));
  if (::setresgid(user.gid, user.gid, user.gid) != 0) return fail(refused("take the group of " + user.name));
  (void)::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);  // drop_capabilities() decides what is left of them
  if (::setresuid(user.uid, user.uid, user.uid) != 0) return fail(refused("become " + user.name));
  (void)::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
  if (::setresuid(0, 0, 0) == 0) return fail(ErrorCode::Internal, "root came back after it was given up");
  return {};
}

namespace {

/// Without CAP_SETPCAP the bounding set stays; no_new_privs then sees to it that it is of no use.
void shrink_bounding_set(std::uint64_t kept) noexcept {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (capability < 64 && (kept & bit(capability)) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return;
  }
}

}  // namespace

Status drop_capabilities(KeepCapability keep) {
  const std::uint64_t kept = kept_by(keep);
  // What the warden was given for its children (AmbientCapabilities of a unit) passes through it.
  const bool pass_on = keep == KeepCapability::WardenOnly;
  if (!pass_on) (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  CapabilityData data{};
  if (!get_capabilities(data)) return fail(refused("tell its capabilities"));
  for (auto& half : data) half.effective = half.permitted;  // a change of user has taken the effective ones
  if (!set_capabilities(data)) return fail(refused("use its capabilities"));
  shrink_bounding_set(kept);
  for (std::size_t i = 0; i < data.size(); ++i) {
    const auto mask = static_cast<std::uint32_t>(kept >> (32 * i));
    data[i].permitted &= mask;
    data[i].effective = data[i].permitted;
    data[i].inheritable = pass_on ? data[i].inheritable & mask : 0;
  }
  if (!set_capabilities(data)) return fail(refused("give up capabilities"));
  return {};
}

void forbid_inspection() noexcept {
  (void)::prctl(PR_SET_DUMPABLE, 0);
  const struct rlimit none{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
}

void raise_file_limit() noexcept {
  struct rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &files);
}

std::optional<std::string> lock_all_memory() noexcept {
  struct rlimit limit{};
  (void)::getrlimit(RLIMIT_MEMLOCK, &limit);
  // With an end, MCL_FUTURE would make later allocations fail instead of staying unlocked.
  if (limit.rlim_cur == RLIM_INFINITY && ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) return std::nullopt;
  return "RLIMIT_MEMLOCK has an end (LimitMEMLOCK=infinity in a unit, ulimit -l unlimited): secrets are locked, but other memory may be "
         "swapped out";
}

bool end_with_parent(pid_t parent) noexcept {
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return ::getppid() == parent;
}

void close_from(int first) noexcept {
  if (::syscall(SYS_close_range, static_cast<unsigned>(first), ~0U, 0U) == 0) return;
  const long limit = std::min(::sysconf(_SC_OPEN_MAX), 65536L);
  for (long fd = first; fd < limit; ++fd) ::close(static_cast<int>(fd));
}

std::vector<std::string> pick_environment(const char* const* environment, const std::vector<std::string>& names,
                                          const std::vector<std::string>& prefixes) {
  std::vector<std::string> out;
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    const std::string_view name = entry.substr(0, entry.find('='));
    const bool named = std::ranges::find(names, name) != names.end();
    const bool begun = std::ranges::any_of(prefixes, [&](const std::string& prefix) { return name.substr(0, prefix.size()) == prefix; });
    if (named || begun) out.emplace_back(entry);
  }
  return out;
}

}  // namespace postern::confine
