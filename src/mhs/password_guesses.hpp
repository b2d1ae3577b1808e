// Passwords shown at binds (P1, P3, P7) may be wrong five times in a quarter of an hour, for one name from one address; then that name is
// refused from there for as long, and its password is not looked at. The rule and its numbers are those of logins/lockout.hpp. An address
// is part of it because everybody may say a name: a stranger must not lock a peer out. One bind, one connection: a session has no second
// guess.
//
// In memory: a restart forgets. Thread safe.
#pragma once

#include <memory>

#include "logins/lockout.hpp"
#include "mhs/p1_bind.hpp"

namespace postern::mhs {

class PasswordGuesses {
 public:
  explicit PasswordGuesses(const Clock& clock) : m_lockout(clock) {}

  using Attempt = vault::Lockout::Attempt;
  /// Before the password is looked at. Refused: locked (AuthenticationError, as for a wrong password), or too many are being checked
  /// (Busy).
  [[nodiscard]] tl::expected<Attempt, BindRefusal> begin(std::string_view name, const Road& road);

 private:
  vault::Lockout m_lockout;
};

/// The verdict of an attempt, by how the bind ended: nullptr, or why it was refused. What is no wrong password counts as neither.
void settle(PasswordGuesses::Attempt attempt, const BindRefusal* refusal);

}  // namespace postern::mhs
