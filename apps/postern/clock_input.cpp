#include "clock_input.hpp"

#include <chrono>

namespace postern::cli {
namespace {

constexpr std::int64_t kLatest = 253'402'300'799;  // the end of the year 9999

}  // namespace

void add_clock(CLI::App& verb, const char* names, std::optional<std::int64_t>& seconds, const char* about) {
  verb.add_option(names, seconds, about)->check(CLI::Range(std::int64_t{0}, kLatest));
}

void accept_clock(CLI::App& verb) {
  const auto take = [](const std::int64_t&) {};
  verb.add_option_function<std::int64_t>("--now", take, "The time (seconds since 1970); nothing here depends on it")
      ->check(CLI::Range(std::int64_t{0}, kLatest));
}

WallTime time_or_now(std::optional<std::int64_t> seconds) {
  return seconds ? WallTime(std::chrono::seconds(*seconds)) : SystemClock().now();
}

}  // namespace postern::cli
