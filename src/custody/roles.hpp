// Who may do what with which keys: one table, looked at before every call.
//
// A role belongs to a channel and is fixed by whoever made the channel; nothing that comes over it can change it.
#pragma once

#include <span>

#include "custody/calls.hpp"

namespace postern::custody {

enum class Role {
  Gate,      ///< The process with the network: uses every key, makes, rotates and retires keys (retirement.hpp), passes on Vault requests.
  Observer,  ///< Sees names, types, versions and public keys.
};
[[nodiscard]] std::string_view name_of(Role role) noexcept;

/// One row: a role may do these calls with these keys. What no row allows is denied.
struct Grant {
  Role role;
  std::span<const Call> calls;
  std::span<const std::string_view> keys;  ///< "dkim_key", or the beginning of names and a star: "tenant-*", "*".
};

class RoleTable {
 public:
  /// Borrows; the rows must outlive it.
  explicit RoleTable(std::span<const Grant> grants) : m_grants(grants) {}
  /// The product's own.
  [[nodiscard]] static const RoleTable& product();

  /// Denied, with a text that names role, operation and key. Calls without a key (list, vault) pass an empty name.
  [[nodiscard]] Status check(Role role, Call call, std::string_view key) const;
  /// Whether the role may do the call with this key.
  [[nodiscard]] bool allows(Role role, Call call, std::string_view key) const noexcept;

 private:
  std::span<const Grant> m_grants;
};

}  // namespace postern::custody
