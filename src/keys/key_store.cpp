#include "keys/key_store.hpp"

namespace postern {

Result<std::vector<KeyRecord>> MemoryKeyStore::load() {
  const std::lock_guard lock(m_mutex);
  std::vector<KeyRecord> out;
  for (const auto& [name, record] : m_records) out.push_back(record);
  return out;
}

Status MemoryKeyStore::insert(const KeyRecord& record) {
  const std::lock_guard lock(m_mutex);
  if (!m_records.emplace(record.name, record).second) return fail(ErrorCode::Conflict, "the key exists already", record.name.get());
  return {};
}

Status MemoryKeyStore::update(const KeyRecord& record) {
  const std::lock_guard lock(m_mutex);
  const auto found = m_records.find(record.name);
  if (found == m_records.end()) return fail(ErrorCode::NotFound, "no such key", record.name.get());
  if (found->second.revision + 1 != record.revision)
    return fail(ErrorCode::Conflict, "the key was changed by somebody else", record.name.get());
  found->second = record;
  return {};
}

Status MemoryKeyStore::remove(const KeyName& name) {
  const std::lock_guard lock(m_mutex);
  if (m_records.erase(name) == 0) return fail(ErrorCode::NotFound, "no such key", name.get());
  return {};
}

Result<Bytes> MemoryKeyStore::load_root() {
  const std::lock_guard lock(m_mutex);
  return m_root;
}

Status MemoryKeyStore::save_root(ByteView blob) {
  const std::lock_guard lock(m_mutex);
  m_root.assign(blob.begin(), blob.end());
  return {};
}

}  // namespace postern
