#include "pki/certificate_store.hpp"

namespace postern {

Result<std::optional<std::string>> MemoryCertificateStore::load(const std::string& name) {
  const std::lock_guard lock(m_mutex);
  const auto found = m_pem.find(name);
  if (found == m_pem.end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

Status MemoryCertificateStore::save(const std::string& name, const std::string& pem) {
  const std::lock_guard lock(m_mutex);
  m_pem.insert_or_assign(name, pem);
  return {};
}

Result<std::vector<std::string>> MemoryCertificateStore::names() {
  const std::lock_guard lock(m_mutex);
  std::vector<std::string> out;
  for (const auto& [name, pem] : m_pem) out.push_back(name);
  return out;
}

}  // namespace postern
