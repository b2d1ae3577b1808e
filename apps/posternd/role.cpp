#include "role.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.hpp"
#include "warden/child.hpp"

namespace postern::daemon {

Result<config::Loaded> begin_role(const std::string& path, const std::string& process) {
  (void)::prctl(PR_SET_NAME, ("posternd-" + process).substr(0, 15).c_str());
  POSTERN_TRY(const std::string text, warden::read_payload());
  ::close(warden::kPayloadDescriptor);
  auto loaded = config::parse(text, path, config::process_environment());
  // The warden has looked at all of it, with an environment that has more; so this one must be whole too.
  if (!loaded.faults.empty()) return fail(loaded.faults.front());
  configure_log(loaded.config, process);
  return loaded;
}

Result<confine::State> enter_role(const config::Config& config, confine::Rules rules) {
  const pid_t warden = ::getppid();
  if (!config.server.user.empty() && ::geteuid() == 0) {
    POSTERN_TRY(rules.user, confine::find_user(config.server.user));
  }
  rules.enforced = config.server.confinement == "on";
  POSTERN_TRY(const confine::State state, confine::enter(rules));
  // Again: the kernel forgets it when a process changes its user.
  if (!confine::end_with_parent(warden)) return fail(ErrorCode::Unavailable, "the warden has ended");
  confine::log_state(state);
  return state;
}

}  // namespace postern::daemon
