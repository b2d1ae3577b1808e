#include "mts/rules_bind.hpp"

#include <algorithm>

#include "mts/oids.hpp"
#include "mts/rules_recipient.hpp"
#include "mts/rules_trace.hpp"

namespace postern::mts {

namespace {

bool is_for(const TokenName& name, const TokenName& us) {
  if (name.value.index() != us.value.index()) return false;
  if (const auto* mine = std::get_if<ORName>(&us.value)) return same_name(*mine, std::get<ORName>(name.value));
  const auto& theirs = std::get<MTANameAndOptionalGDI>(name.value);
  const auto& ours = std::get<MTANameAndOptionalGDI>(us.value);
  if (!same_mta(theirs.mta_name, ours.mta_name)) return false;
  const auto &a = theirs.global_domain_identifier, &b = ours.global_domain_identifier;
  return !a || !b || same_domain(*a, *b);
}

BindVerdict refused(BindError error, std::string why) { return {error, std::move(why), std::nullopt}; }

/// So that an unknown name takes as long as a wrong password.
const Expected& nobody() {
  static const Expected expected{Password{asn1::OctetString("no such peer, and no such password")}, {}};
  return expected;
}

}  // namespace

Result<AsymmetricTokenData> check_bind_token(const StrongCredentials& credentials, const TokenCheck& check, const VerifySignature& verify) {
  if (!credentials.bind_token) return fail(ErrorCode::BadInput, "strong credentials without a token", "bind-token");
  if (credentials.bind_token->token_type_identifier != oids::tok_asymmetric_token())
    return fail(ErrorCode::Unsupported, "a token of type " + credentials.bind_token->token_type_identifier.text(), "bind-token");
  POSTERN_TRY(const auto token, asn1::from_any<AsymmetricToken>(credentials.bind_token->token));
  POSTERN_TRY(auto data, asn1::from_any<AsymmetricTokenData>(token.asymmetric_token_data));
  if (!is_for(data.name, check.us)) return fail(ErrorCode::Denied, "the token is made for somebody else", "bind-token.name");
  POSTERN_TRY(const std::int64_t time, data.time.unix_seconds());
  if (time < check.now - check.tolerance || time > check.now + check.tolerance)
    return fail(ErrorCode::Denied, "the token is not of this time; compare the clocks of both systems", "bind-token.time");
  POSTERN_CHECK(verify(token.algorithm_identifier, token.asymmetric_token_data.ber, token.encrypted,
                       credentials.certificate ? &*credentials.certificate : nullptr));
  return data;
}

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
