// The clock of verbs on files: --now SECONDS fixes it, for all of them (contracts.md, "Command line").
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>

#include "base/clock.hpp"

namespace postern::cli {

/// An option of seconds since 1970.
void add_clock(CLI::App& verb, const char* names, std::optional<std::int64_t>& seconds, const char* about);
/// --now for a verb in which no clock matters, so that whoever drives them all need not know which.
void accept_clock(CLI::App& verb);
[[nodiscard]] WallTime time_or_now(std::optional<std::int64_t> seconds);

}  // namespace postern::cli
