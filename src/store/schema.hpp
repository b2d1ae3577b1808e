// The schema of the one database, as a numbered list of migrations.
#pragma once

#include "store/database.hpp"

namespace postern {

/// The version this build writes (PRAGMA user_version).
[[nodiscard]] int schema_version() noexcept;
/// Runs the migrations that are missing, each in its own transaction. Conflict when a newer build has been here.
[[nodiscard]] Status migrate(Database& database);

}  // namespace postern
