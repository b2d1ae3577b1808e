#include "mts/rules_bind.hpp"

#include <algorithm>

#include "mts/rules_trace.hpp"

namespace postern::mts {

namespace {

BindVerdict refused(BindError error, std::string why) { return {error, std::move(why), std::nullopt}; }

/// So that an unknown name takes as long as a wrong password.
const Expected& nobody() {
  static const Expected expected{Password{asn1::OctetString("no such peer, and no such password")}, {}};
  return expected;
}

}  // namespace

bool same_password(const Password& given, const Password& expected) { return constant_time_equal(given.octets(), expected.octets()); }

Status check_credentials(const Credentials& given, const Expected& expected) {
  if (const auto* password = std::get_if<Password>(&given.value)) {
    if (expected.password && same_password(*password, *expected.password)) return {};
    return fail(ErrorCode::Denied, "simple credentials are not accepted", "credentials");
  }
  if (const auto* strong = std::get_if<StrongCredentials>(&given.value)) {
    if (expected.strong) return expected.strong(*strong);
    return fail(ErrorCode::Denied, "strong credentials are not configured for this peer", "credentials");
  }
  return fail(ErrorCode::Denied, "protected passwords are not accepted", "credentials");
}

bool within(const SecurityContext& offered, const SecurityContext& permitted) {
  return std::ranges::all_of(offered, [&](const SecurityLabel& label) { return std::ranges::find(permitted, label) != permitted.end(); });
}

BindVerdict judge_bind(const MTABindArgument& argument, std::span<const KnownMta> known, bool accept_unauthenticated) {
  const auto* authenticated = std::get_if<AuthenticatedArgument>(&argument.value);
  if (authenticated == nullptr) {
    if (accept_unauthenticated) return {};
    return refused(BindError::AuthenticationError, "bound without a name and password");
  }
  const auto at = std::ranges::find_if(known, [&](const KnownMta& mta) { return same_mta(mta.name, authenticated->name); });
  const Status checked = check_credentials(authenticated->credentials, at == known.end() ? nobody() : at->expected);
  if (at == known.end()) return refused(BindError::AuthenticationError, "no MTA of this name is configured");
  if (!checked) return refused(BindError::AuthenticationError, checked.error().text());
  if (at->security_context && !within(authenticated->security_context.value_or(SecurityContext{}), *at->security_context))
    return refused(BindError::UnacceptableSecurityContext, "offers a security label that is not configured for it");
  return {std::nullopt, {}, static_cast<std::size_t>(at - known.begin())};
}

Status check_bind_result(const MTABindResult& result, const KnownMta& called, bool accept_unauthenticated) {
  const auto* authenticated = std::get_if<AuthenticatedResult>(&result.value);
  if (authenticated == nullptr) {
    if (accept_unauthenticated) return {};
    return fail(ErrorCode::Denied, "the peer answered without a name and password", "responder-credentials");
  }
  if (!same_mta(authenticated->name, called.name))
    return fail(ErrorCode::Denied, "another MTA answered than the one called", "responder-name");
  return check_credentials(authenticated->credentials, called.expected);
}

BindVerdict judge_bind(const MTSBindArgument& argument, const std::function<std::optional<Expected>(const ObjectName& initiator)>& lookup) {
  const std::optional<Expected> expected = lookup(argument.initiator_name);
  const Status checked = check_credentials(argument.initiator_credentials, expected ? *expected : nobody());
  if (!expected) return refused(BindError::AuthenticationError, "no user of this name is configured");
  if (!checked) return refused(BindError::AuthenticationError, checked.error().text());
  return {};
}

}  // namespace postern::mts
