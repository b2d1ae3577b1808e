// Reads postern.toml and the environment into a Config, and writes a Config and the reference manual back as text.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"

namespace postern::config {

/// The environment as a value, so that tests can give their own.
using Environment = std::map<std::string, std::string>;
[[nodiscard]] Environment process_environment();

/// Parses TOML text. Every fault is found, not only the first: one Error per fault, each naming file, line and setting, and for an
/// unknown setting the nearest known one. `POSTERN_SECTION__KEY` in `environment` overrides a scalar setting; an override
/// that names no setting is a fault too. Checks that need more than one setting (a required address, say) come last.
struct Loaded {
  Config config;
  std::vector<Error> faults;
  std::vector<std::string> warnings;  ///< Legal, but not what a secure installation looks like.
};
[[nodiscard]] Loaded parse(std::string_view toml, std::string_view source, const Environment& environment);

/// The first of `explicit_path`, $POSTERN_CONFIG, ./postern.toml, /etc/postern/postern.toml; NotFound names what was tried.
[[nodiscard]] Result<std::string> find_config(std::string_view explicit_path, const Environment& environment);
/// Reads and parses; the first fault is the error, with the number of further ones.
[[nodiscard]] Result<Config> load(const std::string& path, const Environment& environment);

/// The effective configuration as TOML, defaults included. Holds no secret: secrets are references.
[[nodiscard]] std::string show(const Config& config);
/// The reference manual of all settings as Markdown.
[[nodiscard]] std::string reference();

}  // namespace postern::config
