#include "mhs/password_guesses.hpp"

#include "base/text.hpp"

namespace postern::mhs {

tl::expected<PasswordGuesses::Attempt, BindRefusal> PasswordGuesses::begin(std::string_view name, const Road& road) {
  auto attempt = m_lockout.begin(std::string(name) + '\0' + road.subscriber);
  if (attempt) return *std::move(attempt);
  const std::string who = name.empty() ? std::string("an unauthenticated bind") : printable(name);
  if (attempt.error().code == ErrorCode::Exhausted)
    return tl::unexpected(BindRefusal{mts::BindError::Busy, who + ": too many binds at once from its address"});
  return tl::unexpected(BindRefusal{mts::BindError::AuthenticationError, who + " was wrong " + std::to_string(vault::kLockoutFailures) +
                                                                             " times from this address: locked for " +
                                                                             std::to_string(vault::kLockoutTime.count()) + " minutes"});
}

void settle(PasswordGuesses::Attempt attempt, const BindRefusal* refusal) {
  if (refusal == nullptr) return attempt.succeeded();
  if (refusal->error == mts::BindError::AuthenticationError) attempt.failed();
}

}  // namespace postern::mhs
