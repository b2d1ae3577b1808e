#include "gateway/key_roles.hpp"

#include <algorithm>
#include <set>

namespace postern::gateway {
namespace {

const KeyName kAuthorityKey("pki_root_key"), kServerKey("tls_server");

RotationRule rule_of(const std::string& setting) { return parse_rotation_period(setting).value_or(RotationRule{}); }

}  // namespace

KeyRole KeyRoles::role(const KeyName& name) const {
  const std::string& text = name.get();
  if (m_tenants.is_storage_key(name)) return KeyRole::Storage;
  const auto signs = [&](const config::DkimSigner& signer) { return signer.key == text; };
  if (name == key_names::kDkim || std::ranges::any_of(m_config.dkim, signs)) return KeyRole::Dkim;
  if (name == key_names::kApiHmac) return KeyRole::Api;
  if (name == key_names::kPgpEncryption) return KeyRole::Wrapping;
  if (name == kServerKey) return KeyRole::Server;
  if (name == kAuthorityKey) return KeyRole::Authority;
  if (text.starts_with("smime-") || text.starts_with("openpgp-")) return KeyRole::Identity;
  return KeyRole::Other;
}

RotationRule KeyRoles::rule(const KeyName& name, KeyRole role) const {
  RotationRule out;
  const auto named = m_config.keys.rotation_keys.find(name.get());
  const bool people = role == KeyRole::Identity || role == KeyRole::Authority || role == KeyRole::Other;
  if (role == KeyRole::Authority) return out;
  if (named != m_config.keys.rotation_keys.end())
    out = rule_of(named->second);
  else if (!people && !(role == KeyRole::Dkim && m_config.keys.rotation_dkim == "never"))
    out = rule_of(m_config.keys.rotation_period);
  out.announce = role == KeyRole::Dkim || role == KeyRole::Server;
  return out;
}

std::vector<KeyName> KeyRoles::governed() const {
  std::set<KeyName> out{key_names::kDkim, key_names::kApiHmac, key_names::kPgpEncryption, kServerKey};
  for (const KeyName& name : m_tenants.storage_keys()) out.insert(name);
  for (const auto& signer : m_config.dkim) out.insert(KeyName(signer.key));
  for (const auto& [name, period] : m_config.keys.rotation_keys) {
    if (auto parsed = parse_key_name(name)) out.insert(*std::move(parsed));
  }
  return {out.begin(), out.end()};
}

std::vector<std::string> KeyRoles::by_hand(const KeyInfo& key, KeyRole role) const {
  const std::string name = key.name.get();
  std::vector<std::string> out;
  if (role == KeyRole::Dkim) {
    const auto records = m_dkim.publications(key);
    if (!records) return {name + ": its DNS records cannot be made now: " + records.error().text()};
    for (const DkimPublication& record : *records) {
      if (record.state == DkimState::Announced)
        out.push_back(name + ": publish " + (record.at.empty() ? record.name : record.at) + " IN TXT \"" + record.value +
                      "\"; it signs by itself when it has stood there for a while (keys.rotation.dkim_settle), or at once after "
                      "postern key activate " +
                      name);
    }
    for (const auto& signer : m_config.dkim) {
      if (signer.key == name && signer.version != 0)
        out.push_back(name + ": selector " + signer.selector + " signs with version " + std::to_string(signer.version) +
                      " as dkim.version says; publish version " + std::to_string(key.latest) + " and name it there");
    }
  } else if (role == KeyRole::Identity) {
    out.push_back(name + ": correspondents still have the old certificate; give them the new one (postern identity certificate ADDRESS)");
  } else if (role == KeyRole::Other) {
    out.push_back(name + ": older versions still open and verify; whoever uses it decides when they may stop");
  }
  return out;
}

}  // namespace postern::gateway
