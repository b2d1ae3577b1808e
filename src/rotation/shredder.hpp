// Crypto-shredding of a tenant: its storage key is destroyed, and with it every copy of its mail, here and in every backup of the mail
// store, whatever bytes of it still lie around. Then the rows that are left of it are removed.
//
// Order: marked (a crash from here on is taken up at the next start), key destroyed, what was being stored let through, rows removed, the
// database's log emptied, so that the destroyed key's record stands in no file. Audited at begin and end.
//
// Does not: reach backups of the key store itself. Whoever has one that is older, and its root key (or seal), still has the key: such
// backups must be destroyed, which the report says. Nor what other servers were given.
#pragma once

#include <functional>
#include <string>

#include "keys/keeper.hpp"
#include "spool/spool.hpp"
#include "store/rewrap.hpp"
#include "store/shred_log.hpp"

namespace postern {

class Shredder {
 public:
  /// All must outlive it. `key_gone`: empties what the key store keeps of a destroyed key; may be null.
  Shredder(Store& store, Spool& spool, Keeper& keeper, const Clock& clock, std::function<Status()> key_gone)
      : m_store(store), m_spool(spool), m_keeper(keeper), m_clock(clock), m_key_gone(std::move(key_gone)) {}

  /// Marks the tenant and destroys the key: from its return on nothing of its mail can be read. Again for the same tenant: whatever is left
  /// of that. Unavailable when the keeper or the disk does not answer: what is done stays done, call again.
  [[nodiscard]] Result<Shredding> begin(const std::string& tenant, const KeyName& key, const std::string& actor);
  /// Removes a bounded number of rows; `finished` in the answer when there is none left. One call at a time.
  [[nodiscard]] Result<Shredding> step(Shredding shredding, std::size_t rows);

 private:
  [[nodiscard]] Status destroy(const KeyName& key);
  [[nodiscard]] Result<std::vector<ContentId>> remove_from_mailboxes(Shredding& shredding, const std::vector<ContentId>& contents);
  [[nodiscard]] Status remove_from_queue(ContentId content);
  [[nodiscard]] Result<bool> nothing_left(const KeyName& key);
  [[nodiscard]] AuditRecord record(std::string kind, const Shredding& shredding, const std::string& actor) const;

  Store& m_store;
  Spool& m_spool;
  Keeper& m_keeper;
  const Clock& m_clock;
  RewrapStore m_rows{m_store, m_keeper, m_clock};
  std::function<Status()> m_key_gone;
};

}  // namespace postern
