#include "vaultkeeper/session.hpp"

#include "base/log.hpp"

namespace postern::vaultkeeper {
namespace {

using std::chrono::seconds;

constexpr seconds kAfterRefusal{5};
constexpr seconds kRetry{5};
constexpr seconds kLook{5};

}  // namespace

Session::Session(Line& line, std::unique_ptr<Credentials> credentials, const Clock& clock)
    : m_line(line), m_credentials(std::move(credentials)), m_clock(clock) {}

Session::Lease Session::current() const {
  const std::lock_guard lock(m_mutex);
  return m_lease;
}

std::optional<WallTime> Session::expires() const {
  const std::lock_guard lock(m_mutex);
  return m_lease.expires;
}

void Session::set_times(Lease& lease, seconds length) const {
  lease.renew_at = length.count() == 0 ? SteadyTime::max() : m_clock.steady() + length * 2 / 3;
  lease.expires.reset();
  if (length.count() != 0) lease.expires = m_clock.now() + length;
}

Result<Token> Session::token(SteadyTime deadline) {
  const Lease lease = current();
  if (lease.token.text) return lease.token;
  const std::lock_guard lock(m_login);
  const Lease again = current();
  if (again.token.text) return again.token;
  return log_in(deadline);
}

// The caller holds m_login.
Result<Token> Session::log_in(SteadyTime deadline) {
  if (m_clock.steady() < m_refused_until) return fail(m_refused);
  auto grant = m_credentials->obtain(m_line, deadline);
  if (!grant) {
    if (grant.error().code != ErrorCode::Unavailable) {
      m_refused = grant.error();
      m_refused_until = m_clock.steady() + kAfterRefusal;
      log::error("vaultkeeper.login_refused", {{"reason", grant.error()}});
    }
    return fail(std::move(grant).error());
  }
  Lease lease;
  lease.length = grant->lease;
  lease.renewable = grant->renewable;
  lease.token.text = std::make_shared<const SecretBytes>(std::move(grant->token));
  set_times(lease, grant->lease);
  const std::lock_guard lock(m_mutex);
  lease.token.generation = ++m_generation;
  m_lease = lease;
  log::info("vaultkeeper.logged_in", {{"lease_seconds", lease.length.count()}, {"renewable", lease.renewable ? "yes" : "no"}});
  return lease.token;
}

void Session::reject(std::uint64_t generation) {
  const std::lock_guard lock(m_mutex);
  if (m_lease.token.generation == generation) m_lease = Lease();
}

/// While the new login is under way, others go on with the old token.
void Session::replace() {
  const std::lock_guard lock(m_login);
  if (log_in(m_line.deadline())) return;
  const std::lock_guard guard(m_mutex);
  m_lease.renew_at = m_clock.steady() + kRetry;
}

void Session::renew(const Lease& lease) {
  const Ask ask{.path = "auth/token/renew-self", .body = BodyWriter().take()};
  const auto answer = m_line.ask(ask, lease.token.text->view(), m_line.deadline());
  const auto length =
      answer && answer->good() ? number_of(answer->auth(), "lease_duration") : Result<std::int64_t>(tl::unexpected(Error{}));
  // Less than half of what the login gave: its maximum is near, and a renewed one would soon be none.
  const bool enough = length && *length > 0 && seconds(*length) * 2 >= lease.length;
  if (answer && !enough) return replace();
  const std::lock_guard lock(m_mutex);
  if (m_lease.token.generation != lease.token.generation) return;
  if (!answer)
    m_lease.renew_at = m_clock.steady() + kRetry;
  else
    set_times(m_lease, seconds(*length));
}

void Session::tend() {
  const Lease lease = current();
  if (!lease.token.text) return;
  if (m_clock.steady() >= lease.renew_at) return lease.renewable ? renew(lease) : replace();
  if (m_clock.steady() < m_next_look) return;
  m_next_look = m_clock.steady() + kLook;
  std::unique_lock lock(m_login);
  const bool changed = m_credentials->changed();
  lock.unlock();
  if (changed) replace();
}

void Session::close() {
  const Lease lease = current();
  if (!lease.token.text || !m_credentials->owns_token()) return;
  const Ask ask{.path = "auth/token/revoke-self", .body = {}, .repeatable = false};
  (void)m_line.ask(ask, lease.token.text->view(), m_clock.steady() + seconds(1));
}

}  // namespace postern::vaultkeeper
