#include "barrier/storage.hpp"

#include <algorithm>
#include <utility>

#include "barrier/listing.hpp"
#include "base/text.hpp"

namespace postern {
namespace {

constexpr std::size_t kWalkPage = 1000;

Status check_segments(std::string_view path) {
  for (const std::string_view segment : split(path, '/')) {
    if (segment.empty() || segment == "." || segment == "..") {
      return fail(ErrorCode::BadInput, R"(no part of a path between slashes may be empty, "." or "..")", "path");
    }
  }
  return {};
}

Status check_change(const StorageChange& change) {
  POSTERN_CHECK(check_storage_path(change.path));
  if (change.value && change.value->size() > kStorageValue) {
    return fail(ErrorCode::TooLarge, "a stored value may have at most 16 MiB", "value");
  }
  return {};
}

}  // namespace

Status check_storage_path(std::string_view path) {
  if (path.empty()) return fail(ErrorCode::BadInput, "give a path", "path");
  if (path.size() > kStoragePath)
    return fail(ErrorCode::BadInput, "a path may have at most " + std::to_string(kStoragePath) + " bytes", "path");
  if (path.find('\0') != std::string_view::npos) return fail(ErrorCode::BadInput, "a path may not hold a NUL byte", "path");
  return check_segments(path);
}

Status check_storage_prefix(std::string_view prefix) {
  if (prefix.empty()) return {};
  if (!prefix.ends_with('/')) return fail(ErrorCode::BadInput, "the prefix of a list must end in '/'", "path");
  return check_storage_path(prefix.substr(0, prefix.size() - 1));
}

std::string listing_start(std::string_view prefix, std::string_view after) {
  const std::size_t slash = after.find('/');
  std::string start(prefix);
  start += after.substr(0, slash);
  if (slash != std::string_view::npos) start += '0';
  return start;
}

Status Storage::put(std::string path, SecretBytes value) {
  std::vector<StorageChange> changes;
  changes.push_back({std::move(path), std::move(value)});
  return apply(std::move(changes));
}

Status Storage::remove(std::string path) {
  std::vector<StorageChange> changes;
  changes.push_back({std::move(path), std::nullopt});
  return apply(std::move(changes));
}

Result<std::vector<std::string>> Storage::walk(std::string_view prefix) {
  std::vector<std::string> found;
  std::vector<std::string> folders{std::string(prefix)};
  while (!folders.empty()) {
    const std::string folder = std::exchange(folders.back(), {});
    folders.pop_back();
    StoragePage page{.after = {}, .limit = kWalkPage};
    for (bool more = true; more;) {
      POSTERN_TRY(const auto names, list(folder, page));
      for (const std::string& name : names) (name.ends_with('/') ? folders : found).push_back(folder + name);
      more = names.size() == kWalkPage;
      if (more) page.after = names.back();
    }
  }
  std::ranges::sort(found);
  return found;
}

Result<std::optional<SecretBytes>> StorageView::get(std::string_view path) {
  POSTERN_CHECK(check_storage_path(path));  // alone, so that nothing a path says leads out of the view
  return m_below.get(m_prefix + std::string(path));
}

Result<std::vector<std::string>> StorageView::list(std::string_view prefix, const StoragePage& page) {
  POSTERN_CHECK(check_storage_prefix(prefix));
  return m_below.list(m_prefix + std::string(prefix), page);
}

Status StorageView::apply(std::vector<StorageChange> changes) {
  for (StorageChange& change : changes) {
    POSTERN_CHECK(check_storage_path(change.path));
    change.path.insert(0, m_prefix);
  }
  return m_below.apply(std::move(changes));
}

Result<std::optional<SecretBytes>> MemoryStorage::get(std::string_view path) {
  POSTERN_CHECK(check_storage_path(path));
  const std::lock_guard lock(m_mutex);
  const auto found = m_values.find(path);
  if (found == m_values.end()) return std::optional<SecretBytes>();
  return std::optional(found->second.clone());
}

Result<std::vector<std::string>> MemoryStorage::list(std::string_view prefix, const StoragePage& page) {
  const std::lock_guard lock(m_mutex);
  MapCursor cursor(m_values);
  return list_names(cursor, prefix, page);
}

Status MemoryStorage::apply(std::vector<StorageChange> changes) {
  for (const StorageChange& change : changes) POSTERN_CHECK(check_change(change));
  const std::lock_guard lock(m_mutex);
  for (StorageChange& change : changes) {
    if (change.value) {
      m_values.insert_or_assign(std::move(change.path), *std::move(change.value));
    } else {
      m_values.erase(change.path);
    }
  }
  return {};
}

}  // namespace postern
