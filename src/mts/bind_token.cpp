#include "mts/bind_token.hpp"

#include <algorithm>

#include "base/text.hpp"
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

/// Every bit of it; equality of BitString is that of named bits, where trailing zeros do not count.
bool same_number(const asn1::BitString& a, const asn1::BitString& b) {
  return a.unused == b.unused && constant_time_equal(a.octets, b.octets);
}

Result<AsymmetricToken> asymmetric_token_in(const StrongCredentials& credentials) {
  if (!credentials.bind_token) return fail(ErrorCode::BadInput, "strong credentials without a token", "bind-token");
  if (credentials.bind_token->token_type_identifier != oids::tok_asymmetric_token())
    return fail(ErrorCode::Unsupported, "a token of type " + credentials.bind_token->token_type_identifier.text(), "bind-token");
  return asn1::from_any<AsymmetricToken>(credentials.bind_token->token);
}

Status check_time(const Time& written, const TokenCheck& check) {
  POSTERN_TRY(const std::int64_t time, written.unix_seconds());
  if (time >= check.now - check.tolerance && time <= check.now + check.tolerance) return {};
  return fail(ErrorCode::Denied,
              "the token is of " + printable(written.text) + ", which is more than " + std::to_string(check.tolerance) +
                  " seconds from now; compare the clocks of both systems",
              "bind-token.time");
}

}  // namespace

Result<Token> make_bind_token(const TokenOrder& order, const SignOctets& sign) {
  AsymmetricTokenData data;
  data.signature_algorithm_identifier = order.algorithm;
  data.name = order.name;
  data.time = Time::at(order.now);
  data.signed_data.emplace();
  data.signed_data->type = TokenDataType::BindTokenSignedData;
  POSTERN_TRY(data.signed_data->value, asn1::to_any(order.random_number));
  AsymmetricToken token;
  POSTERN_TRY(token.asymmetric_token_data, asn1::to_any(data));
  token.algorithm_identifier = order.algorithm;
  POSTERN_TRY(token.encrypted, sign(token.asymmetric_token_data.ber));
  POSTERN_TRY(asn1::Any value, asn1::to_any(token));
  return Token{oids::tok_asymmetric_token(), std::move(value)};
}

Result<AsymmetricTokenData> check_bind_token(const StrongCredentials& credentials, const TokenCheck& check, const VerifySignature& verify) {
  POSTERN_TRY(const auto token, asymmetric_token_in(credentials));
  POSTERN_TRY(auto data, asn1::from_any<AsymmetricTokenData>(token.asymmetric_token_data));
  if (std::ranges::none_of(check.us, [&](const TokenName& us) { return is_for(data.name, us); }))
    return fail(ErrorCode::Denied, "the token is made for somebody else", "bind-token.name");
  POSTERN_CHECK(check_time(data.time, check));
  POSTERN_TRY(const asn1::BitString number, random_number_of(data));
  if (check.answers && !same_number(number, *check.answers))
    return fail(ErrorCode::Denied, "the token does not answer the random number of this bind", "bind-token.signed-data");
  // What is signed says how; otherwise whoever is between could name another algorithm outside.
  if (!(data.signature_algorithm_identifier == token.algorithm_identifier))
    return fail(ErrorCode::Denied, "the token names one signature algorithm inside and another outside", "bind-token");
  POSTERN_CHECK(verify(token.algorithm_identifier, token.asymmetric_token_data.ber, token.encrypted,
                       credentials.certificate ? &*credentials.certificate : nullptr));
  return data;
}

Result<asn1::BitString> random_number_of(const AsymmetricTokenData& data) {
  if (!data.signed_data || data.signed_data->type != TokenDataType::BindTokenSignedData)
    return fail(ErrorCode::BadInput, "the token has no random number", "bind-token.signed-data");
  POSTERN_TRY(asn1::BitString number, asn1::from_any<asn1::BitString>(data.signed_data->value));
  if (number.size() == 0 || number.octets.size() > kMostRandomNumberOctets)
    return fail(ErrorCode::BadInput, "the random number must have 1 to " + std::to_string(kMostRandomNumberOctets) + " octets",
                "bind-token.signed-data");
  return number;
}

Result<asn1::BitString> random_number_of(const StrongCredentials& credentials) {
  POSTERN_TRY(const auto token, asymmetric_token_in(credentials));
  POSTERN_TRY(const auto data, asn1::from_any<AsymmetricTokenData>(token.asymmetric_token_data));
  return random_number_of(data);
}

}  // namespace postern::mts
