// Passwords as they are kept: Argon2id of our own making, or a bcrypt hash that somebody brought along.
//
// Threads: functions without state. Costs: an Argon2id check takes kPasswordCost (19 MiB, some 20 ms), a bcrypt check whatever its cost
// says (at most kBcryptCost, about a second). Source: RFC 9106; OWASP's recommended parameters; bcrypt as crypt(5) writes it.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "crypto/kdf.hpp"

namespace postern::vault {

inline constexpr Argon2Cost kPasswordCost{.memory_kib = 19 * 1024, .iterations = 2, .lanes = 1};
inline constexpr std::size_t kPasswordText = 4096;
inline constexpr int kBcryptCost = 14;

class Password {
 public:
  /// Hashes with a fresh salt. BadInput when it is empty or longer than kPasswordText, Exhausted without the memory.
  [[nodiscard]] static Result<Password> make(std::string_view text);
  /// "$2a$10$...", "$2b$", "$2y$". BadInput for another form or a cost above kBcryptCost.
  [[nodiscard]] static Result<Password> from_bcrypt(std::string_view hash);
  /// What unknown users are checked against: no text is it. Takes as long as one of make().
  [[nodiscard]] static Password nobody();

  [[nodiscard]] Result<bool> matches(std::string_view text) const;

  [[nodiscard]] boost::json::object encode() const;
  /// IntegrityFailed when it is not what encode() wrote.
  [[nodiscard]] static Result<Password> decode(const boost::json::object& record);

 private:
  [[nodiscard]] Result<bool> matches_argon2(std::string_view text) const;
  [[nodiscard]] Result<bool> matches_bcrypt(std::string_view text) const;
  std::string m_bcrypt;  // empty: Argon2id
  Argon2Cost m_cost = kPasswordCost;
  Bytes m_salt, m_hash;
};

}  // namespace postern::vault
