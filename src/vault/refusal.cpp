#include "vault/refusal.hpp"

namespace postern::vault {

Refusal refusal_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::BadInput:
    case ErrorCode::TooLarge:
    case ErrorCode::Conflict:
    case ErrorCode::Unsupported:
    case ErrorCode::IntegrityFailed: return {400, error.what};
    case ErrorCode::Denied: return {403, error.what};
    case ErrorCode::NotFound: return {404, error.what};
    case ErrorCode::Exhausted: return {429, error.what};
    case ErrorCode::Unavailable: return {503, error.what};
    case ErrorCode::Timeout: return {504, error.what};
    case ErrorCode::Internal: break;
  }
  return {500, "internal error: the log says more"};
}

int status_of(const Answer& answer, Operation operation) noexcept {
  if (answer.status != 0) return answer.status;
  if (!answer.errors.empty()) return 400;
  if (answer.data || answer.grant || answer.auth || answer.wrap || answer.raw || !answer.warnings.empty()) return 200;
  const bool asked_for_something = operation == Operation::Read || operation == Operation::List || operation == Operation::Scan;
  return asked_for_something ? 404 : 204;
}

std::string multi_error(const std::vector<std::string_view>& texts) {
  std::string out = std::to_string(texts.size()) + (texts.size() == 1 ? " error occurred:\n" : " errors occurred:\n");
  for (const std::string_view text : texts) out.append("\t* ").append(text).append("\n");
  return out + "\n";
}

Refusal refuse_permission() { return {403, multi_error({"permission denied"})}; }
Refusal refuse_token() { return {403, multi_error({"permission denied", "invalid token"})}; }
Refusal refuse_missing_token() { return {403, multi_error({"permission denied", "missing client token"})}; }
Refusal refuse_route(std::string_view path) { return {404, "no handler for route \"" + std::string(path) + "\". route entry not found."}; }
Refusal refuse_path() { return {404, multi_error({"unsupported path"})}; }
Refusal refuse_operation() { return {405, multi_error({"unsupported operation"})}; }
Refusal refuse_sealed() { return {503, "Vault is sealed"}; }

}  // namespace postern::vault
