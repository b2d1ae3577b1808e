#include "cabinet/session.hpp"

#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"

namespace postern::cabinet {

std::string account_of(const std::string& user) {
  const auto address = oraddress::parse(user);
  return address ? oraddress::comparison_key(*address) : user;
}

Status Session::bind() {
  if (m_bound) return {};
  POSTERN_TRY(const transport::Profile profile, m_service.profile());
  m_user = profile.user;
  m_account = account_of(profile.user);
  POSTERN_TRY(m_bound, m_service.transport().bind(profile.bind_request(), {}));
  return {};
}

void Session::end() noexcept {
  if (!m_bound) return;
  const Status ignored = m_service.transport().unbind({m_bound->association}, {});
  static_cast<void>(ignored);
  m_bound.reset();
}

}  // namespace postern::cabinet
