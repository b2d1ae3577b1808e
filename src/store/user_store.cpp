#include "store/user_store.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace postern {
namespace {

// Sender patterns hold no control characters (parse_sender_pattern), so lines keep them apart.
std::string join_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) (text += line) += '\n';
  return text;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  for (const std::string_view line : split(text, '\n'))
    if (!line.empty()) lines.emplace_back(line);
  return lines;
}

Result<User> user_of(const Statement& row) {
  POSTERN_TRY(ScramCredentials credentials, ScramCredentials::from_text(row.text(1)));
  return User{std::string(row.text(0)), std::move(credentials), split_lines(row.text(2)), row.integer(3) != 0};
}

}  // namespace

Result<std::optional<User>> SqliteUserStore::find(std::string_view name) {
  const DatabaseReader reader = m_store.reader();
  const std::string key = user_key(name);
  POSTERN_TRY(Statement row, reader->prepare("SELECT name, credentials, senders, disabled FROM user WHERE name = ?"));
  POSTERN_TRY(const bool found, row.bind_all(key).step());
  if (!found) return std::optional<User>();
  POSTERN_TRY(User user, user_of(row));
  return std::optional(std::move(user));
}

Result<std::vector<User>> SqliteUserStore::list() {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows, reader->prepare("SELECT name, credentials, senders, disabled FROM user ORDER BY name"));
  std::vector<User> users;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return users;
    POSTERN_TRY(users.emplace_back(), user_of(rows));
  }
}

Status SqliteUserStore::put(const User& user) {
  POSTERN_TRY(const std::string name, parse_user_name(user.name));
  const auto is_pattern = [](const std::string& pattern) { return parse_sender_pattern(pattern).has_value(); };
  if (!std::ranges::all_of(user.senders, is_pattern)) return fail(ErrorCode::BadInput, "give addresses, @domains or *", "senders");
  const std::string credentials = user.credentials.to_text(), senders = join_lines(user.senders);
  return m_store.writer().transact([&](Database& database) {
    return database.run("INSERT OR REPLACE INTO user(name, credentials, senders, disabled) VALUES (?,?,?,?)", name, credentials, senders,
                        user.disabled);
  });
}

Status SqliteUserStore::remove(std::string_view name) {
  const std::string key = user_key(name);
  return m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_CHECK(database.run("DELETE FROM user WHERE name = ?", key));
    if (database.changes() == 0) return fail(ErrorCode::NotFound, "no user " + printable(key));
    return {};
  });
}

}  // namespace postern
