#include "logins/token_settings.hpp"

#include <algorithm>
#include <array>

#include "dns/ip_address.hpp"
#include "vault/policies.hpp"
#include "vault/token_entry.hpp"

namespace postern::vault {
namespace {

using std::chrono::seconds;

constexpr std::array<std::string_view, 5> kTypes{"default", "service", "batch", "default-service", "default-batch"};

tl::unexpected<Error> refuse(std::string_view field, std::string_view what) {
  return fail(ErrorCode::BadInput, "'" + std::string(field) + "' " + std::string(what), std::string(field));
}

}  // namespace

const std::vector<Attribute<TokenSettings>>& token_attributes() {
  using T = TokenSettings;
  static const std::vector<Attribute<T>> kAttributes{attribute("token_bound_cidrs", FieldType::CommaStrings, &T::token_bound_cidrs),
                                                     attribute("token_explicit_max_ttl", FieldType::Duration, &T::token_explicit_max_ttl),
                                                     attribute("token_max_ttl", FieldType::Duration, &T::token_max_ttl, "max_ttl"),
                                                     attribute("token_no_default_policy", FieldType::Bool, &T::token_no_default_policy),
                                                     attribute("token_num_uses", FieldType::Integer, &T::token_num_uses),
                                                     attribute("token_period", FieldType::Duration, &T::token_period, "period"),
                                                     attribute("token_policies", FieldType::CommaStrings, &T::token_policies, "policies"),
                                                     attribute("token_strictly_bind_ip", FieldType::Bool, &T::token_strictly_bind_ip),
                                                     attribute("token_ttl", FieldType::Duration, &T::token_ttl, "ttl"),
                                                     attribute("token_type", FieldType::String, &T::token_type)};
  return kAttributes;
}

Status TokenSettings::tidy() {
  token_policies = tidy_policies(std::move(token_policies), false);
  if (std::ranges::find(token_policies, kRootPolicy) != token_policies.end())
    return refuse("token_policies", "cannot hold root: auth methods cannot create root tokens");
  if (token_type.empty()) token_type = kTypes.front();
  if (std::ranges::find(kTypes, token_type) == kTypes.end()) return refuse("token_type", "must be default, service or batch");
  if (token_num_uses < 0) return refuse("token_num_uses", "cannot be negative");
  if (token_max_ttl > seconds(0) && token_ttl > token_max_ttl) return refuse("token_ttl", "cannot be greater than 'token_max_ttl'");
  if (token_type == "batch" && token_period > seconds(0))
    return refuse("token_type", "cannot be 'batch' when set to generate periodic tokens");
  if (token_type == "batch" && token_num_uses > 0)
    return refuse("token_type", "cannot be 'batch' when set to generate tokens with limited use count");
  return check_cidrs(token_bound_cidrs, "token_bound_cidrs");
}

bool TokenSettings::permits_address(std::string_view remote) const { return vault::permits_address(token_bound_cidrs, remote); }

void TokenSettings::fill(Grant& grant, std::string_view remote) const {
  grant.policies = token_policies;
  grant.ttl = token_ttl;
  grant.max_ttl = token_max_ttl;
  grant.period = token_period;
  grant.explicit_max_ttl = token_explicit_max_ttl;
  grant.num_uses = token_num_uses;
  grant.no_default_policy = token_no_default_policy;
  grant.batch = token_type == "batch" || token_type == "default-batch";
  grant.bound_cidrs = token_strictly_bind_ip ? std::vector<std::string>{std::string(remote)} : token_bound_cidrs;
}

Status check_cidrs(const std::vector<std::string>& cidrs, std::string_view field) {
  const auto networks = parse_networks(cidrs);
  if (networks) return {};
  return fail(ErrorCode::BadInput, std::string(field) + ": " + networks.error().what, std::string(field));
}

bool permits_address(const std::vector<std::string>& cidrs, std::string_view remote) {
  if (cidrs.empty()) return true;
  const auto networks = parse_networks(cidrs);
  return networks && is_in(*networks, remote);
}

}  // namespace postern::vault
