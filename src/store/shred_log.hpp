// The tenants whose storage key was destroyed: what was begun, and how far what remained of their rows is removed. Survives a crash in
// between.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "audit/record.hpp"
#include "base/clock.hpp"
#include "keys/key_name.hpp"
#include "store/store.hpp"

namespace postern {

struct Shredding {
  std::string tenant;
  KeyName key;
  WallTime begun{};
  std::uint64_t removed = 0;  ///< Stored messages.
  std::optional<WallTime> finished;
};

/// Thread safe; waits for the commit (not on an event loop). Errors: Unavailable for the medium.
class ShredLog {
 public:
  explicit ShredLog(Store& store) : m_store(store) {}

  [[nodiscard]] Result<std::vector<Shredding>> all() const;
  [[nodiscard]] Result<std::optional<Shredding>> find(const std::string& tenant) const;
  /// Written with its audit record.
  [[nodiscard]] Status save(const Shredding& shredding, const AuditRecord& record);
  /// How many rows are removed by now.
  [[nodiscard]] Status progress(const Shredding& shredding);
  /// The same within the transaction that removes `more` of them.
  [[nodiscard]] static Status progress(Database& database, const Shredding& shredding, std::uint64_t more);

 private:
  Store& m_store;
};

}  // namespace postern
