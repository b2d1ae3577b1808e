// The persistence port of the key ring. A store sees only sealed bytes: what it holds is useless without the root key, and what it
// changes is noticed.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "base/bytes.hpp"
#include "keys/key_name.hpp"

namespace postern {

/// One key with all its versions. `body` is opaque (private parts encrypted, the whole authenticated); its upper bound is kKeyRecordLimit.
struct KeyRecord {
  KeyName name;
  std::uint64_t revision = 1;  ///< 1 when inserted, one more with each update.
  Bytes body;
};
inline constexpr std::size_t kKeyRecordLimit = 16U * 1024 * 1024;

/// Implementations are thread safe and durable: a call that succeeded survives a crash. Errors: Unavailable for the medium, else as said.
class KeyStore {
 public:
  virtual ~KeyStore() = default;
  /// All records, in any order.
  [[nodiscard]] virtual Result<std::vector<KeyRecord>> load() = 0;
  /// Conflict when the name exists.
  [[nodiscard]] virtual Status insert(const KeyRecord& record) = 0;
  /// Replaces the record whose revision is `record.revision - 1`; Conflict when it is another (somebody else was faster), NotFound when
  /// there is none.
  [[nodiscard]] virtual Status update(const KeyRecord& record) = 0;
  /// Also erases: nothing of the body may remain readable through the store. NotFound when there is none.
  [[nodiscard]] virtual Status remove(const KeyName& name) = 0;
  /// The ring's own header (its wrapped key-encryption key); empty before the first save.
  [[nodiscard]] virtual Result<Bytes> load_root() = 0;
  [[nodiscard]] virtual Status save_root(ByteView blob) = 0;
};

/// In memory, for tests and for `postern` verbs without state.
class MemoryKeyStore final : public KeyStore {
 public:
  [[nodiscard]] Result<std::vector<KeyRecord>> load() override;
  [[nodiscard]] Status insert(const KeyRecord& record) override;
  [[nodiscard]] Status update(const KeyRecord& record) override;
  [[nodiscard]] Status remove(const KeyName& name) override;
  [[nodiscard]] Result<Bytes> load_root() override;
  [[nodiscard]] Status save_root(ByteView blob) override;

 private:
  std::mutex m_mutex;
  std::map<KeyName, KeyRecord> m_records;
  Bytes m_root;
};

}  // namespace postern
