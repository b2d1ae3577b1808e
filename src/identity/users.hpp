// Who may submit mail, and in whose name.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "identity/scram.hpp"

namespace postern {

/// Names are compared in their prepared form (SASLprep, RFC 4013) and without regard to ASCII case; stores keep them in that form.
struct User {
  std::string name;  ///< What is typed as the login; often an address.
  ScramCredentials credentials;
  /// Addresses ("alice@example.org"), whole domains ("@example.org"), or "*" for everything.
  std::vector<std::string> senders;
  bool disabled = false;

  friend bool operator==(const User&, const User&) = default;
};

/// 1 to 255 bytes of UTF-8 without spaces that SASLprep takes; answers the prepared form in lower case. BadInput says what is wrong.
[[nodiscard]] Result<std::string> parse_user_name(std::string_view text);
/// The key under which a store looks for a name as typed: its prepared form, or one that no stored name has.
[[nodiscard]] std::string user_key(std::string_view text);
/// Checks one entry of `senders` and answers its lower-case form.
[[nodiscard]] Result<std::string> parse_sender_pattern(std::string_view text);

/// Whether the user may send with this reverse path ("" is the null path of reports and is always allowed). Case is ignored, and
/// "alice+tag@example.org" is allowed to who may use "alice@example.org".
[[nodiscard]] bool may_send_as(const User& user, std::string_view address);

/// Implementations are thread safe. Errors: Unavailable for the medium.
class UserStore {
 public:
  virtual ~UserStore() = default;
  [[nodiscard]] virtual Result<std::optional<User>> find(std::string_view name) = 0;
  /// Sorted by name.
  [[nodiscard]] virtual Result<std::vector<User>> list() = 0;
  /// Inserts or replaces.
  [[nodiscard]] virtual Status put(const User& user) = 0;
  [[nodiscard]] virtual Status remove(std::string_view name) = 0;  ///< NotFound
};

/// The login decision in one place: the user, or Denied with one text for every reason (no such user, wrong password, disabled).
[[nodiscard]] Result<User> authenticate(UserStore& store, std::string_view name, std::string_view password);

class MemoryUserStore final : public UserStore {
 public:
  [[nodiscard]] Result<std::optional<User>> find(std::string_view name) override;
  [[nodiscard]] Result<std::vector<User>> list() override;
  [[nodiscard]] Status put(const User& user) override;
  [[nodiscard]] Status remove(std::string_view name) override;

 private:
  std::mutex m_mutex;
  std::map<std::string, User> m_users;
};

}  // namespace postern
