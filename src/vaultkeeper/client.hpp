// Questions as our token asks them: login, renewal and refusals are dealt with, and what comes out is an answer or one clear error.
#pragma once

#include "vaultkeeper/session.hpp"

namespace postern::vaultkeeper {

/// What an answer that is no success means for a caller of the Keeper port. 403 is Unavailable, with the policy line that is missing: it is
/// the operator's to give, and until then mail waits.
[[nodiscard]] Error refusal_of(const Answer& answer, const Ask& ask, std::string_view capability);

/// What the words of a transit engine's error mean; Unavailable when they say nothing known: mail
/// then waits, and is not refused for ever.
[[nodiscard]] ErrorCode meaning_of(std::string_view said) noexcept;

/// Thread safe.
class Client {
 public:
  Client(Line& line, Session& session, std::string mount) : m_line(line), m_session(session), m_mount(std::move(mount)) {}

  /// A success, or a batch whose items tell for themselves. `capability` is what a policy must grant: "update", "read", "list", ...
  /// A token that the Vault does not know is replaced, and the question asked once more.
  [[nodiscard]] Result<Answer> call(const Ask& ask, std::string_view capability);
  /// "MOUNT/path" of the transit engine.
  [[nodiscard]] std::string path(std::string_view below) const { return m_mount + "/" + std::string(below); }
  [[nodiscard]] const std::string& mount() const noexcept { return m_mount; }

 private:
  [[nodiscard]] Result<bool> knows(const Token& token, SteadyTime deadline);
  [[nodiscard]] Result<bool> replaced(const Token& token, bool fresh, SteadyTime deadline);

  Line& m_line;
  Session& m_session;
  const std::string m_mount;
  std::atomic<bool> m_no_lookup{false};
};

}  // namespace postern::vaultkeeper
