#include "gateway/tenants.hpp"

#include <algorithm>

#include "gateway/routing.hpp"

namespace postern::gateway {

Result<std::unique_ptr<Tenants>> Tenants::make(const config::Config& config) {
  auto out = std::make_unique<Tenants>();
  for (const auto& setting : config.tenants) {
    auto key = parse_key_name(setting.storage_key);
    if (!key) return fail(ErrorCode::BadInput, "tenant " + setting.name + ": storage_key " + key.error().what, "tenant.storage_key");
    auto entry = std::make_unique<Entry>();
    entry->name = setting.name;
    entry->storage_key = *std::move(key);
    for (const auto& domain : setting.domains) entry->domains.push_back(routing_domain(domain));
    out->m_entries.push_back(std::move(entry));
  }
  return out;
}

const Tenants::Entry* Tenants::of(std::string_view domain) const {
  if (m_entries.empty() || domain.empty()) return nullptr;
  const std::string form = routing_domain(domain);
  const auto found =
      std::ranges::find_if(m_entries, [&](const auto& entry) { return std::ranges::find(entry->domains, form) != entry->domains.end(); });
  return found == m_entries.end() ? nullptr : found->get();
}

const Tenants::Entry* Tenants::find(std::string_view name) const {
  const auto found = std::ranges::find_if(m_entries, [&](const auto& entry) { return entry->name == name; });
  return found == m_entries.end() ? nullptr : found->get();
}

const KeyName& Tenants::storage_key(std::string_view recipient, bool recipient_is_local, std::string_view sender) const {
  if (const Entry* theirs = of(recipient)) return theirs->storage_key;
  if (!recipient_is_local) {
    if (const Entry* ours = of(sender)) return ours->storage_key;
  }
  return key_names::kMailStorage;
}

bool Tenants::refuses(std::string_view domain) const {
  const Entry* entry = of(domain);
  return entry != nullptr && entry->shredded;
}

bool Tenants::is_storage_key(const KeyName& key) const {
  return key == key_names::kMailStorage || std::ranges::any_of(m_entries, [&](const auto& entry) { return entry->storage_key == key; });
}

bool Tenants::is_destroyed(const KeyName& key) const {
  return std::ranges::any_of(m_entries, [&](const auto& entry) { return entry->storage_key == key && entry->shredded; });
}

void Tenants::mark_shredded(std::string_view name) {
  for (const auto& entry : m_entries) {
    if (entry->name == name) entry->shredded = true;
  }
}

std::vector<KeyName> Tenants::storage_keys() const {
  std::vector<KeyName> out{key_names::kMailStorage};
  for (const auto& entry : m_entries) {
    if (!entry->shredded) out.push_back(entry->storage_key);
  }
  return out;
}

}  // namespace postern::gateway
