// The auth method "userpass" (inside logins/ only). In storage: user/NAME, with the password's hash and the token_* rules.
#pragma once

#include <shared_mutex>

#include "logins/lockout.hpp"
#include "logins/token_rules.hpp"
#include "vault/handler_table.hpp"

namespace postern::vault {

class Userpass final : public HandlerTable<Userpass> {
 public:
  explicit Userpass(const Clock& clock);

  [[nodiscard]] std::string_view type() const noexcept override { return "userpass"; }
  [[nodiscard]] Status start(Storage& storage) override;
  void stop() noexcept override;
  [[nodiscard]] Result<Grant> renew(const boost::json::object& internal) override;

 private:
  struct User {
    std::string password;  ///< Its hash.
    TokenRules rules;
  };
  [[nodiscard]] Result<Answer> list(const Call& call);
  [[nodiscard]] Result<Answer> read(const Call& call);
  [[nodiscard]] Result<Answer> write(const Call& call);
  [[nodiscard]] Result<Answer> set_password(const Call& call);
  [[nodiscard]] Result<Answer> set_policies(const Call& call);
  [[nodiscard]] Result<Answer> remove(const Call& call);
  [[nodiscard]] Result<Answer> login(const Call& call);
  [[nodiscard]] Result<std::optional<User>> load(Storage& storage, const std::string& name) const;
  [[nodiscard]] Status save(Storage& storage, const std::string& name, const User& user) const;
  [[nodiscard]] Result<User> existing(const Call& call, const std::string& name) const;

  Lockout m_lockout;
  std::mutex m_change;  ///< One change of users at a time.
  Storage* m_storage = nullptr;
};

}  // namespace postern::vault
