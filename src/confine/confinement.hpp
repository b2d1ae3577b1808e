// One process confined as a whole: what it may still do, put in force in one call, and what became of it.
//
//   POSTERN_TRY(const auto state, confine::enter(confine::keeper_rules(config)));      // first thing in main, before any thread
//
// Order: user, capabilities, inspection, Landlock, system calls. What the kernel does not offer is left out and stands in State::missing;
// what it offers and refuses is an error, and the process must not go on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "confine/landlock.hpp"
#include "confine/privileges.hpp"
#include "confine/seccomp.hpp"

namespace postern::confine {

struct Rules {
  std::string process;  ///< "gate", "keeper", "library": for logs and status.
  LandlockRules reach;
  SystemCalls calls;
  KeepCapability capability = KeepCapability::None;
  std::optional<User> user;         ///< Who the process becomes; none: stays.
  bool lock_memory = false;         ///< All of it, where the limit allows.
  bool enforced = true;             ///< False: user, capabilities and inspection only (server.confinement = "off").
  std::vector<std::string> opened;  ///< What settings opened beyond the usual, one sentence each.
};

struct State {
  std::string process;
  std::string user;      ///< Empty: the one that started it.
  int landlock_abi = 0;  ///< 0: not in force.
  bool system_calls = false;
  bool memory_locked = false;
  bool secret_pages = false;         ///< memfd_secret serves.
  std::vector<std::string> missing;  ///< What this machine could not do.
  std::vector<std::string> opened;   ///< As in Rules.
};

/// "landlock=7 calls=listed memory=locked secrets=memfd_secret user=postern": for logs and status.
[[nodiscard]] std::string describe(const State& state);
/// The same and, a line each, what is missing and what was opened: how a process tells the others.
[[nodiscard]] std::string report(const State& state);
/// One line that says what is in force, and a warning for each thing that is missing or opened.
void log_state(const State& state);

/// Before any thread exists: Internal otherwise, since a thread that runs already would stay free.
[[nodiscard]] Result<State> enter(const Rules& rules);

/// What the gate needs by its settings: sockets, its ports, mail/, the files that settings name; never keeper/, audit/ or the root key.
[[nodiscard]] Result<Rules> gate_rules(const config::Config& config);
/// What the keeper needs: keeper/, audit/, and a socket or a device only if its seal or an audit device is one.
[[nodiscard]] Result<Rules> keeper_rules(const config::Config& config);
/// What a vendor's X.400 library needs (transport.mode "sdk"): its own folder to write, its file, profiles and TLS files to read, TCP to
/// any port (it finds its peers itself) and datagrams; it binds no port.
[[nodiscard]] Result<Rules> library_rules(const config::Config& config);

/// Variables that the process gets: settings, time zone, library paths, and the secrets that its own settings name.
[[nodiscard]] std::vector<std::string> gate_environment(const config::Config& config, const char* const* environment);
[[nodiscard]] std::vector<std::string> keeper_environment(const config::Config& config, const char* const* environment);
/// None of it is a secret.
[[nodiscard]] std::vector<std::string> library_environment(const config::Config& config, const char* const* environment);

}  // namespace postern::confine
