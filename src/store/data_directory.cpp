#include "store/data_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "store/segment_file.hpp"

namespace postern {
namespace {

namespace fs = std::filesystem;

constexpr auto kChildrenEnd = std::chrono::seconds(5);

struct Move {
  fs::path from, to;
};

/// A name alone: a path with folders was the operator's choice and stays.
bool is_name(const std::string& path) { return !path.empty() && path.find('/') == std::string::npos && path != "." && path != ".."; }

/// The logs of a database first: it is never found without them.
std::vector<Move> moves_of(const DataLayout& layout) {
  const fs::path& root = layout.data_dir;
  std::vector<Move> out;
  const auto add = [&](const char* folder, const std::string& name) { out.push_back({root / name, root / folder / name}); };
  for (const char* suffix : {"-wal", "-shm", ""}) {
    if (is_name(layout.mail_database)) add("mail", layout.mail_database + suffix);
  }
  add("mail", "spool");
  for (const char* name : {"engine.db-wal", "engine.db-shm", "engine.db", "engine.token", "engine.recovery"}) add("keeper", name);
  if (is_name(layout.root_key)) add("keeper", layout.root_key);
  return out;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

Result<bool> carry_out(const Move& move) {
  if (!is_there(move.from)) return false;
  if (is_there(move.to))
    return fail(ErrorCode::Conflict,
                move.from.string() + " and " + move.to.string() +
                    " are both there; an older version ran after the newer one: keep the one that is right and move the other away",
                "storage.data_dir");
  std::error_code error;
  fs::rename(move.from, move.to, error);
  if (error) return fail(ErrorCode::Unavailable, "cannot move " + move.from.string() + ": " + error.message(), "storage.data_dir");
  return true;
}

Status move_into_place(const DataLayout& layout) {
  std::size_t moved = 0;
  for (const Move& move : moves_of(layout)) {
    POSTERN_TRY(const bool done, carry_out(move));
    moved += done ? 1 : 0;
  }
  if (moved == 0) return {};
  std::error_code ignored;
  fs::remove(layout.data_dir / "engine.db.lock", ignored);
  for (const char* folder : {"mail", "keeper", ""}) POSTERN_CHECK(sync_directory(layout.data_dir / folder));
  log::info("data_dir.moved", {{"files", moved}, {"into", "mail/ and keeper/, so that each process sees its own only"}});
  return {};
}

/// Children of a warden that was killed end a moment after it: the kernel sees to that, so it is worth waiting for.
Status wait_for_children(const fs::path& root) {
  for (const char* name : {"mail/lock", "keeper/lock", "keeper/engine.db.lock"}) {
    const auto deadline = std::chrono::steady_clock::now() + kChildrenEnd;
    Result<FileLock> lock = FileLock::take(root / name, root.string());
    while (!lock && lock.error().code == ErrorCode::Conflict && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      lock = FileLock::take(root / name, root.string());
    }
    if (!lock) return fail(std::move(lock).error());
  }
  return {};
}

Status give(const fs::path& path, uid_t user, gid_t group) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return {};  // a temporary file that has gone
  if (info.st_uid != 0 || ::lchown(path.c_str(), user, group) == 0) return {};
  return fail(ErrorCode::Denied, "cannot give " + path.string() + " to the daemon's user: " + std::strerror(errno), "server.user");
}

}  // namespace

Result<DataDirectory> DataDirectory::open(const DataLayout& layout) {
  POSTERN_CHECK(make_private_directory(layout.data_dir));
  POSTERN_TRY(FileLock lock, FileLock::take(layout.data_dir / "lock", layout.data_dir.string()));
  for (const char* folder : {"mail", "keeper", "audit"}) POSTERN_CHECK(make_private_directory(layout.data_dir / folder));
  POSTERN_CHECK(wait_for_children(layout.data_dir));
  POSTERN_CHECK(move_into_place(layout));
  return DataDirectory(layout.data_dir, std::move(lock));
}

Status DataDirectory::give_to(uid_t user, gid_t group) const {
  POSTERN_CHECK(give(m_path, user, group));
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(m_path, error); !error && at != fs::recursive_directory_iterator(); at.increment(error))
    POSTERN_CHECK(give(at->path(), user, group));
  if (error) return fail(ErrorCode::Unavailable, m_path.string() + ": " + error.message(), "storage.data_dir");
  return {};
}

}  // namespace postern
