#include "identity/scram.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "crypto/hmac.hpp"
#include "crypto/kdf.hpp"
#include "identity/saslprep.hpp"

namespace postern {
namespace {

constexpr std::string_view kMechanism = "SCRAM-SHA-256$";
constexpr std::size_t kMinSalt = 8;
constexpr std::size_t kMaxSalt = 128;

/// RFC 5802 2.2, Normalize(str): SASLprep, "treated as a stored string".
Result<SecretBytes> normalize(std::string_view password) {
  if (password.size() > kPasswordLimit) return fail(ErrorCode::TooLarge, "the password has more than 1,024 bytes", "password");
  return saslprep(password, SaslPrepAs::Stored, "password");
}

Status check_parameters(ByteView salt, std::uint32_t iterations) {
  if (salt.size() < kMinSalt || salt.size() > kMaxSalt) return fail(ErrorCode::BadInput, "the salt must be 8 to 128 bytes", "salt");
  // RFC 7677 4: "the hash iteration-count ... SHOULD be at least 4096"; the upper bound keeps a stranger from buying our time.
  if (iterations < kScramMinIterations || iterations > kScramMaxIterations) {
    return fail(ErrorCode::BadInput, "iterations must be 4,096 to 1,000,000", "iterations");
  }
  return {};
}

struct DerivedKeys {
  Sha256 client_key{};
  Sha256 stored_key{};
  Sha256 server_key{};
  ~DerivedKeys() { wipe(client_key); }
};

// RFC 5802 3: SaltedPassword := Hi(...); ClientKey := HMAC(SaltedPassword, "Client Key"); StoredKey := H(ClientKey);
// ServerKey := HMAC(SaltedPassword, "Server Key")
Result<DerivedKeys> derive(ByteView normalized, ByteView salt, std::uint32_t iterations) {
  POSTERN_TRY(const SecretBytes salted, pbkdf2(HashAlgorithm::Sha256, normalized, salt, iterations, 32));
  DerivedKeys keys;
  keys.client_key = hmac_sha256(salted.view(), as_bytes("Client Key"));
  keys.stored_key = sha256(keys.client_key);
  keys.server_key = hmac_sha256(salted.view(), as_bytes("Server Key"));
  return keys;
}

Sha256 exclusive_or(const Sha256& a, const Sha256& b) {
  Sha256 out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = a[i] ^ b[i];
  return out;
}

Result<Sha256> decode_key(std::string_view text) {
  POSTERN_TRY(const Bytes raw, base64_decode(text));
  if (raw.size() != 32) return fail(ErrorCode::BadInput, "a SCRAM-SHA-256 key must be 32 bytes");
  Sha256 key;
  std::ranges::copy(raw, key.begin());
  return key;
}

Result<std::uint32_t> decode_iterations(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return fail(ErrorCode::BadInput, "not a number", "iterations");
  return value;
}

}  // namespace

std::string ScramCredentials::to_text() const {
  std::string out(kMechanism);
  out += std::to_string(iterations) + ":" + base64_encode(salt) + "$";
  return out + base64_encode(stored_key) + ":" + base64_encode(server_key);
}

Result<ScramCredentials> ScramCredentials::from_text(std::string_view text) {
  const auto malformed = [] { return fail(ErrorCode::BadInput, "not of the form SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY"); };
  if (!text.starts_with(kMechanism)) return malformed();
  const auto halves = split(text.substr(kMechanism.size()), '$');
  if (halves.size() != 2) return malformed();
  const auto cost = split(halves[0], ':');
  const auto keys = split(halves[1], ':');
  if (cost.size() != 2 || keys.size() != 2) return malformed();
  ScramCredentials out;
  POSTERN_TRY(out.iterations, decode_iterations(cost[0]));
  POSTERN_TRY(out.salt, base64_decode(cost[1]));
  POSTERN_TRY(out.stored_key, decode_key(keys[0]));
  POSTERN_TRY(out.server_key, decode_key(keys[1]));
  POSTERN_CHECK(check_parameters(out.salt, out.iterations));
  return out;
}

Result<ScramCredentials> make_scram(std::string_view password, ByteView salt, std::uint32_t iterations) {
  POSTERN_TRY(const SecretBytes normalized, normalize(password));
  POSTERN_CHECK(check_parameters(salt, iterations));
  POSTERN_TRY(const DerivedKeys keys, derive(normalized.view(), salt, iterations));
  return ScramCredentials{Bytes(salt.begin(), salt.end()), iterations, keys.stored_key, keys.server_key};
}

Result<ScramCredentials> make_scram(std::string_view password, Random& random, std::uint32_t iterations) {
  return make_scram(password, random.bytes(16), iterations);
}

bool verify_password(const ScramCredentials& credentials, std::string_view password) {
  // A password that cannot be stored is derived all the same, so that the answer takes its usual time.
  const auto normalized = normalize(password);
  const auto keys = derive(normalized ? normalized->view() : as_bytes("-"), credentials.salt, std::max(credentials.iterations, 1U));
  return keys && constant_time_equal(keys->stored_key, credentials.stored_key) && normalized;
}

ScramCredentials decoy_credentials(std::string_view name, ByteView secret) {
  const std::string folded = to_lower(name);
  const auto part = [&](std::string_view use) {
    return Hmac(HashAlgorithm::Sha256, secret).update(as_bytes(use)).update(as_bytes(folded)).finish();
  };
  ScramCredentials out;
  out.salt = part("postern scram decoy salt\n");
  out.salt.resize(16);
  out.iterations = kScramIterations;
  std::ranges::copy(part("postern scram decoy stored\n"), out.stored_key.begin());
  std::ranges::copy(part("postern scram decoy server\n"), out.server_key.begin());
  return out;
}

Result<Sha256> scram_verify_proof(const ScramCredentials& credentials, std::string_view auth_message, ByteView client_proof) {
  Sha256 proof{};
  if (client_proof.size() != proof.size()) return fail(ErrorCode::Denied, "the client's proof is wrong");
  std::ranges::copy(client_proof, proof.begin());
  // RFC 5802 3: ClientSignature := HMAC(StoredKey, AuthMessage); ClientProof := ClientKey XOR ClientSignature
  const Sha256 signature = hmac_sha256(credentials.stored_key, as_bytes(auth_message));
  Sha256 client_key = exclusive_or(proof, signature);
  const bool right = constant_time_equal(sha256(client_key), credentials.stored_key);
  wipe(client_key);
  if (!right) return fail(ErrorCode::Denied, "the client's proof is wrong");
  return hmac_sha256(credentials.server_key, as_bytes(auth_message));
}

Result<ScramClientProof> scram_client_proof(std::string_view password, ByteView salt, std::uint32_t iterations,
                                            std::string_view auth_message) {
  POSTERN_TRY(const SecretBytes normalized, normalize(password));
  POSTERN_CHECK(check_parameters(salt, iterations));
  POSTERN_TRY(const DerivedKeys keys, derive(normalized.view(), salt, iterations));
  ScramClientProof out;
  out.client_proof = exclusive_or(keys.client_key, hmac_sha256(keys.stored_key, as_bytes(auth_message)));
  out.server_signature = hmac_sha256(keys.server_key, as_bytes(auth_message));
  return out;
}

}  // namespace postern
