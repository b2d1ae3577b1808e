#include "vault/grants.hpp"

#include <algorithm>

#include "crypto/hash.hpp"

namespace postern::vault {
namespace {

using std::chrono::seconds;

// One and the same for everyone who logs in by this method under this name, and for nobody else.
std::string entity_of(const MountEntry& mount, std::string_view alias) {
  if (alias.empty()) return {};
  const Sha256 digest = sha256(as_bytes("entity " + mount.accessor + "/" + std::string(alias)));
  std::string hex = hex_encode(ByteView(digest).first(16));
  hex[12] = '8';  // RFC 9562 5.8: a UUID of our own making
  hex[16] = 'a';
  for (const std::size_t dash : {20U, 16U, 12U, 8U}) hex.insert(dash, 1, '-');
  return hex;
}

std::string display_name(const MountEntry& mount, std::string_view name) {
  std::string prefix = mount.path.substr(0, mount.path.size() - 1);
  std::ranges::replace(prefix, '/', '-');
  if (name.empty() || name.starts_with(prefix + "-")) return name.empty() ? prefix : std::string(name);
  return prefix + "-" + std::string(name);
}

bool is_batch(const Grant& grant, const MountConfig& config) {
  if (config.token_type == "batch") return true;
  return config.token_type == "service" ? false : grant.batch;
}

}  // namespace

boost::json::value texts_json(const std::vector<std::string>& texts) {
  boost::json::array out;
  out.reserve(texts.size());
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

boost::json::value map_json(const std::vector<std::pair<std::string, std::string>>& map) {
  if (map.empty()) return nullptr;
  boost::json::object out;
  for (const auto& [name, value] : map) out[name] = value;
  return out;
}

seconds cap_ttl(seconds wish, seconds most, std::vector<std::string>& warnings) {
  if (most <= seconds(0) || wish <= most) return wish;
  warnings.push_back("TTL of \"" + std::to_string(wish.count()) + "s\" exceeded the effective max_ttl of \"" +
                     std::to_string(most.count()) + "s\"; TTL value is capped accordingly");
  return most;
}

Result<IssuedToken> issue_grant(Engine& engine, const Grant& grant, const MountEntry& mount, std::string_view path,
                                std::vector<std::string>& warnings) {
  TokenEntry entry;
  entry.policies = tidy_policies(grant.policies, !grant.no_default_policy);
  if (entry.is_root()) return fail(ErrorCode::BadInput, "auth methods cannot create root tokens");
  const TtlLimits limits = engine.ttl_limits(mount);
  const seconds most = grant.max_ttl > seconds(0) ? std::min(grant.max_ttl, limits.max_ttl) : limits.max_ttl;
  entry.batch = is_batch(grant, mount.config);
  if (entry.batch && (grant.period > seconds(0) || grant.num_uses > 0)) {
    return fail(ErrorCode::BadInput, "batch tokens can have neither a period nor a number of uses");
  }
  seconds ttl = grant.period > seconds(0) ? grant.period : grant.ttl > seconds(0) ? grant.ttl : std::min(limits.default_ttl, most);
  ttl = cap_ttl(ttl, grant.period > seconds(0) ? limits.max_ttl : most, warnings);
  entry.creation_ttl = cap_ttl(ttl, grant.explicit_max_ttl, warnings);
  entry.max_ttl = grant.max_ttl;
  entry.explicit_max_ttl = grant.explicit_max_ttl;
  entry.period = grant.period;
  entry.num_uses = std::max<std::int64_t>(grant.num_uses, 0);
  entry.renewable = grant.renewable && !entry.batch;
  entry.path = path;
  entry.display_name = display_name(mount, grant.display_name);
  entry.metadata = grant.metadata;
  entry.mount = mount.accessor;
  entry.alias = grant.alias;
  entry.entity_id = entity_of(mount, grant.alias);
  entry.bound_cidrs = grant.bound_cidrs;
  entry.internal = grant.internal;
  return engine.tokens.issue(std::move(entry), nullptr);
}

boost::json::object auth_block(const TokenEntry& entry, std::string_view token, WallTime now) {
  return {{"client_token", token},
          {"accessor", entry.accessor},
          {"policies", texts_json(entry.policies)},
          {"token_policies", texts_json(entry.policies)},
          {"metadata", map_json(entry.metadata)},
          {"lease_duration", entry.ttl_seconds(now)},
          {"renewable", entry.renewable},
          {"entity_id", entry.entity_id},
          {"token_type", entry.type()},
          {"orphan", entry.parent.empty()},
          {"mfa_requirement", nullptr},
          {"num_uses", std::max<std::int64_t>(entry.num_uses, 0)}};
}

Result<RenewLimits> renew_limits(Engine& engine, const TokenEntry& entry) {
  if (entry.mount.empty()) {
    const MountPtr own = engine.mounts.get(true, "token");
    const TtlLimits limits = engine.ttl_limits(own == nullptr ? MountEntry() : own->entry);
    return RenewLimits{limits.default_ttl, limits.max_ttl, entry.period};
  }
  const MountPtr mount = engine.mounts.find_accessor(entry.mount);
  if (mount == nullptr) return fail(ErrorCode::BadInput, "the method that granted this token is no longer mounted: log in again");
  const Entered entered(mount);
  if (!entered) return fail(ErrorCode::BadInput, "the method that granted this token is no longer mounted: log in again");
  POSTERN_TRY(const Grant grant, mount->backend().renew(entry.internal));
  if (tidy_policies(grant.policies, !grant.no_default_policy) != entry.policies) {
    return fail(ErrorCode::BadInput, "policies have changed, not renewing");
  }
  const TtlLimits limits = engine.ttl_limits(mount->entry);
  RenewLimits out;
  out.default_ttl = grant.ttl > seconds(0) ? grant.ttl : limits.default_ttl;
  out.max_ttl = grant.max_ttl > seconds(0) ? std::min(grant.max_ttl, limits.max_ttl) : limits.max_ttl;
  out.period = grant.period;
  return out;
}

Result<Answer> renew_token(Engine& engine, const LiveToken& token, seconds increment, std::string_view shown) {
  if (token.entry.batch) return fail(ErrorCode::BadInput, "batch tokens cannot be renewed");
  POSTERN_TRY(const RenewLimits limits, renew_limits(engine, token.entry));
  POSTERN_TRY(const LiveTokenPtr renewed, engine.tokens.renew(token.hash, increment, limits));
  Answer answer;
  answer.auth = auth_block(renewed->entry, shown, engine.time.now());
  const std::int64_t got = renewed->entry.ttl_seconds(engine.time.now());
  if (increment.count() > got && renewed->entry.period == seconds(0)) {
    answer.warnings.push_back("TTL of \"" + std::to_string(increment.count()) +
                              "s\" exceeded the effective max_ttl; TTL value is capped to \"" + std::to_string(got) + "s\"");
  }
  return answer;
}

}  // namespace postern::vault
