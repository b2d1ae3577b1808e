// Users of the X.400 side who have a mailbox here: their addresses, their passwords (Argon2id), the keys of their mailboxes.
//
// A mailbox's attributes are sealed with a key of its own, which lies in the store as a content: what re-wraps contents re-wraps it too,
// and a removed user's rows cannot be read from wherever they still lie. Who has a mailbox is answered from memory.
#pragma once

#include <map>
#include <mutex>

#include "store/row_key.hpp"

namespace postern {

/// Where what is delivered to a user goes. Stored; never renumbered.
enum class DeliveredBy : std::uint8_t {
  Store = 0,  ///< Into his mailbox, which he reads by P7.
  P3 = 1,     ///< It waits in the queue until he binds and takes it himself (X.411 8.3).
};

/// "store", "p3".
[[nodiscard]] std::string_view name_of(DeliveredBy by) noexcept;
[[nodiscard]] std::optional<DeliveredBy> delivered_by_from_name(std::string_view name) noexcept;

/// An address is its comparison key (oraddress::comparison_key) here, and its text for people.
struct MsUser {
  std::int64_t id = 0;
  std::string address_key;
  std::string address;
  DeliveredBy delivered_by = DeliveredBy::Store;
};

inline constexpr std::size_t kMsPassword = 62;  ///< Octets (X.411 ub-password-length).

/// Thread safe. Changes wait for their commit: not on an event loop. Store and keeper outlive it.
class MsUsers {
 public:
  MsUsers(Store& store, Keeper& keeper, Random& random) : m_store(store), m_keeper(keeper), m_random(random) {}

  /// Reads them all; at the start.
  [[nodiscard]] Status load();
  /// From memory.
  [[nodiscard]] std::optional<MsUser> find(std::string_view address_key) const;
  [[nodiscard]] std::vector<MsUser> list() const;  ///< By address.

  /// Conflict: there is one. BadInput: the password is empty or longer than kMsPassword.
  [[nodiscard]] Result<MsUser> add(std::string_view address_key, std::string_view address, std::string_view password,
                                   DeliveredBy delivered_by = DeliveredBy::Store);
  /// With the whole mailbox; NotFound. Stopped half way, the user is still there, with what is left, and is removed by the next call.
  [[nodiscard]] Status remove(std::string_view address_key);
  [[nodiscard]] Status set_password(std::string_view address_key, std::string_view password);
  /// Denied, after the same work, for a wrong password and for nobody.
  [[nodiscard]] Result<MsUser> check(std::string_view address_key, ByteView password) const;

  /// What seals the mailbox's rows; opened once by the keeper and kept. Errors of the keeper.
  [[nodiscard]] Result<std::shared_ptr<const RowKey>> key_of(const MsUser& user);

 private:
  [[nodiscard]] Result<bool> remove_some(const MsUser& user);

  Store& m_store;
  Keeper& m_keeper;
  Random& m_random;
  mutable std::mutex m_mutex;
  std::map<std::string, MsUser, std::less<>> m_users;
  std::map<std::int64_t, std::shared_ptr<const RowKey>> m_keys;
};

}  // namespace postern
