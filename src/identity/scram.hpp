// Passwords as SCRAM-SHA-256 credentials (RFC 5802, RFC 7677): what is stored cannot be used to log in, and one form serves SCRAM and
// PLAIN.
//
// Passwords are UTF-8 and go through SASLprep (RFC 4013, saslprep.hpp) wherever they are stored, checked or proven; printable ASCII stays
// as it is. Every function here takes them as typed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "crypto/hash.hpp"

namespace postern {

struct ScramCredentials {
  Bytes salt;
  std::uint32_t iterations = 0;
  Sha256 stored_key{};
  Sha256 server_key{};

  /// "SCRAM-SHA-256$15000:BASE64SALT$BASE64STOREDKEY:BASE64SERVERKEY", the form other servers store too.
  [[nodiscard]] std::string to_text() const;
  [[nodiscard]] static Result<ScramCredentials> from_text(std::string_view text);
  friend bool operator==(const ScramCredentials&, const ScramCredentials&) = default;
};

inline constexpr std::uint32_t kScramIterations = 15000;
inline constexpr std::uint32_t kScramMinIterations = 4096;  ///< RFC 7677 4: "at least 4096"
inline constexpr std::uint32_t kScramMaxIterations = 1000000;
inline constexpr std::size_t kPasswordLimit = 1024;

/// BadInput for an empty password, one that SASLprep refuses, a salt under 8 bytes or iterations out of bounds; TooLarge over
/// kPasswordLimit.
[[nodiscard]] Result<ScramCredentials> make_scram(std::string_view password, ByteView salt, std::uint32_t iterations = kScramIterations);
[[nodiscard]] Result<ScramCredentials> make_scram(std::string_view password, Random& random, std::uint32_t iterations = kScramIterations);

/// For AUTH PLAIN and LOGIN. Takes the time of one derivation whether or not the password is right.
[[nodiscard]] bool verify_password(const ScramCredentials& credentials, std::string_view password);

/// Stable, useless credentials for a name that does not exist, so that a stranger sees the same exchange for it (same salt each time).
/// `secret` is any key that stays the same while the server lives.
[[nodiscard]] ScramCredentials decoy_credentials(std::string_view name, ByteView secret);

/// The server's half (RFC 5802 3): checks ClientProof over AuthMessage; the answer is ServerSignature. Denied when it is wrong.
[[nodiscard]] Result<Sha256> scram_verify_proof(const ScramCredentials& credentials, std::string_view auth_message, ByteView client_proof);

/// The client's half: ClientProof to send, and ServerSignature to expect.
struct ScramClientProof {
  Sha256 client_proof{};
  Sha256 server_signature{};
};
[[nodiscard]] Result<ScramClientProof> scram_client_proof(std::string_view password, ByteView salt, std::uint32_t iterations,
                                                          std::string_view auth_message);

}  // namespace postern
