#include "store/ms_users.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "crypto/kdf.hpp"
#include "crypto/random.hpp"
#include "store/ms_mailbox.hpp"

namespace postern {
namespace {

// ---- passwords: "argon2id$memory$iterations$lanes$salt$hash", the last two in hexadecimal
constexpr Argon2Cost kCost{.memory_kib = 19 * 1024, .iterations = 2, .lanes = 1};  // a user agent binds often
constexpr std::size_t kSalt = 16, kHash = 32;

struct StoredPassword {
  Argon2Cost cost = kCost;
  Bytes salt = Bytes(kSalt);
  Bytes hash;  ///< Empty: nobody's; the work is done all the same.
};

std::optional<std::uint32_t> number_of(std::string_view text, std::uint32_t most) {
  std::uint32_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size() || out == 0 || out > most) return std::nullopt;
  return out;
}

Result<StoredPassword> parse(std::string_view text) {
  const auto damaged = [] { return fail(ErrorCode::IntegrityFailed, "a stored password is damaged: set the user a new one"); };
  const auto parts = split(text, '$');
  if (parts.size() != 6 || parts[0] != "argon2id") return damaged();
  const auto memory = number_of(parts[1], 1024 * 1024), iterations = number_of(parts[2], 64), lanes = number_of(parts[3], 64);
  auto salt = hex_decode(parts[4]), hash = hex_decode(parts[5]);
  if (!memory || !iterations || !lanes || !salt || !hash) return damaged();
  return StoredPassword{{*memory, *iterations, *lanes}, *std::move(salt), *std::move(hash)};
}

Result<std::string> stored_form(std::string_view password) {
  if (password.empty() || password.size() > kMsPassword)
    return fail(ErrorCode::BadInput, "give a password of 1 to " + std::to_string(kMsPassword) + " octets", "password");
  Bytes salt(kSalt);
  fill_nonce(salt);
  POSTERN_TRY(const SecretBytes hash, argon2id(as_bytes(password), salt, kCost, kHash));
  return "argon2id$" + std::to_string(kCost.memory_kib) + "$" + std::to_string(kCost.iterations) + "$" + std::to_string(kCost.lanes) + "$" +
         hex_encode(salt) + "$" + hex_encode(hash.view());
}

// ---- rows
constexpr std::int64_t kEntriesAtOnce = 500;

tl::unexpected<Error> nobody(std::string_view address) {
  return fail(ErrorCode::NotFound, "no mailbox for this address: " + printable(address), "address");
}

}  // namespace

std::string_view name_of(DeliveredBy by) noexcept { return by == DeliveredBy::P3 ? "p3" : "store"; }

std::optional<DeliveredBy> delivered_by_from_name(std::string_view name) noexcept {
  for (const DeliveredBy each : {DeliveredBy::Store, DeliveredBy::P3})
    if (name == name_of(each)) return each;
  return std::nullopt;
}

Status MsUsers::load() {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows, reader->prepare("SELECT id, address_key, address, delivery FROM ms_user"));
  std::map<std::string, MsUser, std::less<>> users;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) break;
    MsUser user{rows.integer(0), std::string(rows.text(1)), std::string(rows.text(2)), static_cast<DeliveredBy>(rows.integer(3))};
    users.emplace(user.address_key, std::move(user));
  }
  const std::lock_guard lock(m_mutex);
  m_users = std::move(users);
  return {};
}

std::optional<MsUser> MsUsers::find(std::string_view address_key) const {
  const std::lock_guard lock(m_mutex);
  const auto found = m_users.find(address_key);
  return found == m_users.end() ? std::nullopt : std::optional(found->second);
}

std::vector<MsUser> MsUsers::list() const {
  std::vector<MsUser> out;
  {
    const std::lock_guard lock(m_mutex);
    for (const auto& [key, user] : m_users) out.push_back(user);
  }
  std::ranges::sort(out, {}, &MsUser::address);
  return out;
}

Result<MsUser> MsUsers::add(std::string_view address_key, std::string_view address, std::string_view password, DeliveredBy delivered_by) {
  if (find(address_key)) return fail(ErrorCode::Conflict, "the address has a mailbox already: " + printable(address), "address");
  POSTERN_TRY(const std::string stored, stored_form(password));
  POSTERN_TRY(const NewRowKey key, make_row_key(m_store, m_keeper, m_random));
  MsUser user{0, std::string(address_key), std::string(address), delivered_by};
  POSTERN_CHECK(m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_TRY(const ContentId content, key.put(database, m_store.contents()));
    POSTERN_CHECK(
        database.run("INSERT INTO ms_user(address_key, address, password, key_content, next_number, last_created, registered, delivery)"
                     " VALUES (?,?,?,?,1,0,x'',?)",
                     user.address_key, user.address, stored, content.get(), static_cast<std::int64_t>(delivered_by)));
    user.id = database.last_insert_rowid();
    return {};
  }));
  const std::lock_guard lock(m_mutex);
  m_users[user.address_key] = user;
  m_keys[user.id] = key.key;
  return user;
}

Result<bool> MsUsers::remove_some(const MsUser& user) {
  bool more = false;
  POSTERN_CHECK(m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_TRY(more, remove_ms_entries(database, m_store.contents(), user, kEntriesAtOnce));
    if (more) return {};
    POSTERN_TRY(const auto key, database.query_integer("SELECT key_content FROM ms_user WHERE id = ?", user.id));
    if (!key) return {};
    POSTERN_CHECK(database.run("DELETE FROM ms_forward WHERE user = ?", user.id));
    POSTERN_CHECK(database.run("DELETE FROM ms_user WHERE id = ?", user.id));
    return m_store.contents().release(database, ContentId(*key));
  }));
  return more;
}

Status MsUsers::remove(std::string_view address_key) {
  const auto user = find(address_key);
  if (!user) return nobody(address_key);
  for (bool more = true; more;) {
    POSTERN_TRY(more, remove_some(*user));
  }
  const std::lock_guard lock(m_mutex);
  m_users.erase(user->address_key);
  m_keys.erase(user->id);
  return {};
}

Status MsUsers::set_password(std::string_view address_key, std::string_view password) {
  const auto user = find(address_key);
  if (!user) return nobody(address_key);
  POSTERN_TRY(const std::string stored, stored_form(password));
  return m_store.writer().transact(
      [&](Database& database) { return database.run("UPDATE ms_user SET password = ? WHERE id = ?", stored, user->id); });
}

Result<MsUser> MsUsers::check(std::string_view address_key, ByteView password) const {
  const auto user = find(address_key);
  StoredPassword expected;
  if (user) {
    const DatabaseReader reader = m_store.reader();
    POSTERN_TRY(Statement row, reader->prepare("SELECT password FROM ms_user WHERE id = ?"));
    POSTERN_TRY(const bool found, row.bind_all(user->id).step());
    if (found) {
      POSTERN_TRY(expected, parse(row.text(0)));
    }
  }
  const ByteView given = password.first(std::min(password.size(), kMsPassword + 1));  // a longer one is nobody's
  POSTERN_TRY(const SecretBytes hash, argon2id(given, expected.salt, expected.cost, kHash));
  if (!user || !constant_time_equal(hash.view(), expected.hash)) return fail(ErrorCode::Denied, "the address or the password is wrong");
  return *user;
}

Result<std::shared_ptr<const RowKey>> MsUsers::key_of(const MsUser& user) {
  {
    const std::lock_guard lock(m_mutex);
    if (const auto found = m_keys.find(user.id); found != m_keys.end()) return found->second;
  }
  const auto content = m_store.reader()->query_integer("SELECT key_content FROM ms_user WHERE id = ?", user.id);
  if (!content) return fail(content.error());
  if (!*content) return nobody(user.address);
  POSTERN_TRY(auto key, open_row_key(m_store, m_keeper, ContentId(**content)));
  const std::lock_guard lock(m_mutex);
  return m_keys[user.id] = std::move(key);
}

}  // namespace postern
