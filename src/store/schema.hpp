// The schemas of the two databases, each as a numbered list of migrations: the mail side's (postern.db) and the key engine's (engine.db).
// Both have the tables of the audit chain, which the writer wants. PRAGMA application_id tells them apart.
#pragma once

#include "store/database.hpp"

namespace postern {

enum class Schema { Mail, Engine };

/// The version this build writes (PRAGMA user_version).
[[nodiscard]] int schema_version(Schema schema = Schema::Mail) noexcept;
/// Runs the migrations that are missing, each in its own transaction. Conflict when a newer build has been here, or when it is the other
/// database.
[[nodiscard]] Status migrate(Database& database, Schema schema = Schema::Mail);
/// Whether it is the key engine's.
[[nodiscard]] Result<bool> is_engine_schema(Database& database);

}  // namespace postern
