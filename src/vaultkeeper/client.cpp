#include "vaultkeeper/client.hpp"

#include <array>

#include "base/log.hpp"
#include "base/text.hpp"

namespace postern::vaultkeeper {
namespace {

struct Meaning {
  std::string_view words;
  ErrorCode code;
};

/// How OpenBao's and HashiCorp's transit engines word their refusals; the first that fits counts. The status alone says too little: 400 is
/// a wrong tag as well as a key that is not there, and some users' mistakes are 500.
constexpr std::array<Meaning, 15> kMeanings{{
    {"key not found", ErrorCode::NotFound},
    {"no existing key named", ErrorCode::NotFound},
    {"disallowed by policy", ErrorCode::Denied},
    {"less than the minimum", ErrorCode::Denied},
    {"deletion is not allowed", ErrorCode::Denied},
    {"message authentication failed", ErrorCode::IntegrityFailed},
    {"unable to decrypt", ErrorCode::IntegrityFailed},
    {"decryption error", ErrorCode::IntegrityFailed},
    {"higher than the latest", ErrorCode::NotFound},
    {"version is too new", ErrorCode::NotFound},
    {"does not support", ErrorCode::Unsupported},
    {"not supported", ErrorCode::Unsupported},
    {"unsupported", ErrorCode::Unsupported},
    {"invalid ciphertext", ErrorCode::BadInput},
    {"use limit", ErrorCode::Exhausted},
}};

std::string path_only(const Ask& ask) { return ask.path.substr(0, ask.path.find('?')); }

Error denied(const Ask& ask, std::string_view capability) {
  return {ErrorCode::Unavailable,
          "the external Vault does not permit " + path_only(ask) + ": add to the policy of our role: path \"" + path_only(ask) +
              "\" { capabilities = [\"" + std::string(capability) + "\"] }",
          "keys.vault"};
}

Error not_found(const Ask& ask, const std::string& said) {
  if (said.find("no handler for route") == std::string::npos)
    return {ErrorCode::NotFound, "the external Vault has no such key", path_only(ask)};
  const std::string mount = path_only(ask).substr(0, path_only(ask).find('/'));
  return {
      ErrorCode::Unavailable,
      "the external Vault has no engine at " + mount + "/: enable transit there, or set keys.vault.mount and keys.vault.namespace right",
      "keys.vault"};
}

}  // namespace

ErrorCode meaning_of(std::string_view said) noexcept {
  for (const Meaning& meaning : kMeanings) {
    if (said.find(meaning.words) != std::string_view::npos) return meaning.code;
  }
  return ErrorCode::Unavailable;
}

Error refusal_of(const Answer& answer, const Ask& ask, std::string_view capability) {
  const std::string said = answer.errors();
  if (answer.status() == 403) return denied(ask, capability);
  if (answer.status() == 404) return not_found(ask, said);
  const std::string text = "the external Vault answers " + std::to_string(answer.status()) + (said.empty() ? "" : ": " + said);
  if (answer.status() == 413) return {ErrorCode::TooLarge, text, path_only(ask)};
  if (answer.status() == 400 || answer.status() == 500) return {meaning_of(said), text, path_only(ask)};
  return {ErrorCode::Unavailable, text, path_only(ask)};
}

/// Whether a 403 was about the token and not about its policies.
Result<bool> Client::knows(const Token& token, SteadyTime deadline) {
  const Ask self{.method = "GET", .path = "auth/token/lookup-self", .body = {}};
  POSTERN_TRY(const Answer answer, m_line.ask(self, token.text->view(), deadline));
  return answer.status() != 403;
}

/// True: the token was unknown and is to be replaced. A role whose tokens may not look themselves up would make every missing permission
/// look like that, so a token that was granted a moment ago and cannot be looked up ends the asking.
Result<bool> Client::replaced(const Token& token, bool fresh, SteadyTime deadline) {
  if (m_no_lookup) return false;
  POSTERN_TRY(const bool known, knows(token, deadline));
  if (known) return false;
  if (fresh) {
    if (!m_no_lookup.exchange(true))
      log::warn("vaultkeeper.no_lookup", {{"action", "give our role the policy \"default\": revoked tokens are noticed late without it"}});
    return false;
  }
  m_session.reject(token.generation);
  return true;
}

Result<Answer> Client::call(const Ask& ask, std::string_view capability) {
  const SteadyTime deadline = m_line.deadline();
  for (bool fresh = false;; fresh = true) {
    auto token = m_session.token(deadline);
    if (!token) return fail(ErrorCode::Unavailable, token.error().what, token.error().field);
    POSTERN_TRY(Answer answer, m_line.ask(ask, token->text->view(), deadline));
    const bool batch = answer.data() != nullptr && answer.data()->contains("batch_results");
    if (answer.good() || (answer.status() == 400 && batch)) return answer;
    if (answer.status() == 403) {
      POSTERN_TRY(const bool again, replaced(*token, fresh, deadline));
      if (again) continue;
    }
    return fail(refusal_of(answer, ask, capability));
  }
}

}  // namespace postern::vaultkeeper
