#include "engine/audit_check.hpp"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>

namespace postern::engine {
namespace {

namespace fs = std::filesystem;

/// The blocks of one file from its creation to its rotation.
using Run = std::vector<AuditBlock>;

bool is_compressed(std::string_view name) {
  return std::ranges::any_of(std::array<std::string_view, 4>{".gz", ".xz", ".zst", ".bz2"}, [&](auto end) { return name.ends_with(end); });
}

bool is_rotated(std::string_view name, std::string_view base) {
  if (!name.starts_with(base) || is_compressed(name)) return false;
  return name.size() == base.size() || name[base.size()] == '.' || name[base.size()] == '-';
}

/// Files with content, in the order in which they were last written.
std::vector<std::string> files_of(const fs::path& file) {
  std::vector<std::pair<fs::file_time_type, std::string>> found;
  std::error_code error;
  for (fs::directory_iterator each(file.parent_path(), error), end; !error && each != end; each.increment(error)) {
    std::error_code ignored;
    const bool ours = is_rotated(each->path().filename().string(), file.filename().string());
    if (ours && each->is_regular_file(ignored) && each->file_size(ignored) > 0)
      found.emplace_back(each->last_write_time(ignored), each->path().string());
  }
  std::ranges::sort(found, {}, [&](const auto& one) { return std::pair(one.second == file.string(), one.first); });  // the live one is last
  std::vector<std::string> out;
  for (auto& [time, path] : found) out.push_back(std::move(path));
  return out;
}

std::uint64_t lines_of(const AuditBlock& block) { return block.last_line - block.first_line + 1; }

/// What the chain says about one file, as far as there are files for it.
class History {
 public:
  explicit History(std::string file) : m_file(std::move(file)), m_files(files_of(m_file)) {
    if (m_files.empty()) m_files.push_back(m_file);  // so that it is missed
  }

  void add(AuditBlock block) {
    if (block.offset == 0 || m_runs.empty()) m_runs.emplace_back();
    m_runs.back().push_back(std::move(block));
    while (m_runs.size() > m_files.size()) drop_run();
  }

  Result<AuditFileVerdict> verdict() && {
    if (newest_has_no_block_yet()) drop_file();
    while (m_runs.size() > m_files.size()) drop_run();
    m_out.file = m_file;
    m_out.read = m_files;
    Run blocks;
    for (Run& run : m_runs) std::ranges::move(run, std::back_inserter(blocks));
    for (const AuditBlock& block : blocks) count(block);
    POSTERN_TRY(m_out.faults, verify_blocks(m_files, blocks));
    take_young(blocks);
    return std::move(m_out);
  }

 private:
  void count(const AuditBlock& block) {
    m_out.lines += lines_of(block);
    if (block.found) m_out.found_lines += lines_of(block);
  }
  void drop_run() {
    for (const AuditBlock& block : m_runs.front()) m_out.absent_lines += lines_of(block);
    m_runs.pop_front();
  }
  void drop_file() {
    std::error_code ignored;
    m_out.young_bytes += fs::file_size(m_files.back(), ignored);
    m_files.pop_back();
  }
  static bool belongs(const std::string& file, const AuditBlock& first) {
    const auto faults = verify_blocks(std::span(&file, 1), std::span(&first, 1));
    return faults && std::ranges::all_of(*faults, [](const BlockFault& fault) { return fault.kind == BlockFault::Kind::Uncovered; });
  }
  /// Right after a rotation.
  [[nodiscard]] bool newest_has_no_block_yet() const {
    if (m_files.size() < 2 || m_runs.empty()) return false;
    const AuditBlock& first = m_runs.back().front();
    return !belongs(m_files.back(), first) && belongs(m_files[m_files.size() - 2], first);
  }
  /// What is behind the last block of the live file was written since.
  void take_young(const Run& blocks) {
    if (m_out.faults.empty() || blocks.empty()) return;
    const BlockFault& last = m_out.faults.back();
    const bool young = last.kind == BlockFault::Kind::Uncovered && last.file == m_files.back() &&
                       last.block.offset == blocks.back().offset + blocks.back().bytes;
    if (!young) return;
    m_out.young_bytes += last.block.bytes;
    m_out.faults.pop_back();
  }

  std::string m_file;
  std::vector<std::string> m_files;
  std::deque<Run> m_runs;
  AuditFileVerdict m_out;
};

}  // namespace

bool EngineAuditVerdict::whole() const {
  return !chain.fault && std::ranges::all_of(files, [](const AuditFileVerdict& file) { return file.faults.empty(); });
}

Result<EngineAuditVerdict> verify_engine_audit(const config::Config& config, SecretBytes database_key) {
  DatabaseOptions reading;
  reading.path = config.in_keeper_dir("engine.db");
  reading.key = std::move(database_key);
  reading.read_only = true;
  std::error_code ignored;
  if (!fs::exists(reading.path, ignored)) return fail(ErrorCode::NotFound, "there is no " + reading.path.string(), "storage.data_dir");
  POSTERN_TRY(Database database, Database::open(reading));
  std::map<std::string, History> histories;
  EngineAuditVerdict out;
  POSTERN_TRY(out.chain, verify_audit(database, std::nullopt, [&](const AuditEntry& entry) {
                auto block = block_of(entry.record);
                if (!block) return;
                const std::string file = fs::absolute(config.in_data_dir(block->file)).lexically_normal().string();
                histories.try_emplace(file, file).first->second.add(*std::move(block));
              }));
  for (auto& [file, history] : histories) {
    POSTERN_TRY(out.files.emplace_back(), std::move(history).verdict());
  }
  return out;
}

}  // namespace postern::engine
