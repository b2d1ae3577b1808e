// The administration port of the MTS over ROSE (X.411 8.4): change-credentials and register, for users of P3 and P7.
#pragma once

#include "mhs/rose_operations.hpp"
#include "mhs/user_gate.hpp"

namespace postern::mhs {

class UserAdministration {
 public:
  /// Both must outlive it.
  UserAdministration(const UserGate& gate, const BoundUser& user) : m_gate(gate), m_user(user) {}

  void add_to(RoseOperations& table);

 private:
  [[nodiscard]] io::Task<RoseReply> change_credentials(mts::ChangeCredentialsArgument argument);
  [[nodiscard]] io::Task<RoseReply> register_user(mts::RegisterArgument88 argument);

  const UserGate& m_gate;
  const BoundUser& m_user;
};

}  // namespace postern::mhs
