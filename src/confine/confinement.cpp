#include "confine/confinement.hpp"

#include <dirent.h>
#include <unistd.h>

#include "base/log.hpp"
#include "base/secret_arena.hpp"

namespace postern::confine {
namespace {

bool alone() noexcept {
  DIR* folder = ::opendir("/proc/self/task");
  if (folder == nullptr) return true;  // no /proc: nothing to go by
  int threads = 0;
  while (const dirent* entry = ::readdir(folder)) threads += entry->d_name[0] != '.' ? 1 : 0;
  ::closedir(folder);
  return threads == 1;
}

/// Filled now, so that a process whose list forbids something still has its first pages.
bool has_secret_pages() {
  secret_arena::release(secret_arena::allocate(32), 32);
  return secret_arena::stats().secret_bytes != 0;
}

void add(std::vector<std::string>& list, std::string text) { list.push_back(std::move(text)); }

Status give_up_user(const Rules& rules, State& state) {
  if (rules.user) {
    POSTERN_CHECK(become(*rules.user));
    state.user = rules.user->name;
    return {};
  }
  if (::geteuid() == 0) add(state.missing, "it runs as root, without its capabilities; give server.user the name of a user of its own");
  return {};
}

Status confine_reach(const Rules& rules, State& state) {
  state.landlock_abi = landlock_abi();
  POSTERN_TRY(auto missing, restrict_with_landlock(rules.reach, state.landlock_abi));
  state.missing.insert(state.missing.end(), missing.begin(), missing.end());
  const Status listed = restrict_system_calls(rules.calls);
  state.system_calls = listed.has_value();
  if (!listed) add(state.missing, listed.error().text());
  return {};
}

}  // namespace

std::string describe(const State& state) {
  std::string out = "landlock=" + (state.landlock_abi > 0 ? std::to_string(state.landlock_abi) : std::string("none"));
  out += state.system_calls ? " calls=listed" : " calls=any";
  out += state.memory_locked ? " memory=locked" : " memory=usual";
  out += state.secret_pages ? " secrets=memfd_secret" : " secrets=locked";
  if (!state.user.empty()) out += " user=" + state.user;
  return out;
}

std::string report(const State& state) {
  std::string out = describe(state);
  for (const auto& text : state.missing) out += "\n" + text;
  for (const auto& text : state.opened) out += "\n" + text;
  return out;
}

void log_state(const State& state) {
  log::info("confine.in_force", {{"what", describe(state)}});
  for (const auto& text : state.missing) log::warn("confine.missing", {{"text", text}});
  for (const auto& text : state.opened) log::warn("confine.opened", {{"text", text}});
}

Result<State> enter(const Rules& rules) {
  if (!alone()) return fail(ErrorCode::Internal, "confinement begins before the first thread, and this process has several");
  State state;
  state.process = rules.process;
  state.opened = rules.opened;
  POSTERN_CHECK(drop_capabilities(rules.user ? KeepCapability::WardenOnly : rules.capability));
  POSTERN_CHECK(give_up_user(rules, state));
  if (rules.user) POSTERN_CHECK(drop_capabilities(rules.capability));
  forbid_inspection();  // after the change of user, which undoes it
  raise_file_limit();
  if (rules.lock_memory) {
    auto missing = lock_all_memory();
    state.memory_locked = !missing;
    if (missing) add(state.missing, *std::move(missing));
  }
  state.secret_pages = has_secret_pages();
  if (!state.secret_pages)
    add(state.missing, "the kernel has no memfd_secret (Linux 5.14, boot option secretmem.enable): secrets lie in locked memory");
  if (rules.enforced) POSTERN_CHECK(confine_reach(rules, state));
  if (!rules.enforced) add(state.missing, "server.confinement is off: files, ports and system calls are not confined");
  return state;
}

}  // namespace postern::confine
