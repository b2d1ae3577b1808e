// A credential of a request, wiped. For this room only.
#pragma once

#include <string>

#include "base/secret.hpp"
#include "vault/fields.hpp"

namespace postern::vault {

/// As the client sent it, whatever its JSON type.
class Credential {
 public:
  Credential(const Fields& fields, std::string_view field) : m_text(fields.text(field)) {}
  Credential(const Credential&) = delete;
  Credential& operator=(const Credential&) = delete;
  ~Credential() { wipe(m_text); }
  [[nodiscard]] std::string_view view() const noexcept { return m_text; }

 private:
  std::string m_text;
};

}  // namespace postern::vault
