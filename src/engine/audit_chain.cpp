#include "engine/audit_chain.hpp"

#include <filesystem>

#include "store/audit_log.hpp"

namespace postern::engine {
namespace {

/// Files change rarely; a file that came again after so many blocks of others is counted from its beginning.
constexpr std::size_t kAmong = 1000;

Result<std::optional<AuditBlock>> newest_block(SqliteSealedStore& store, const std::string& name) {
  std::optional<AuditBlock> out;
  POSTERN_CHECK(store.writer().transact([&](Database& database) -> Status {
    const auto is_of_file = [&](const AuditRecord& record) {
      auto block = block_of(record);
      const bool fits = block && block->file == name;
      if (fits) out = *std::move(block);
      return fits;
    };
    POSTERN_CHECK(newest_audit(database, kAuditBlockKind, kAmong, is_of_file));
    return {};
  }));
  return out;
}

}  // namespace

BlockPort chain_port(std::weak_ptr<SqliteSealedStore> store) {
  return [store = std::move(store)](const AuditRecord& record) -> Status {
    const auto open = store.lock();  // a recorder's thread that hung in a dead disk may come back late
    if (!open) return fail(ErrorCode::Unavailable, "the engine's database is closed");
    return open->writer().transact_with_audit([&](WriteContext& context) { return context.audit.append(context.database, record); });
  };
}

Status chain_file(RecorderPlan& plan, const std::string& name, SqliteSealedStore& store) {
  auto& file = std::get<FileOptions>(plan.sink);
  std::error_code ignored;
  const auto type = std::filesystem::status(file.path, ignored).type();
  const bool regular = type == std::filesystem::file_type::regular || type == std::filesystem::file_type::not_found;
  if (!regular || file.path[0] != '/') {
    return fail(ErrorCode::BadInput, "is no regular file and cannot be chained; for a pipe or device set engine.audit.chain = false");
  }
  BlockOptions blocks;
  blocks.longest = std::chrono::seconds(5);
  blocks.name = name;
  POSTERN_TRY(blocks.known, newest_block(store, name));
  file.blocks = std::move(blocks);
  return {};
}

}  // namespace postern::engine
