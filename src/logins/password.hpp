// Passwords as they are kept: Argon2id with a salt of their own.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace postern::vault {

inline constexpr std::size_t kPasswordBytes = 1024;

/// "$argon2id$v=19$m=...,t=...,p=...$salt$hash". BadInput for an empty password or one over kPasswordBytes. Takes some ten milliseconds.
[[nodiscard]] Result<std::string> hash_password(std::string_view password);
/// In a time that does not depend on the password; Internal when `kept` is not what hash_password() made.
[[nodiscard]] Result<bool> verify_password(std::string_view password, std::string_view kept);
/// As much work as verify_password(), for names that do not exist.
void pretend_to_verify(std::string_view password) noexcept;

}  // namespace postern::vault
