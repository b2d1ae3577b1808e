// What a process can give up without the kernel's newer means: user, capabilities, core files, being looked at, inherited descriptors,
// the environment.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace postern::confine {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};
/// Of the user database. NotFound names the user; BadInput for root, which is no gain.
[[nodiscard]] Result<User> find_user(const std::string& name);

/// User, group and no other groups. Needs root; drop_capabilities() must follow, since permitted capabilities outlive the change.
[[nodiscard]] Status become(const User& user);

enum class KeepCapability { None, BindLowPorts, WardenOnly };
/// All capabilities but the one are gone from every set, the bounding set too, so that no program that is run brings them back.
/// BindLowPorts: CAP_NET_BIND_SERVICE. WardenOnly: what it takes to become other users and to signal them. What the process never had is
/// not given to it.
[[nodiscard]] Status drop_capabilities(KeepCapability keep);

/// No core files, not to be traced or read by processes of the same user (/proc/PID/mem, ptrace, process_vm_readv).
void forbid_inspection() noexcept;
/// The soft limit of open files is the hard one.
void raise_file_limit() noexcept;
/// Everything in locked memory, now and later, if RLIMIT_MEMLOCK has no end; otherwise a sentence about what is missing.
[[nodiscard]] std::optional<std::string> lock_all_memory() noexcept;

/// Ends together with its parent. False when that is gone already (`parent`: its id before the fork).
[[nodiscard]] bool end_with_parent(pid_t parent) noexcept;

/// Closes every descriptor from `first` on.
void close_from(int first) noexcept;

/// The entries "NAME=value" of `environment` whose name is in `names` or begins with one of `prefixes`.
[[nodiscard]] std::vector<std::string> pick_environment(const char* const* environment, const std::vector<std::string>& names,
                                                        const std::vector<std::string>& prefixes);

}  // namespace postern::confine
