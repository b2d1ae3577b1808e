// How questions travel to the external Vault, as a port: HTTP in the product, a script in tests.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/secret.hpp"

namespace postern::vaultkeeper {

/// One question to the Vault's API.
struct Ask {
  std::string method = "POST";
  std::string path;  ///< Below /v1/, as it is sent: "transit/sign/dkim_key".
  SecretBytes body;  ///< JSON, or empty.
  /// Whether it may be asked twice because an answer was lost. Not so: rotation, creation, unwrapping.
  bool repeatable = true;
};

/// One question on its way to one address.
struct Envelope {
  std::string url;  ///< Whole: "https://vault.example:8200/v1/transit/sign/dkim_key".
  const Ask& ask;
  ByteView token;  ///< Empty: none is sent.
  std::string name_space;
};

struct Reply {
  unsigned status = 0;
  SecretBytes body;      ///< At most kAnswerLimit bytes.
  std::string location;  ///< Of a redirect.
  std::optional<std::chrono::seconds> retry_after;
};
inline constexpr std::size_t kAnswerLimit = 1U << 20;

/// Thread safe, blocking. Errors: Unavailable (no connection, it broke), Denied (TLS: not who it should be), Timeout (the deadline),
/// BadInput (not HTTP), TooLarge. The error's field is "sent" when the peer may have seen the question; a caller that must not ask twice
/// looks at it.
class Transport {
 public:
  virtual ~Transport() = default;
  [[nodiscard]] virtual Result<Reply> exchange(const Envelope& envelope, SteadyTime deadline) = 0;
};

}  // namespace postern::vaultkeeper
