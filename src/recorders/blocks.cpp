#include "recorders/blocks.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace postern {
namespace {

namespace json = boost::json;

constexpr std::size_t kPathBytes = 4096;
/// Finished blocks that wait for the port: with the queue's bound this is far more than can come.
constexpr std::size_t kReady = 1024;

std::optional<std::uint64_t> number_in(const json::object& facts, std::string_view name) {
  const json::value* value = facts.if_contains(name);
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return std::nullopt;
  return static_cast<std::uint64_t>(value->get_int64());
}

std::optional<Sha256> digest_in(const json::object& facts) {
  const json::value* value = facts.if_contains("sha256");
  if (value == nullptr || !value->is_string()) return std::nullopt;
  const auto bytes = hex_decode({value->get_string().data(), value->get_string().size()});
  Sha256 out{};
  if (!bytes || bytes->size() != out.size()) return std::nullopt;
  std::ranges::copy(*bytes, out.begin());
  return out;
}

bool fits(const AuditBlock& block) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  return block.first_line >= 1 && block.last_line >= block.first_line && block.bytes > block.last_line - block.first_line &&
         block.offset < kMost && block.bytes < kMost && (block.offset == 0) == (block.first_line == 1);
}

}  // namespace

AuditRecord record_of(const AuditBlock& block, WallTime now) {
  AuditRecord record;
  record.time = now;
  record.kind = kAuditBlockKind;
  record.actor = "system";
  AuditFacts facts;
  facts.add("file", block.file).add("first_line", block.first_line).add("last_line", block.last_line);
  facts.add("offset", block.offset).add("bytes", block.bytes).add("sha256", hex_encode(block.digest));
  if (block.found) facts.add("found", true);
  record.facts = facts.text();
  return record;
}

Result<AuditBlock> block_of(const AuditRecord& record) {
  const auto refuse = [] { return fail(ErrorCode::BadInput, "these are not the facts of an audit block", "facts"); };
  if (record.kind != kAuditBlockKind) return fail(ErrorCode::BadInput, "is not of the kind engine.audit_block", "kind");
  if (record.facts.size() > kAuditFactsBytes) return refuse();
  boost::system::error_code error;
  const json::value value = json::parse(record.facts, error);
  const json::object* facts = error ? nullptr : value.if_object();
  if (facts == nullptr) return refuse();
  const json::value* file = facts->if_contains("file");
  if (file == nullptr || !file->is_string() || file->get_string().size() > kPathBytes) return refuse();
  const auto first = number_in(*facts, "first_line"), last = number_in(*facts, "last_line");
  const auto offset = number_in(*facts, "offset"), bytes = number_in(*facts, "bytes");
  const auto digest = digest_in(*facts);
  if (!first || !last || !offset || !bytes || !digest) return refuse();
  const json::value* found = facts->if_contains("found");
  if (found != nullptr && !found->is_bool()) return refuse();
  AuditBlock block{std::string(file->get_string().data(), file->get_string().size()),
                   *first,
                   *last,
                   *offset,
                   *bytes,
                   *digest,
                   found != nullptr && found->get_bool()};
  if (!fits(block)) return refuse();
  return block;
}

void BlockCollector::begin(std::uint64_t lines_before, std::uint64_t offset) {
  m_open.first_line = lines_before + 1;
  m_open.last_line = lines_before;
  m_open.offset = offset;
  m_open.bytes = 0;
}

Status BlockCollector::add(std::string_view lines) {
  std::size_t from = 0;
  std::uint64_t count = 0;
  for (std::size_t end = lines.find('\n'); end != std::string_view::npos; end = lines.find('\n', end + 1)) {
    ++count;
    if (m_open.last_line + count - m_open.first_line + 1 < m_options.lines) continue;
    take(lines.substr(from, end + 1 - from), count);
    finish_block();
    from = end + 1;
    count = 0;
  }
  if (from < lines.size()) take(lines.substr(from), count);
  return send();
}

void BlockCollector::take(std::string_view lines, std::uint64_t count) {
  if (m_open.bytes == 0) m_since = m_clock.steady();
  m_hasher.update(lines);
  m_open.bytes += lines.size();
  m_open.last_line += count;
}

void BlockCollector::finish_block() {
  const Bytes digest = m_hasher.finish();
  std::ranges::copy(digest, m_open.digest.begin());
  m_ready.push_back(m_open);
  m_last = m_open;
  begin(m_open.last_line, m_open.offset + m_open.bytes);
}

void BlockCollector::found(std::string_view piece) { take(piece, static_cast<std::uint64_t>(std::ranges::count(piece, '\n'))); }

void BlockCollector::found_all() {
  if (m_open.bytes == 0) return;
  m_open.found = true;
  finish_block();
  m_open.found = false;
}

Status BlockCollector::send() {
  while (!m_ready.empty()) {
    POSTERN_CHECK(m_port(record_of(m_ready.front(), m_clock.now())));
    m_ready.erase(m_ready.begin());
  }
  return {};
}

Status BlockCollector::tick() {
  if (m_open.bytes > 0 && m_ready.size() < kReady && m_clock.steady() - m_since >= m_options.longest) finish_block();
  return send();
}

Status BlockCollector::close() {
  if (m_open.bytes > 0) finish_block();
  return send();
}

}  // namespace postern
