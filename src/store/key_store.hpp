// The key ring's persistence port over the embedded database. Sees sealed bytes only.
#pragma once

#include "keys/key_store.hpp"
#include "store/store.hpp"

namespace postern {

/// Thread safe; every change waits for its commit (not on an event loop).
class SqliteKeyStore final : public KeyStore {
 public:
  explicit SqliteKeyStore(Store& store) : m_store(store) {}
  [[nodiscard]] Result<std::vector<KeyRecord>> load() override;
  [[nodiscard]] Status insert(const KeyRecord& record) override;
  [[nodiscard]] Status update(const KeyRecord& record) override;
  [[nodiscard]] Status remove(const KeyName& name) override;
  [[nodiscard]] Result<Bytes> load_root() override;
  [[nodiscard]] Status save_root(ByteView blob) override;

 private:
  Store& m_store;
};

}  // namespace postern
