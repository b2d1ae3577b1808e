// What a Ring is made of (inside keys/ only). Changes are in ring.cpp, uses in ring_use.cpp.
#pragma once

#include <map>
#include <mutex>
#include <shared_mutex>

#include "keys/ring.hpp"
#include "keys/ring_key.hpp"

namespace postern {

struct Ring::State {
  State(KeyStore& s, const Clock& c, RingOptions o, detail::Vault v) : store(s), clock(c), options(o), vault(std::move(v)) {}

  KeyStore& store;
  const Clock& clock;
  const RingOptions options;
  const detail::Vault vault;
  std::mutex change;       // one change at a time: store first, then memory
  std::shared_mutex read;  // guards `keys` for the moment of a look-up
  std::map<KeyName, detail::KeyPtr> keys;

  Result<detail::KeyPtr> find(const KeyName& name) {
    const std::shared_lock lock(read);
    const auto found = keys.find(name);
    if (found == keys.end()) return fail(ErrorCode::NotFound, "no such key", name.get());
    return found->second;
  }

  void put(detail::KeyPtr key) {
    const std::unique_lock lock(read);
    const KeyName name = key->stored.name;
    keys.insert_or_assign(name, std::move(key));
  }

  Status load_all();
  Result<detail::VersionPtr> load_version(const detail::StoredKey& key, const detail::StoredVersion& stored);
  Status attach_openpgp(detail::Key& key);
  Result<detail::VersionPtr> seal_version(const detail::StoredKey& key, std::uint32_t number, const detail::Fresh& fresh);
  Result<detail::Fresh> fresh_for(const KeyName& name, KeyType type, std::string_view user_id);
  Result<detail::Fresh> fresh_openpgp(const KeyName& name, std::string_view user_id);
  Result<KeyInfo> add(const KeyName& name, KeyType type, std::string_view user_id);
  Result<KeyInfo> replace(detail::Key changed);
  Status rewrap_openpgp();
  Status rewrap_openpgp(const detail::KeyPtr& key);
  Status check_openpgp_wrapping(std::uint32_t min_decryption_version);
  Status count(const detail::Key& key, detail::Version& version) const;

  Result<Bytes> seal(const detail::Key& key, detail::Version& version, ByteView aad, ByteView plaintext);
  Result<Bytes> wrap(const detail::Key& key, ByteView data_key, ByteView aad);
  Result<std::string> encrypt(const KeyName& name, ByteView plaintext, ByteView aad, std::uint32_t version);
  Result<SecretBytes> decrypt(const KeyName& name, std::string_view text, ByteView aad);
  Result<std::pair<detail::KeyPtr, detail::VersionPtr>> private_key(const KeyName& name, std::uint32_t version, detail::Use use);
};

}  // namespace postern
