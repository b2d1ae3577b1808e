// The administration port of the MTS over ROSE (X.411 8.4): change-credentials and register, for users of P3 and P7.
#pragma once

#include "mhs/rose_operations.hpp"
#include "mhs/user_gate.hpp"

namespace postern::mhs {

class UserAdministration {
 public:
  /// Told that what is registered has changed, before the user is.
  using Registered = std::function<io::Task<void>()>;
  /// Both must outlive it.
  UserAdministration(const UserGate& gate, const BoundUser& user, Registered registered = {})
      : m_gate(gate), m_user(user), m_registered(std::move(registered)) {}

  void add_to(RoseOperations& table);

 private:
  [[nodiscard]] io::Task<RoseReply> change_credentials(mts::ChangeCredentialsArgument argument);
  [[nodiscard]] io::Task<RoseReply> register_user(mts::RegisterArgument88 argument);

  const UserGate& m_gate;
  const BoundUser& m_user;
  const Registered m_registered;
};

}  // namespace postern::mhs
