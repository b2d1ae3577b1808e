#include "vault/purge.hpp"

namespace postern::vault {
namespace {

constexpr std::size_t kStep = 256;

// Up to `most` paths below `prefix`, deepest first to be found; recursion is as deep as a path has segments (kStoragePath / 2).
Status collect(Storage& storage, const std::string& prefix, std::size_t most, std::vector<StorageChange>& out) {
  StoragePage page{.after = {}, .limit = kStep};
  for (;;) {
    POSTERN_TRY(const std::vector<std::string> names, storage.list(prefix, page));
    for (const std::string& name : names) {
      if (out.size() >= most) return {};
      if (name.ends_with('/')) {
        POSTERN_CHECK(collect(storage, prefix + name, most, out));
      } else {
        out.push_back({prefix + name, std::nullopt});
      }
    }
    if (names.size() < page.limit) return {};
    page.after = names.back();
  }
}

}  // namespace

Result<bool> purge_step(Storage& storage, const std::string& prefix, std::size_t most) {
  std::vector<StorageChange> removals;
  POSTERN_CHECK(collect(storage, prefix, most, removals));
  const bool more = removals.size() >= most;
  if (!removals.empty()) POSTERN_CHECK(storage.apply(std::move(removals)));
  return more;
}

Status purge(Storage& storage, const std::string& prefix) {
  for (;;) {
    POSTERN_TRY(const bool more, purge_step(storage, prefix, kStep));
    if (!more) return {};
  }
}

}  // namespace postern::vault
