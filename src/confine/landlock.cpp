#include "confine/landlock.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.hpp"

namespace postern::confine {
namespace {

// linux/landlock.h of the build machine may be older than the kernel that runs us, so the interface stands here.
constexpr std::uint64_t kExecute = 1ULL << 0, kWriteFile = 1ULL << 1, kReadFile = 1ULL << 2, kReadDir = 1ULL << 3, kRemoveDir = 1ULL << 4,
                        kRemoveFile = 1ULL << 5, kMakeDir = 1ULL << 7, kMakeFile = 1ULL << 8, kMakeSocket = 1ULL << 9,
                        kAllOfAbi1 = (1ULL << 13) - 1, kRefer = 1ULL << 13, kTruncate = 1ULL << 14, kDeviceControl = 1ULL << 15;
constexpr std::uint64_t kBindTcp = 1ULL << 0, kConnectTcp = 1ULL << 1;
constexpr std::uint64_t kAbstractSockets = 1ULL << 0, kSignals = 1ULL << 1;
constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kDeviceControl;
constexpr int kRulePath = 1, kRulePort = 2;

struct RulesetAttr {
  std::uint64_t files = 0, network = 0, scoped = 0;
};
struct [[gnu::packed]] PathAttr {
  std::uint64_t allowed;
  std::int32_t parent;
};
struct PortAttr {
  std::uint64_t allowed, port;
};

int create_ruleset(const RulesetAttr* attr, std::size_t size, unsigned flags) noexcept {
  return static_cast<int>(::syscall(SYS_landlock_create_ruleset, attr, size, flags));
}

std::uint64_t rights_of(Access access) noexcept {
  const std::uint64_t read = kReadFile | kReadDir;
  const std::uint64_t append = read | kWriteFile | kTruncate;
  switch (access) {
    case Access::Read: return read;
    case Access::Append: return append;
    case Access::Sockets: return kMakeSocket | kRemoveFile;
    case Access::Write: return append | kRemoveDir | kRemoveFile | kMakeDir | kMakeFile | kRefer;
  }
  return 0;
}

RulesetAttr handled_by(int abi, const LandlockRules& rules) noexcept {
  RulesetAttr out;
  out.files = kAllOfAbi1 | (abi >= 2 ? kRefer : 0) | (abi >= 3 ? kTruncate : 0) | (abi >= 5 ? kDeviceControl : 0);
  out.network = abi >= 4 ? (rules.any_connect_port ? 0 : kConnectTcp) | (rules.any_bind_port ? 0 : kBindTcp) : 0;
  out.scoped = abi >= 6 ? kSignals | (rules.abstract_sockets ? 0 : kAbstractSockets) : 0;
  return out;
}

std::size_t size_for(int abi) noexcept { return abi >= 6 ? 24 : abi >= 4 ? 16 : 8; }

Error refused(const std::string& what) { return {ErrorCode::Unavailable, "Landlock refuses " + what + ": " + std::strerror(errno), {}}; }

Status add_path(int ruleset, const PathRule& rule, std::uint64_t handled) {
  const UniqueFd place(::open(rule.path.c_str(), O_PATH | O_CLOEXEC));
  if (!place && rule.optional && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) return {};
  if (!place) return fail(ErrorCode::NotFound, "cannot open " + rule.path + ": " + std::strerror(errno));
  struct stat info{};
  if (::fstat(place.get(), &info) != 0) return fail(refused(rule.path));
  PathAttr attr{rights_of(rule.access) & handled, place.get()};
  if (!S_ISDIR(info.st_mode)) attr.allowed &= kOfFiles;
  if (::syscall(SYS_landlock_add_rule, ruleset, kRulePath, &attr, 0) != 0) return fail(refused(rule.path));
  return {};
}

Status add_ports(int ruleset, const std::vector<std::uint16_t>& ports, std::uint64_t right) {
  for (const std::uint16_t port : ports) {
    const PortAttr attr{right, port};
    if (::syscall(SYS_landlock_add_rule, ruleset, kRulePort, &attr, 0) != 0) return fail(refused("port " + std::to_string(port)));
  }
  return {};
}

struct Gap {
  int since;
  const char* text;
};
// Linux 5.13 has ABI 1, 5.19 has 2, 6.2 has 3, 6.7 has 4, 6.10 has 5, 6.12 has 6.
constexpr std::array kGaps = {
    Gap{1, "the kernel has no Landlock (Linux 5.13, and landlock in the boot option lsm=): files are guarded by their permissions only"},
    Gap{3, "Landlock of this kernel does not know truncation (Linux 6.2): a file that may be read only could be emptied"},
    Gap{4, "Landlock of this kernel does not know TCP ports (Linux 6.7): connections to any host and port are possible"},
    Gap{6, "Landlock of this kernel does not know signals and abstract sockets (Linux 6.12): abstract sockets are open"},
};

}  // namespace

int landlock_abi() noexcept { return std::max(0, create_ruleset(nullptr, 0, 1)); }

Result<std::vector<std::string>> restrict_with_landlock(const LandlockRules& rules, int abi) {
  std::vector<std::string> missing;
  for (const Gap& gap : kGaps) {
    if (abi < gap.since) missing.emplace_back(gap.text);
    if (abi == 0) break;
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(refused("no_new_privs"));
  if (abi == 0) return missing;
  const RulesetAttr handled = handled_by(abi, rules);
  const UniqueFd ruleset(create_ruleset(&handled, size_for(abi), 0));
  if (!ruleset) return fail(refused("a set of rules"));
  for (const PathRule& rule : rules.paths) POSTERN_CHECK(add_path(ruleset.get(), rule, handled.files));
  if (handled.network != 0) {
    if (!rules.any_bind_port) POSTERN_CHECK(add_ports(ruleset.get(), rules.bind_ports, kBindTcp));
    if (!rules.any_connect_port) POSTERN_CHECK(add_ports(ruleset.get(), rules.connect_ports, kConnectTcp));
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return fail(refused("to confine this process"));
  return missing;
}

}  // namespace postern::confine
