// The auth method "approle" (inside logins/ only): a program shows a role id and, usually, a secret id.
//
// In storage (HASH: HMAC-SHA256 under a key of the mount, so that no id stands there):
//   key                        that key
//   role/NAME                  the role
//   role_id/HASH               whose role id it is
//   secret/NAME/HASH           a secret id of that role
//   accessor/NAME/HASH         an accessor of one: which HASH of secret/NAME/ it stands for
#pragma once

#include <mutex>

#include "crypto/hash.hpp"
#include "logins/token_rules.hpp"
#include "vault/handler_table.hpp"

namespace postern::vault {

struct AppRole {
  std::string name;
  std::string role_id;
  bool bind_secret_id = true;
  std::int64_t secret_id_num_uses = 0;
  std::chrono::seconds secret_id_ttl{0};
  std::vector<std::string> secret_id_bound_cidrs;
  TokenRules rules;
};

struct SecretId {
  std::string accessor;
  std::int64_t num_uses = 0;  ///< What is left; 0: no limit.
  std::chrono::seconds ttl{0};
  WallTime created{};
  std::optional<WallTime> expires;
  std::vector<std::string> cidrs, token_bound_cidrs;
  std::vector<std::pair<std::string, std::string>> metadata;

  [[nodiscard]] bool expired(WallTime now) const noexcept { return expires && now >= *expires; }
};

class AppRoles final : public HandlerTable<AppRoles> {
 public:
  AppRoles();

  [[nodiscard]] std::string_view type() const noexcept override { return "approle"; }
  [[nodiscard]] Status start(Storage& storage) override;
  void stop() noexcept override;
  void tick(WallTime now) noexcept override;
  [[nodiscard]] Result<Grant> renew(const boost::json::object& internal) override;

 private:
  // approle_roles.cpp
  void add_role_paths();
  [[nodiscard]] Result<Answer> list_roles(const Call& call);
  [[nodiscard]] Result<Answer> read_role(const Call& call);
  [[nodiscard]] Result<Answer> write_role(const Call& call);
  [[nodiscard]] Result<Answer> remove_role(const Call& call);
  [[nodiscard]] Result<Answer> read_role_id(const Call& call);
  [[nodiscard]] Result<Answer> write_role_id(const Call& call);
  void add_setting_path(const std::string& segment, std::string_view field);
  [[nodiscard]] Result<std::optional<AppRole>> load_role(Storage& storage, const std::string& name) const;
  [[nodiscard]] Result<AppRole> role_of(const Call& call) const;
  /// `before`: the role id that is given up.
  [[nodiscard]] Status save_role(Storage& storage, const AppRole& role, const std::string& before) const;
  [[nodiscard]] Status claim_role_id(Storage& storage, const AppRole& role) const;
  // approle_secrets.cpp
  void add_secret_paths();
  [[nodiscard]] Result<Answer> make_secret_id(const Call& call);
  [[nodiscard]] Result<Answer> make_custom_secret_id(const Call& call);
  [[nodiscard]] Result<Answer> make_secret_id(const Call& call, const std::string& secret);
  [[nodiscard]] Result<Answer> list_accessors(const Call& call);
  [[nodiscard]] Result<Answer> look_up(const Call& call);
  [[nodiscard]] Result<Answer> destroy(const Call& call);
  [[nodiscard]] Result<std::string> secret_hash_of(const Call& call, const std::string& role) const;
  [[nodiscard]] Result<std::optional<SecretId>> load_secret(Storage& storage, const std::string& role, const std::string& hash) const;
  [[nodiscard]] Status drop_secret(Storage& storage, const std::string& role, const std::string& hash, const SecretId& secret) const;
  [[nodiscard]] Result<bool> tidy(Storage& storage, WallTime now);
  // approle.cpp
  [[nodiscard]] Result<Answer> login(const Call& call);
  [[nodiscard]] Result<std::optional<AppRole>> role_for(Storage& storage, std::string_view role_id) const;
  [[nodiscard]] Result<SecretId> use_secret(const Call& call, const AppRole& role);
  [[nodiscard]] std::string hash(std::string_view id) const;

  std::mutex m_change;                              ///< Changes and counted uses, one at a time.
  std::map<std::string, std::string> m_tidy_after;  ///< By role: where tidying goes on.
  SecretBytes m_key;
  Storage* m_storage = nullptr;
};

/// What a stored record was made of.
[[nodiscard]] SecretBytes encode(const AppRole& role);
[[nodiscard]] AppRole decode_role(const boost::json::object& record);
[[nodiscard]] SecretBytes encode(const SecretId& secret);
[[nodiscard]] SecretId decode_secret_id(const boost::json::object& record);
/// As the API shows a role.
[[nodiscard]] boost::json::object shown(const AppRole& role);
[[nodiscard]] std::string secret_place(const std::string& role, const std::string& hash);
[[nodiscard]] std::string accessor_place(const std::string& role, const std::string& hash);

}  // namespace postern::vault
