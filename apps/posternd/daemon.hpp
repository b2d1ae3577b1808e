// What the forms of the daemon share: its configuration, its data directory, its exit statuses. One process (--single), or three: warden,
// gate and keeper, each this program with another role.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "config/load.hpp"
#include "store/data_directory.hpp"
#include "warden/warden.hpp"

namespace postern::daemon {

constexpr int kBadConfiguration = 2;
constexpr int kCannotStart = 5;

/// A configuration with the text it was read from, so that another process reads the same.
struct Configuration {
  std::string path, text;
  config::Loaded loaded;
};
/// NotFound names the path; faults stand in `loaded`.
[[nodiscard]] Result<Configuration> read_configuration(const std::string& option);

/// Level and form; the name of the process in every line.
void configure_log(const config::Config& config, std::string_view process);

/// Takes the lock, brings older directories into the present form, makes the files that operators look for. ports.json is removed: nobody
/// listens yet.
[[nodiscard]] Result<DataDirectory> open_data_directory(const config::Config& config);
/// data_dir/ports.json, renamed into place: its presence means "listening".
[[nodiscard]] Status publish_ports(const config::Config& config, const std::vector<warden::NamedPort>& ports);
void withdraw_ports(const config::Config& config);

/// Everything in this process.
[[nodiscard]] Status run_single(config::Loaded loaded);
/// The warden: until a signal. The exit status.
[[nodiscard]] int run_warden(Configuration configuration);
/// A child of the warden: what it was given stands in descriptors (warden/child.hpp).
[[nodiscard]] Status run_gate(const std::string& path);
[[nodiscard]] Status run_keeper(const std::string& path);
/// Does not come back where all is well: the process is the library's then.
[[nodiscard]] Status run_library(const std::string& path);

}  // namespace postern::daemon
