// What the micro benchmarks share: processor time, medians, alternation.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace postern::bench {

/// Of this thread, so that what else the machine does counts as little as possible.
inline double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().text().c_str());
    std::exit(2);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

inline void must(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "%s failed\n", what);
  std::exit(2);
}

/// Processor seconds of one call of `work`, over as many calls as fill `seconds`.
inline double cost(const std::function<void()>& work, double seconds) {
  std::size_t calls = 0;
  const double begun = cpu_seconds();
  double used = 0;
  do {
    for (int i = 0; i < 16; ++i) work();
    calls += 16;
    used = cpu_seconds() - begun;
  } while (used < seconds);
  return used / static_cast<double>(calls);
}

/// What a benchmark of one size takes from its command line.
struct RunOptions {
  std::size_t size = 0, alternations = 7;
  double seconds = 0.3;  ///< Of one measurement.
};

/// --size B, --alternations N, --seconds S over `defaults`; ends the program with status 2 on anything else.
inline RunOptions read_options(int argc, char** argv, RunOptions defaults) {
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (value != nullptr && name == "--size") {
      defaults.size = std::strtoull(value, nullptr, 10);
    } else if (value != nullptr && name == "--alternations") {
      defaults.alternations = std::max(1ULL, std::strtoull(value, nullptr, 10));
    } else if (value != nullptr && name == "--seconds") {
      defaults.seconds = std::strtod(value, nullptr);
    } else {
      std::fprintf(stderr, "usage: %s [--size B] [--alternations N] [--seconds S]\n", argv[0]);
      std::exit(2);
    }
  }
  return defaults;
}

struct Spread {
  double median = 0, least = 0, most = 0;
  [[nodiscard]] std::string text(const char* format) const {
    char one[64], out[224];
    const auto number = [&](double value) { return std::snprintf(one, sizeof one, format, value), std::string(one); };
    std::snprintf(out, sizeof out, "%s (%s-%s)", number(median).c_str(), number(least).c_str(), number(most).c_str());
    return out;
  }
};

inline Spread spread(std::vector<double> values) {
  std::ranges::sort(values);
  return {values[values.size() / 2], values.front(), values.back()};
}

/// The ratio of each pair from the same alternation.
inline Spread ratio(const std::vector<double>& above, const std::vector<double>& below) {
  std::vector<double> out;
  for (std::size_t i = 0; i < above.size(); ++i) out.push_back(above[i] / below[i]);
  return spread(std::move(out));
}

}  // namespace postern::bench
