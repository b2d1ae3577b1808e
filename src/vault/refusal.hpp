// Which HTTP status an error or an answer means, and the texts of the refusals that the core itself gives.
//
// Source: the Vault API (status codes and error texts as OpenBao sends them).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vault/backend.hpp"

namespace postern::vault {

/// A request that is not carried out.
struct Refusal {
  int status = 500;
  std::string text;  ///< Empty: {"errors":[]}.
};

/// As backend.hpp says; an Internal error gets a fixed text, as its own may be about our inside.
[[nodiscard]] Refusal refusal_of(const Error& error);
/// 200, 204, or 404 for Read, List and Scan of nothing.
[[nodiscard]] int status_of(const Answer& answer, Operation operation) noexcept;

/// "1 error occurred:\n\t* permission denied\n\n"
[[nodiscard]] std::string multi_error(const std::vector<std::string_view>& texts);

[[nodiscard]] Refusal refuse_permission();
[[nodiscard]] Refusal refuse_token();
[[nodiscard]] Refusal refuse_missing_token();
[[nodiscard]] Refusal refuse_route(std::string_view path);
[[nodiscard]] Refusal refuse_path();
[[nodiscard]] Refusal refuse_operation();
[[nodiscard]] Refusal refuse_sealed();

}  // namespace postern::vault
