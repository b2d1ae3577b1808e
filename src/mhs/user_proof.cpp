#include "mhs/user_proof.hpp"

#include "oraddress/compare.hpp"

namespace postern::mhs {
namespace {

/// Whose strong credentials are believed under this name. Nobody's, where none are agreed on with him: judged all the same, so that a
/// stranger does not learn by the time it takes whose are.
const credentials::Trust* trust_of(const Mta& mta, const mts::ORName& user) {
  const auto found = mta.strong_users.find(oraddress::comparison_key(user));
  return found == mta.strong_users.end() ? nullptr : &found->second;
}

/// No downgrade: the password is looked at, for the time it takes, and counts for nothing.
Result<mts::ResponderCredentials> judge_password(const UserGate& gate, const mts::ORName& user, const mts::Password& shown) {
  const Status right = gate.users.verify(user, shown.octets());
  if (!right && right.error().code != ErrorCode::Denied) return fail(right.error());
  if (trust_of(gate.mta, user) != nullptr)
    return fail(ErrorCode::Denied, "shows no strong credentials, and they are agreed on with this user");
  if (!right) return fail(ErrorCode::Denied, "shows a wrong password, or is no user here");
  return responder_credentials(gate);
}

/// What may pass by itself: our own key engine, or too many binds at once.
bool may_pass(ErrorCode code) { return code == ErrorCode::Exhausted || code == ErrorCode::Unavailable; }

Result<mts::ResponderCredentials> judge_strong(const UserGate& gate, const mts::ORName& user, const mts::StrongCredentials& shown,
                                               std::vector<mts::TokenName> us) {
  static const credentials::Trust nobody;
  if (!gate.mta.strong) return fail(ErrorCode::Denied, "shows strong credentials, and none are agreed on with anybody here");
  const credentials::Trust* trust = trust_of(gate.mta, user);
  auto number = gate.mta.strong->admit(shown, trust != nullptr ? *trust : nobody, std::move(us));
  if (!number && may_pass(number.error().code)) return fail(number.error());
  if (trust == nullptr) return fail(ErrorCode::Denied, "shows strong credentials, and none are agreed on with this user");
  if (!number) return fail(ErrorCode::Denied, "shows strong credentials that do not hold: " + number.error().text());
  if (!gate.users.knows(user)) return fail(ErrorCode::Denied, "shows strong credentials, and is no user here");
  auto answer = gate.mta.strong->respond({user}, *std::move(number));
  if (!answer) return fail(ErrorCode::Unavailable, "our own strong credentials: " + answer.error().text());
  return mts::ResponderCredentials{*std::move(answer)};
}

}  // namespace

Result<mts::ResponderCredentials> judge_user(const UserGate& gate, const mts::ORName& user, const mts::Credentials& shown,
                                             std::vector<mts::TokenName> us) {
  if (const auto* password = std::get_if<mts::Password>(&shown.value)) return judge_password(gate, user, *password);
  if (const auto* strong = std::get_if<mts::StrongCredentials>(&shown.value)) return judge_strong(gate, user, *strong, std::move(us));
  return fail(ErrorCode::Denied, "shows credentials of a kind that is not accepted here");
}

mts::TokenName token_name_of(const Mta& mta) { return {mts::MTANameAndOptionalGDI{mta.domain, mta.name}}; }

}  // namespace postern::mhs
