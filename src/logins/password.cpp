#include "logins/password.hpp"

#include <crypt.h>

#include <algorithm>
#include <memory>

#include "base/text.hpp"
#include "crypto/random.hpp"
#include "logins/record.hpp"

namespace postern::vault {
namespace {

constexpr std::size_t kSalt = 16;
constexpr std::size_t kHash = 32;
constexpr std::size_t kBcryptSize = 60;
constexpr std::size_t kBcryptText = 72;  // bcrypt does not see what follows
constexpr Argon2Cost kMostCost{.memory_kib = 256 * 1024, .iterations = 16, .lanes = 16};

tl::unexpected<Error> refuse_hash(std::string what) {
  return fail(ErrorCode::BadInput, "password_hash " + std::move(what), "password_hash");
}

// crypt(3) keeps the password in its working memory.
struct WipedCrypt {
  void operator()(crypt_data* data) const noexcept {
    wipe(ByteSpan(reinterpret_cast<Byte*>(data), sizeof(crypt_data)));
    delete data;
  }
};

Result<std::uint32_t> bounded(const boost::json::object& record, std::string_view name, std::uint32_t most) {
  POSTERN_TRY(const std::int64_t value, record_integer(record, name));
  if (value < 1 || value > most) return fail(ErrorCode::IntegrityFailed, "a stored password has a cost out of range");
  return static_cast<std::uint32_t>(value);
}

}  // namespace

Result<Password> Password::make(std::string_view text) {
  if (text.empty()) return fail(ErrorCode::BadInput, "missing password", "password");
  if (text.size() > kPasswordText) return fail(ErrorCode::BadInput, "password has more than 4096 bytes", "password");
  Password out;
  out.m_salt.resize(kSalt);
  fill_nonce(out.m_salt);
  POSTERN_TRY(const SecretBytes hash, argon2id(as_bytes(text), out.m_salt, out.m_cost, kHash));
  out.m_hash.assign(hash.view().begin(), hash.view().end());
  return out;
}

Result<Password> Password::from_bcrypt(std::string_view hash) {
  const auto is_letter = [](char c) { return is_alnum(c) || c == '.' || c == '/'; };
  const bool shaped = hash.size() == kBcryptSize && hash.starts_with("$2") && (hash[2] == 'a' || hash[2] == 'b' || hash[2] == 'y') &&
                      hash[3] == '$' && is_digit(hash[4]) && is_digit(hash[5]) && hash[6] == '$' &&
                      std::ranges::all_of(hash.substr(7), is_letter);
  if (!shaped) return refuse_hash("is no bcrypt hash such as $2b$10$...");
  const int cost = (hash[4] - '0') * 10 + (hash[5] - '0');
  if (cost < 4 || cost > kBcryptCost) return refuse_hash("has a cost outside 4 to " + std::to_string(kBcryptCost));
  Password out;
  out.m_bcrypt = hash;
  return out;
}

Password Password::nobody() {
  Password out;
  out.m_salt.resize(kSalt);
  return out;  // without a hash: matches() does the work and finds nothing equal
}

Result<bool> Password::matches(std::string_view text) const {
  if (text.size() > kPasswordText) return false;
  return m_bcrypt.empty() ? matches_argon2(text) : matches_bcrypt(text);
}

Result<bool> Password::matches_argon2(std::string_view text) const {
  POSTERN_TRY(const SecretBytes hash, argon2id(as_bytes(text), m_salt, m_cost, kHash));
  return constant_time_equal(hash.view(), m_hash);
}

Result<bool> Password::matches_bcrypt(std::string_view text) const {
  // A longer one, or one with a NUL, would be equal to its beginning.
  const bool whole = text.size() <= kBcryptText && text.find('\0') == std::string_view::npos;
  const SecretBytes phrase = [&] {
    SecretBytes copy(text.size() + 1);
    std::ranges::copy(as_bytes(text), copy.span().begin());
    copy.span().back() = 0;
    return copy;
  }();
  const std::unique_ptr<crypt_data, WipedCrypt> data(new crypt_data());
  const char* made = crypt_r(reinterpret_cast<const char*>(phrase.view().data()), m_bcrypt.c_str(), data.get());
  if (made == nullptr || *made == '*') return fail(ErrorCode::Unsupported, "this system cannot check bcrypt: set the user a new password");
  return whole && constant_time_equal(as_bytes(std::string_view(made)), as_bytes(m_bcrypt));
}

boost::json::object Password::encode() const {
  if (!m_bcrypt.empty()) return {{"bcrypt", m_bcrypt}};
  return {{"memory_kib", m_cost.memory_kib},
          {"iterations", m_cost.iterations},
          {"lanes", m_cost.lanes},
          {"salt", hex_encode(m_salt)},
          {"argon2id", hex_encode(m_hash)}};
}

Result<Password> Password::decode(const boost::json::object& record) {
  Password out;
  if (record.contains("bcrypt")) {
    POSTERN_TRY(out.m_bcrypt, record_text(record, "bcrypt"));
    return out;
  }
  POSTERN_TRY(out.m_cost.memory_kib, bounded(record, "memory_kib", kMostCost.memory_kib));
  POSTERN_TRY(out.m_cost.iterations, bounded(record, "iterations", kMostCost.iterations));
  POSTERN_TRY(out.m_cost.lanes, bounded(record, "lanes", kMostCost.lanes));
  POSTERN_TRY(const std::string salt, record_text(record, "salt"));
  POSTERN_TRY(const std::string hash, record_text(record, "argon2id"));
  POSTERN_TRY(out.m_salt, hex_decode(salt));
  POSTERN_TRY(out.m_hash, hex_decode(hash));
  if (out.m_hash.size() != kHash) return fail(ErrorCode::IntegrityFailed, "a stored password has a wrong size");
  return out;
}

}  // namespace postern::vault
