#include "logins/approle_role.hpp"

#include <algorithm>

#include "dns/ip_address.hpp"
#include "logins/record.hpp"
#include "vault/token_entry.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

constexpr std::size_t kMetadata = 64;        // entries of one secret id
constexpr std::size_t kMetadataText = 1024;  // bytes of a name or value

tl::unexpected<Error> refuse(std::string_view field, std::string what) {
  return fail(ErrorCode::BadInput, std::move(what), std::string(field));
}

// Whether every network of `inner` lies within one of `outer`.
Result<bool> is_subset(const std::vector<std::string>& inner, const std::vector<std::string>& outer) {
  POSTERN_TRY(const std::vector<Network> small, parse_networks(inner));
  POSTERN_TRY(const std::vector<Network> large, parse_networks(outer));
  return std::ranges::all_of(small, [&](const Network& one) {
    return std::ranges::any_of(
        large, [&](const Network& around) { return one.prefix >= around.prefix && one.address.in_network(around.address, around.prefix); });
  });
}

Status check_subset(const std::vector<std::string>& inner, const std::vector<std::string>& outer, std::string_view field) {
  POSTERN_CHECK(check_cidrs(inner, field));
  if (outer.empty()) return {};
  POSTERN_TRY(const bool subset, is_subset(inner, outer));
  if (!subset) return refuse(field, std::string(field) + " is not within the CIDR blocks of the role");
  return {};
}

// {"a":"b"}, or the same as a string, as the CLI sends it.
Result<std::map<std::string, std::string>> read_metadata(const json::value& given) {
  std::map<std::string, std::string> out;
  json::value value = given;
  if (const json::string* text = given.if_string()) {
    if (text->empty()) return out;
    boost::system::error_code error;
    value = json::parse(*text, error);
    if (error) value = nullptr;
  } else if (given.is_null()) {
    return out;
  }
  const json::object* object = value.if_object();
  if (object == nullptr || object->size() > kMetadata) return refuse("metadata", "metadata must be a JSON object of at most 64 strings");
  for (const auto& [name, text] : *object) {
    if (!text.is_string() || name.size() > kMetadataText || text.get_string().size() > kMetadataText)
      return refuse("metadata", "metadata must have strings of at most 1024 bytes as values");
    out.emplace(name, text.get_string());
  }
  return out;
}

json::object map_object(const std::map<std::string, std::string>& map) {
  json::object out;
  for (const auto& [name, value] : map) out[name] = value;
  return out;
}

std::optional<WallTime> time_of(std::int64_t millis) {
  if (millis == 0) return {};
  return wall_from_millis(millis);
}

}  // namespace

const std::vector<Attribute<Role>>& role_attributes() {
  static const std::vector<Attribute<Role>> kAttributes = [] {
    std::vector<Attribute<Role>> all{
        attribute("bind_secret_id", FieldType::Bool, &Role::bind_secret_id),
        attribute("local_secret_ids", FieldType::Bool, &Role::local_secret_ids),
        attribute("secret_id_bound_cidrs", FieldType::CommaStrings, &Role::secret_id_bound_cidrs, "bound_cidr_list"),
        attribute("secret_id_num_uses", FieldType::Integer, &Role::secret_id_num_uses),
        attribute("secret_id_ttl", FieldType::Duration, &Role::secret_id_ttl),
    };
    for (const Attribute<TokenSettings>& one : token_attributes()) {
      all.push_back(one.of<Role>());
      // approle never had the short names of these two.
      if (one.old_name == "ttl" || one.old_name == "max_ttl") all.back().old_name = {};
    }
    return all;
  }();
  return kAttributes;
}

Status Role::check() {
  POSTERN_CHECK(tidy());
  if (secret_id_num_uses < 0) return refuse("secret_id_num_uses", "secret_id_num_uses cannot be negative");
  POSTERN_CHECK(check_cidrs(secret_id_bound_cidrs, "secret_id_bound_cidrs"));
  if (!bind_secret_id && secret_id_bound_cidrs.empty() && token_bound_cidrs.empty())
    return refuse("bind_secret_id", "at least one constraint should be enabled on the role");
  return {};
}

json::object encode(const Role& role) {
  json::object record = show(role, role_attributes());
  record["role_id"] = role.role_id;
  return record;
}

Result<Role> decode_role(std::string name, const json::object& record) {
  static const std::vector<FieldSpec> kSpecs = specs_of(role_attributes());
  Role role;
  role.name = std::move(name);
  POSTERN_TRY(role.role_id, record_text(record, "role_id"));
  POSTERN_TRY(const Fields fields, Fields::read(kSpecs, record, {}));
  update(role, role_attributes(), fields);
  return role;
}

json::object encode(const SecretId& secret) {
  return {{"accessor", secret.accessor},
          {"num_uses", secret.num_uses},
          {"ttl", secret.ttl.count()},
          {"created", unix_millis(secret.created)},
          {"updated", unix_millis(secret.updated)},
          {"expires", secret.expires ? unix_millis(*secret.expires) : 0},
          {"metadata", map_object(secret.metadata)},
          {"cidr_list", texts_array(secret.cidr_list)},
          {"token_bound_cidrs", texts_array(secret.token_bound_cidrs)}};
}

Result<SecretId> decode_secret_id(const json::object& record) {
  SecretId secret;
  POSTERN_TRY(secret.accessor, record_text(record, "accessor"));
  POSTERN_TRY(secret.num_uses, record_integer(record, "num_uses"));
  POSTERN_TRY(const std::int64_t ttl, record_integer(record, "ttl"));
  POSTERN_TRY(const std::int64_t created, record_integer(record, "created"));
  POSTERN_TRY(const std::int64_t updated, record_integer(record, "updated"));
  POSTERN_TRY(const std::int64_t expires, record_integer(record, "expires"));
  POSTERN_TRY(secret.cidr_list, record_texts(record, "cidr_list"));
  POSTERN_TRY(secret.token_bound_cidrs, record_texts(record, "token_bound_cidrs"));
  const json::value* metadata = record.if_contains("metadata");
  POSTERN_TRY(secret.metadata, read_metadata(metadata == nullptr ? json::value() : *metadata));
  secret.ttl = seconds(ttl);
  secret.created = wall_from_millis(created);
  secret.updated = wall_from_millis(updated);
  secret.expires = time_of(expires);
  return secret;
}

json::object show(const SecretId& secret) {
  return {{"secret_id_accessor", secret.accessor},
          {"secret_id_num_uses", secret.num_uses},
          {"secret_id_ttl", secret.ttl.count()},
          {"creation_time", rfc3339(secret.created)},
          {"expiration_time", secret.expires ? rfc3339(*secret.expires) : "0001-01-01T00:00:00Z"},
          {"last_updated_time", rfc3339(secret.updated)},
          {"metadata", map_object(secret.metadata)},
          {"cidr_list", texts_array(secret.cidr_list)},
          {"token_bound_cidrs", texts_array(secret.token_bound_cidrs)}};
}

std::vector<FieldSpec> secret_wish_specs() {
  return {{.name = "metadata", .type = FieldType::Any},
          {.name = "cidr_list", .type = FieldType::CommaStrings},
          {.name = "token_bound_cidrs", .type = FieldType::CommaStrings},
          {.name = "num_uses", .type = FieldType::Integer},
          {.name = "ttl", .type = FieldType::Duration}};
}

Result<SecretWishes> SecretWishes::read(const Fields& fields) {
  SecretWishes wishes;
  if (fields.has("num_uses")) wishes.num_uses = fields.integer("num_uses");
  if (fields.has("ttl")) wishes.ttl = fields.duration("ttl");
  POSTERN_TRY(wishes.metadata, read_metadata(fields.raw("metadata")));
  wishes.cidr_list = fields.strings("cidr_list");
  wishes.token_bound_cidrs = fields.strings("token_bound_cidrs");
  return wishes;
}

Result<SecretId> SecretWishes::grant(const Role& role, WallTime now) const {
  SecretId secret;
  secret.num_uses = num_uses.value_or(role.secret_id_num_uses);
  secret.ttl = ttl.value_or(role.secret_id_ttl);
  if (secret.num_uses < 0) return refuse("num_uses", "num_uses cannot be negative");
  if (role.secret_id_num_uses > 0 && (secret.num_uses == 0 || secret.num_uses > role.secret_id_num_uses))
    return refuse("num_uses", "num_uses cannot be higher than the role's secret_id_num_uses");
  if (role.secret_id_ttl > seconds(0) && (secret.ttl == seconds(0) || secret.ttl > role.secret_id_ttl))
    return refuse("ttl", "ttl cannot be longer than the role's secret_id_ttl");
  POSTERN_CHECK(check_subset(cidr_list, role.secret_id_bound_cidrs, "cidr_list"));
  POSTERN_CHECK(check_subset(token_bound_cidrs, role.token_bound_cidrs, "token_bound_cidrs"));
  secret.created = secret.updated = now;
  if (secret.ttl > seconds(0)) secret.expires = now + secret.ttl;
  secret.metadata = metadata;
  secret.cidr_list = cidr_list;
  secret.token_bound_cidrs = token_bound_cidrs;
  return secret;
}

}  // namespace postern::vault
