#include "logins/password.hpp"

#include <charconv>

#include "base/text.hpp"
#include "crypto/kdf.hpp"
#include "crypto/random.hpp"

namespace postern::vault {
namespace {

// RFC 9106 4 leaves memory to the machine; 19 MiB and 2 passes are OWASP's floor, and a server answers many logins at once.
constexpr Argon2Cost kCost{.memory_kib = 19 * 1024, .iterations = 2, .lanes = 1};
constexpr std::size_t kSalt = 16;
constexpr std::size_t kHash = 32;
constexpr std::uint32_t kMostMemory = 256 * 1024;
constexpr std::uint32_t kMostIterations = 16;

std::string unpadded(ByteView bytes) {
  std::string out = base64_encode(bytes);
  while (out.ends_with('=')) out.pop_back();
  return out;
}

Result<Bytes> decode(std::string_view text) {
  std::string padded(text);
  padded.append((4 - padded.size() % 4) % 4, '=');
  return base64_decode(padded);
}

struct Kept {
  Argon2Cost cost;
  Bytes salt, hash;
};

bool read_cost(std::string_view text, std::string_view name, std::uint32_t most, std::uint32_t& out) {
  if (!text.starts_with(name)) return false;
  text.remove_prefix(name.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= 1 && out <= most;
}

Result<Kept> read(std::string_view text) {
  const auto parts = split(text, '$');
  Kept kept;
  const auto costs = parts.size() == 6 ? split(parts[3], ',') : std::vector<std::string_view>();
  const bool form = costs.size() == 3 && parts[1] == "argon2id" && parts[2] == "v=19" &&
                    read_cost(costs[0], "m=", kMostMemory, kept.cost.memory_kib) &&
                    read_cost(costs[1], "t=", kMostIterations, kept.cost.iterations) && read_cost(costs[2], "p=", 16, kept.cost.lanes);
  if (!form) return fail(ErrorCode::Internal, "a stored password hash cannot be read");
  POSTERN_TRY(kept.salt, decode(parts[4]));
  POSTERN_TRY(kept.hash, decode(parts[5]));
  return kept;
}

}  // namespace

Result<std::string> hash_password(std::string_view password) {
  if (password.empty()) return fail(ErrorCode::BadInput, "missing password", "password");
  if (password.size() > kPasswordBytes)
    return fail(ErrorCode::BadInput, "a password has at most " + std::to_string(kPasswordBytes) + " bytes", "password");
  Bytes salt(kSalt);
  fill_nonce(salt);
  POSTERN_TRY(const SecretBytes hash, argon2id(as_bytes(password), salt, kCost, kHash));
  return "$argon2id$v=19$m=" + std::to_string(kCost.memory_kib) + ",t=" + std::to_string(kCost.iterations) +
         ",p=" + std::to_string(kCost.lanes) + "$" + unpadded(salt) + "$" + unpadded(hash.view());
}

Result<bool> verify_password(std::string_view password, std::string_view kept) {
  POSTERN_TRY(const Kept read_back, read(kept));
  if (password.size() > kPasswordBytes) {
    pretend_to_verify(password);
    return false;
  }
  POSTERN_TRY(const SecretBytes hash, argon2id(as_bytes(password), read_back.salt, read_back.cost, read_back.hash.size()));
  return constant_time_equal(hash.view(), read_back.hash);
}

void pretend_to_verify(std::string_view password) noexcept try {
  const Bytes salt(kSalt);
  static_cast<void>(argon2id(as_bytes(password.substr(0, kPasswordBytes)), salt, kCost, kHash));
} catch (...) {  // no memory: then the real work would fail as well
}

}  // namespace postern::vault
