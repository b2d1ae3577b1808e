// The data directory as a whole: whose lock it is, which folders it has, and how an older one becomes the present form.
//
//   data_dir/            lock, admin.token, ca.pem, ports.json: where operators and tools look
//   data_dir/mail/       the gate's: database, spool/
//   data_dir/keeper/     the keeper's: engine.db, engine.token, engine.recovery, a root key file
//   data_dir/audit/      the keeper's: audit lines of the key engine
//
// Landlock can allow a folder only as a whole, so that what one process may not see needs a folder of its own.
#pragma once

#include <sys/types.h>

#include <string>

#include "store/private_directory.hpp"

namespace postern {

struct DataLayout {
  std::filesystem::path data_dir;
  std::string mail_database = "postern.db";  ///< As the setting names it: moved when it is a name alone.
  std::string root_key;                      ///< The same of a root key file; empty: none.
};

class DataDirectory {
 public:
  /// Takes the lock, makes the folders, moves what an older version left in data_dir itself into them: renames in a fixed order, each
  /// durable before the daemon goes on, so that a start after a power cut finishes them. Conflict when another process has the directory,
  /// or when a file is there in both places (an older version ran in between); nothing is overwritten.
  [[nodiscard]] static Result<DataDirectory> open(const DataLayout& layout);

  /// What belongs to root in it belongs to that user from now on. Needs root.
  [[nodiscard]] Status give_to(uid_t user, gid_t group) const;

 private:
  DataDirectory(std::filesystem::path path, FileLock lock) : m_path(std::move(path)), m_lock(std::move(lock)) {}
  std::filesystem::path m_path;
  FileLock m_lock;
};

}  // namespace postern
