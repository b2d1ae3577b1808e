#include "identity/users.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "crypto/random.hpp"
#include "identity/saslprep.hpp"

namespace postern {
namespace {

constexpr std::size_t kNameLimit = 255;

bool has_space_or_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

// "alice+tag@example.org" -> "alice@example.org"
std::string without_tag(std::string_view address) {
  const std::size_t at = address.rfind('@');
  const std::size_t plus = address.find('+');
  if (at == std::string_view::npos || plus == std::string_view::npos || plus == 0 || plus > at) return std::string(address);
  return std::string(address.substr(0, plus)).append(address.substr(at));
}

bool pattern_matches(std::string_view pattern, std::string_view address) {
  if (pattern == "*") return true;
  if (!pattern.starts_with('@')) return pattern == address || pattern == without_tag(address);
  const std::size_t at = address.rfind('@');
  return at != std::string_view::npos && at > 0 && address.substr(at) == pattern;
}

ByteView decoy_secret() {
  static const SecretBytes secret = random_key(32);
  return secret.view();
}

}  // namespace

Result<std::string> parse_user_name(std::string_view text) {
  if (text.empty() || text.size() > kNameLimit) return fail(ErrorCode::BadInput, "a user name has 1 to 255 bytes", "name");
  auto prepared = saslprep_name(text, SaslPrepAs::Stored);
  if (!prepared) return fail(ErrorCode::BadInput, prepared.error().what, "name");
  if (has_space_or_control(*prepared)) return fail(ErrorCode::BadInput, "a user name has no spaces", "name");
  if (prepared->size() > kNameLimit) return fail(ErrorCode::BadInput, "a user name has 1 to 255 bytes", "name");
  return to_lower(*prepared);
}

std::string user_key(std::string_view text) {
  const auto name = parse_user_name(text);
  return name ? *name : std::string();
}

Result<std::string> parse_sender_pattern(std::string_view text) {
  if (text == "*") return std::string(text);
  const std::size_t at = text.rfind('@');
  const bool usable =
      text.size() <= 320 && at != std::string_view::npos && at + 1 < text.size() && is_utf8(text) && !has_space_or_control(text);
  if (!usable) return fail(ErrorCode::BadInput, "write an address (alice@example.org), a domain (@example.org) or *", "senders");
  return to_lower(text);
}

bool may_send_as(const User& user, std::string_view address) {
  if (user.disabled) return false;
  if (address.empty()) return true;  // RFC 3461 6.1, RFC 8098 3: reports are sent with the null path
  const std::string folded = to_lower(address);
  return std::ranges::any_of(user.senders, [&](const std::string& pattern) { return pattern_matches(to_lower(pattern), folded); });
}

Result<User> authenticate(UserStore& store, std::string_view name, std::string_view password) {
  POSTERN_TRY(const std::optional<User> user, store.find(name));
  // The same work for a name that does not exist.
  const bool right = verify_password(user ? user->credentials : decoy_credentials(name, decoy_secret()), password);
  if (!user || !right || user->disabled) return fail(ErrorCode::Denied, "user name or password is wrong");
  return *user;
}

Result<std::optional<User>> MemoryUserStore::find(std::string_view name) {
  const std::lock_guard lock(m_mutex);
  const auto found = m_users.find(user_key(name));
  if (found == m_users.end()) return std::optional<User>();
  return std::optional<User>(found->second);
}

Result<std::vector<User>> MemoryUserStore::list() {
  const std::lock_guard lock(m_mutex);
  std::vector<User> out;
  for (const auto& [name, user] : m_users) out.push_back(user);
  return out;
}

Status MemoryUserStore::put(const User& user) {
  POSTERN_TRY(const std::string name, parse_user_name(user.name));
  User stored = user;
  stored.name = name;
  for (std::string& pattern : stored.senders) {
    POSTERN_TRY(pattern, parse_sender_pattern(pattern));
  }
  const std::lock_guard lock(m_mutex);
  m_users.insert_or_assign(name, std::move(stored));
  return {};
}

Status MemoryUserStore::remove(std::string_view name) {
  const std::lock_guard lock(m_mutex);
  if (m_users.erase(user_key(name)) == 0) return fail(ErrorCode::NotFound, "no such user", "name");
  return {};
}

}  // namespace postern
