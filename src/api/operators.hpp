// Who may do what over the API: the holder of admin.token everything, others what their role says ([[operator]]).
//
//   reader      looks: the flow, the queue, DNS, reports, keys, rotation. No message's content, no acts.
//   quarantine  the same, and held mail: reads it, releases it, deletes it. Nothing else.
//   admin       everything
//
// Immutable once made; tokens are compared in constant time and wiped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "config/config.hpp"

namespace postern::api {

enum class Role { Reader, Quarantine, Admin };
[[nodiscard]] std::string_view name_of(Role role) noexcept;  ///< "reader", ...
/// Whether who has `has` may do what needs `needs`.
[[nodiscard]] constexpr bool may(Role has, Role needs) noexcept { return static_cast<int>(has) >= static_cast<int>(needs); }

inline constexpr std::size_t kLeastTokenSize = 32;

struct Operator {
  std::string name;
  Role role = Role::Reader;
  SecretBytes token;
};

class Operators {
 public:
  /// `admin_token`: of the operator "admin". Errors name the setting: a token that cannot be read, is too short, or is another's.
  [[nodiscard]] static Result<Operators> make(const config::Config& config, const std::string& admin_token);
  /// By the value of an Authorization field; null: nobody.
  [[nodiscard]] const Operator* find(std::string_view authorization) const noexcept;
  /// Of somebody whom a guard has let in (http::Request::user); Reader for names that nobody has.
  [[nodiscard]] Role role_of(std::string_view name) const noexcept;

 private:
  std::vector<Operator> m_all;
};

}  // namespace postern::api
