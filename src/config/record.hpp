// A file beside postern.toml that is one table of settings, by the same rules: a profile of X.400.
#pragma once

#include <algorithm>

#include "base/text.hpp"
#include "config/settings.hpp"

namespace postern::config {

/// A setting as it stands in the file.
struct Given {
  std::string name;
  Value value;
  std::size_t line = 0;
};
/// Every setting of the text. Errors name source and line.
[[nodiscard]] Result<std::vector<Given>> read_table(std::string_view toml, std::string_view source, std::size_t limit);

[[nodiscard]] Error fault_in(std::string_view source, const Given& given, std::string what);

/// As a record. BadInput names source, line and setting, and for an unknown one the nearest.
template <class T>
[[nodiscard]] Result<T> read_record(std::string_view toml, std::string_view source, const std::vector<Row<T>>& rows, std::size_t limit) {
  POSTERN_TRY(const std::vector<Given> all, read_table(toml, source, limit));
  std::vector<std::string_view> known;
  for (const Row<T>& row : rows) known.push_back(row.name);
  T out;
  for (const Given& given : all) {
    const auto row = std::ranges::find(rows, given.name, &Row<T>::name);
    if (row == rows.end()) {
      const std::string_view near = nearest(given.name, known);
      return fail(
          fault_in(source, given, near.empty() ? "is not known here" : "is not known here; did you mean " + std::string(near) + "?"));
    }
    if (const Status set = row->set(out, given.value); !set) return fail(fault_in(source, given, set.error().what));
  }
  return out;
}

}  // namespace postern::config
