// The inside of approle that its source files share. For this room only.
//
// In storage: key (of the HMACs), role/NAME, role_id/HMAC -> NAME, secret/NAME/HMAC, accessor/NAME/ACCESSOR -> HMAC. What belongs together
// changes in one step. Writers of one role go one after the other.
#pragma once

#include <array>
#include <mutex>

#include "logins/approle_role.hpp"
#include "logins/credential.hpp"
#include "vault/handler_table.hpp"

namespace postern::vault {

class AppRole final : public HandlerTable<AppRole> {
 public:
  AppRole();
  [[nodiscard]] std::string_view type() const noexcept override { return "approle"; }
  [[nodiscard]] Status start(Storage& storage) override;
  void stop() noexcept override;
  void tick(WallTime now) noexcept override;
  [[nodiscard]] Result<Grant> renew(const boost::json::object& internal) override;

 private:
  // Roles (approle_roles.cpp)
  void add_role_paths();
  void add_setting_path(const Attribute<Role>& attribute, std::string_view name);
  [[nodiscard]] Result<Answer> list_roles(const Call& call);
  [[nodiscard]] Result<Answer> read_role(const Call& call);
  [[nodiscard]] Result<Answer> write_role(const Call& call);
  [[nodiscard]] Result<Answer> delete_role(const Call& call);
  [[nodiscard]] Result<Answer> read_role_id(const Call& call);
  [[nodiscard]] Result<Answer> write_role_id(const Call& call);
  /// Changes a role that is there; NotFound.
  [[nodiscard]] Result<Answer> change_role(const Call& call, const std::function<Status(Role&)>& change);
  [[nodiscard]] Result<std::optional<Role>> find_role(Storage& storage, const std::string& name) const;
  [[nodiscard]] Result<Role> role_of(const Call& call) const;
  [[nodiscard]] Status save(Storage& storage, const Role& role, std::string_view old_id);

  // Secret ids (approle_secrets.cpp)
  void add_secret_paths();
  [[nodiscard]] Result<Answer> list_accessors(const Call& call);
  [[nodiscard]] Result<Answer> make_secret(const Call& call);
  [[nodiscard]] Result<Answer> make_custom_secret(const Call& call);
  [[nodiscard]] Result<Answer> store_secret(const Call& call, std::string_view text);
  [[nodiscard]] Result<Answer> look_up_secret(const Call& call);
  [[nodiscard]] Result<Answer> look_up_accessor(const Call& call);
  [[nodiscard]] Result<Answer> destroy_secret(const Call& call);
  [[nodiscard]] Result<Answer> destroy_accessor(const Call& call);
  [[nodiscard]] Result<Answer> tidy(const Call& call);
  [[nodiscard]] Result<std::string> path_by_accessor(const Call& call, const std::string& role) const;
  [[nodiscard]] static Result<std::optional<SecretId>> read_secret(Storage& storage, const std::string& path);
  [[nodiscard]] static Result<Answer> show_secret(const Call& call, const std::string& path);
  /// With its accessor; the caller holds the role's lock.
  [[nodiscard]] static Status remove_secret(Storage& storage, const std::string& role, const std::string& path);
  [[nodiscard]] Status sweep(Storage& storage, WallTime now, std::size_t budget);
  [[nodiscard]] Result<std::size_t> sweep_role(Storage& storage, const std::string& role, WallTime now, std::size_t budget);

  // Logins (approle_login.cpp)
  void add_login_path();
  [[nodiscard]] Result<Answer> login(const Call& call);
  [[nodiscard]] Result<std::optional<Role>> role_by_id(Storage& storage, std::string_view role_id) const;
  [[nodiscard]] Result<SecretId> check_secret(const Call& call, const Role& role, std::string_view text);
  [[nodiscard]] Status take_use(const Call& call, const std::string& role, const std::string& path);

  [[nodiscard]] std::string role_id_path(std::string_view role_id) const;
  [[nodiscard]] std::string secret_path(std::string_view role, std::string_view secret_id) const;
  [[nodiscard]] std::mutex& lock_of(std::string_view role) noexcept;

  SecretBytes m_key;
  Storage* m_storage = nullptr;
  std::array<std::mutex, 64> m_roles;  // by name; taken before m_role_ids
  std::mutex m_role_ids;               // that no two roles get the same id
  std::mutex m_sweeping;
  std::string m_swept_role, m_swept_secret;  // how far the last tick came
};

/// In lower case, as roles are stored.
[[nodiscard]] std::string role_name_of(const Call& call);
[[nodiscard]] FieldSpec role_name_spec() noexcept;
[[nodiscard]] tl::unexpected<Error> no_such_role(std::string_view name);

}  // namespace postern::vault
