// The process of a vendor's X.400 library in the daemon's own form of three processes: confined by the settings, then handed to the
// library.
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "role.hpp"
#include "sdk/child.hpp"
#include "warden/child.hpp"

namespace postern::daemon {
namespace {

/// What the library needs is said over its channel. It sees no setting, and its home is the folder that is its own.
void settle_environment(const std::string& home) {
  std::vector<std::string> names;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view entry = *at;
    if (entry.starts_with("POSTERN_") || entry.starts_with("X400_")) names.emplace_back(entry.substr(0, entry.find('=')));
  }
  for (const auto& name : names) ::unsetenv(name.c_str());
  for (const char* name : {"HOME", "TMPDIR"}) ::setenv(name, home.c_str(), 1);
}

/// Channel, output, errors: in the order in which the warden places them (warden/library_ward.cpp).
constexpr int kChannel = warden::kFirstSocketDescriptor, kOutput = kChannel + 1, kErrors = kChannel + 2;

bool take_outputs() noexcept {
  const std::array<std::array<int, 2>, 2> both{{{kOutput, STDOUT_FILENO}, {kErrors, STDERR_FILENO}}};
  for (const auto& [from, to] : both)
    if (::dup2(from, to) < 0) return false;
  return ::close(warden::kControlDescriptor) == 0;
}

}  // namespace

Status run_library(const std::string& path) {
  POSTERN_TRY(const auto loaded, begin_role(path, "library"));
  POSTERN_TRY(const auto rules, confine::library_rules(loaded.config));
  const std::string home = loaded.config.in_data_dir("library");
  if (::chdir(home.c_str()) != 0)
    return fail(ErrorCode::Unavailable, "cannot enter " + home + "; check its permissions");  // no call of later
  POSTERN_TRY(const confine::State state, enter_role(loaded.config, rules));
  settle_environment(home);
  if (!take_outputs()) return fail(ErrorCode::Internal, "the descriptors of the warden are not in their places");
  sdk::run_child(kChannel);
}

}  // namespace postern::daemon
