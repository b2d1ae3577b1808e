// A role of approle, and a secret id as it is kept. Values; for this room only.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <optional>

#include "base/clock.hpp"
#include "logins/token_settings.hpp"

namespace postern::vault {

struct Role : TokenSettings {
  std::string name;
  std::string role_id;
  bool bind_secret_id = true;
  bool local_secret_ids = false;
  std::int64_t secret_id_num_uses = 0;
  std::chrono::seconds secret_id_ttl{0};
  std::vector<std::string> secret_id_bound_cidrs;

  /// BadInput as TokenSettings::tidy(), and when nothing at all would keep strangers out.
  [[nodiscard]] Status check();
};

/// Every setting of a role, its token settings too.
[[nodiscard]] const std::vector<Attribute<Role>>& role_attributes();
[[nodiscard]] boost::json::object encode(const Role& role);
[[nodiscard]] Result<Role> decode_role(std::string name, const boost::json::object& record);

struct SecretId {
  std::string accessor;
  std::int64_t num_uses = 0;  ///< What is left; 0: no limit.
  std::chrono::seconds ttl{0};
  WallTime created{}, updated{};
  std::optional<WallTime> expires;
  std::map<std::string, std::string> metadata;
  std::vector<std::string> cidr_list, token_bound_cidrs;

  [[nodiscard]] bool is_live(WallTime now) const noexcept { return !expires || now < *expires; }
};

[[nodiscard]] boost::json::object encode(const SecretId& secret);
[[nodiscard]] Result<SecretId> decode_secret_id(const boost::json::object& record);
/// As lookup shows it.
[[nodiscard]] boost::json::object show(const SecretId& secret);

/// What a request for a new secret id wishes, within what the role permits. BadInput when it is more.
struct SecretWishes {
  std::optional<std::int64_t> num_uses;
  std::optional<std::chrono::seconds> ttl;
  std::map<std::string, std::string> metadata;
  std::vector<std::string> cidr_list, token_bound_cidrs;

  [[nodiscard]] static Result<SecretWishes> read(const Fields& fields);
  [[nodiscard]] Result<SecretId> grant(const Role& role, WallTime now) const;
};
[[nodiscard]] std::vector<FieldSpec> secret_wish_specs();

}  // namespace postern::vault
