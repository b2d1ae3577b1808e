#include "mhs/user_gate.hpp"

#include "base/text.hpp"
#include "mhs/rose_caller.hpp"
#include "mhs/user_proof.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"

namespace postern::mhs {
namespace {

constexpr auto kTurn = std::chrono::seconds(5);
constexpr auto kLookAgain = std::chrono::milliseconds(10);

tl::unexpected<BindRefusal> refused(std::string why, mts::BindError error = mts::BindError::AuthenticationError) {
  return tl::unexpected<BindRefusal>(BindRefusal{error, std::move(why)});
}

/// Denied is an answer; everything else is a fault of ours that may pass.
BindRefusal refusal_for(const Error& error, const std::string& who) {
  if (error.code == ErrorCode::Denied) return {mts::BindError::AuthenticationError, who + " " + error.text()};
  return {mts::BindError::Busy, who + " cannot be checked now: " + error.text()};
}

}  // namespace

io::Task<tl::expected<AdmittedUser, BindRefusal>> admit_user(const UserGate& gate, mts::ORName name, mts::Credentials credentials,
                                                             Road road) {
  BoundUser user{name, printable(oraddress::write(name))};
  if (user.text.empty()) co_return refused("a bind without an O/R address");
  if (gate.tls_required && !road.tls)
    co_return refused(user.text + " must come by TLS", mts::BindError::InadequateAssociationConfidentiality);
  auto attempt = co_await begin_attempt(gate, user.address, credentials, road);
  if (!attempt) co_return tl::unexpected<BindRefusal>(attempt.error());
  auto judge = [&gate, name = std::move(name), shown = std::move(credentials)]() {
    return judge_user(gate, name, shown, {token_name_of(gate.mta)});
  };
  auto answer = co_await gate.workers.run(std::move(judge));
  const auto refusal = answer ? std::nullopt : std::optional(refusal_for(answer.error(), user.text));
  if (*attempt) settle(**std::move(attempt), refusal ? &*refusal : nullptr);
  if (refusal) co_return tl::unexpected<BindRefusal>(*refusal);
  co_return AdmittedUser{std::move(user), *std::move(answer)};
}

io::Task<AttemptBegun> begin_attempt(const UserGate& gate, const oraddress::ORAddress& user, const mts::Credentials& shown, Road road) {
  if (gate.guesses == nullptr || !std::holds_alternative<mts::Password>(shown.value)) co_return std::nullopt;
  const std::string name = oraddress::comparison_key(user);
  const SteadyTime deadline = io::deadline_in(kTurn);
  for (;;) {
    auto attempt = gate.guesses->begin(name, road);
    if (attempt) co_return std::optional(*std::move(attempt));
    const bool busy = attempt.error().error == mts::BindError::Busy;
    if (!busy || std::chrono::steady_clock::now() >= deadline) co_return tl::unexpected<BindRefusal>(std::move(attempt).error());
    co_await io::sleep_for(kLookAgain);
  }
}

mts::ResponderCredentials responder_credentials(const UserGate& gate) {
  mts::Password password;
  password.value = asn1::OctetString(Bytes(gate.our_password.view().begin(), gate.our_password.view().end()));
  return {std::move(password)};
}

osi::AssociationRefusal refusal_of(mts::BindError error, bool with_tag) {
  osi::AssociationRefusal out;
  if (error == mts::BindError::Busy) {
    out.rtse_reason = osi::RtseRefuseReason::Busy;
    out.result = osi::AssociateResult::RejectedTransient;
  }
  if (auto code = asn1::to_any(error)) out.user_data = with_tag ? tagged(*code, RoseTag::BindError) : *std::move(code);
  return out;
}

}  // namespace postern::mhs
