// The names below a prefix, taken from a sorted set of paths: what every storage's list() does, whatever holds the paths.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "barrier/storage.hpp"

namespace postern {

/// A place in a sorted set of paths. Both calls give the path found there, borrowed until the next call, or nothing at the end.
template <class T>
concept PathCursor = requires(T cursor, std::string_view path) {
  { cursor.seek(path) } -> std::same_as<Result<std::optional<std::string_view>>>;  // the first path that is not before `path`
  { cursor.next() } -> std::same_as<Result<std::optional<std::string_view>>>;      // the one behind the last one given
};

/// BadInput unless empty, or a path and '/'.
[[nodiscard]] Status check_storage_prefix(std::string_view prefix);

/// Where names of `prefix` behind `after` begin. '/' + 1 is '0': the first path that is not below the folder "a/" is at or behind "a0".
[[nodiscard]] std::string listing_start(std::string_view prefix, std::string_view after);

/// As Storage::list(). One seek for each folder, whatever is in it.
template <PathCursor Cursor>
[[nodiscard]] Result<std::vector<std::string>> list_names(Cursor& cursor, std::string_view prefix, const StoragePage& page) {
  POSTERN_CHECK(check_storage_prefix(prefix));
  std::vector<std::string> names;
  POSTERN_TRY(auto path, cursor.seek(listing_start(prefix, page.after)));
  while (path && path->starts_with(prefix) && (page.limit == 0 || names.size() < page.limit)) {
    const std::string_view rest = path->substr(prefix.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos) {
      if (rest > page.after) names.emplace_back(rest);
      POSTERN_TRY(path, cursor.next());
    } else {
      names.emplace_back(rest.substr(0, slash + 1));
      POSTERN_TRY(path, cursor.seek(listing_start(prefix, names.back())));
    }
  }
  return names;
}

/// A cursor over the keys of a std::map<std::string, ..., std::less<>>; the map may not change meanwhile.
template <class Map>
class MapCursor {
 public:
  explicit MapCursor(const Map& map) : m_map(map), m_at(map.end()) {}
  Result<std::optional<std::string_view>> seek(std::string_view path) {
    m_at = m_map.lower_bound(path);
    return here();
  }
  Result<std::optional<std::string_view>> next() {
    ++m_at;
    return here();
  }

 private:
  std::optional<std::string_view> here() const { return m_at == m_map.end() ? std::nullopt : std::optional<std::string_view>(m_at->first); }
  const Map& m_map;
  typename Map::const_iterator m_at;
};

}  // namespace postern
