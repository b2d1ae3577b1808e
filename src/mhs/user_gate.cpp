#include "mhs/user_gate.hpp"

#include "base/text.hpp"
#include "mhs/rose_caller.hpp"
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
  if (error.code == ErrorCode::Denied) return {mts::BindError::AuthenticationError, who + " shows a wrong password, or is no user here"};
  return {mts::BindError::Busy, who + " cannot be checked now: " + error.text()};
}

}  // namespace

io::Task<tl::expected<BoundUser, BindRefusal>> admit_user(const UserGate& gate, mts::ORName name, mts::Credentials credentials, Road road) {
  BoundUser user{name, printable(oraddress::write(name))};
  if (user.text.empty()) co_return refused("a bind without an O/R address");
  if (gate.tls_required && !road.tls)
    co_return refused(user.text + " must come by TLS", mts::BindError::InadequateAssociationConfidentiality);
  const auto* password = std::get_if<mts::Password>(&credentials.value);
  if (password == nullptr) co_return refused(user.text + " shows credentials that are not simple ones");
  auto attempt = co_await begin_attempt(gate, user.address, road);
  if (!attempt) co_return tl::unexpected<BindRefusal>(attempt.error());
  auto check = [&users = gate.users, address = user.address, shown = SecretBytes(password->octets())]() -> Result<bool> {
    POSTERN_CHECK(users.verify(address, shown.view()));
    return true;
  };
  const auto verified = co_await gate.workers.run(std::move(check));
  const auto refusal = verified ? std::nullopt : std::optional(refusal_for(verified.error(), user.text));
  if (*attempt) settle(**std::move(attempt), refusal ? &*refusal : nullptr);
  if (refusal) co_return tl::unexpected<BindRefusal>(*refusal);
  co_return user;
}

io::Task<AttemptBegun> begin_attempt(const UserGate& gate, const oraddress::ORAddress& user, Road road) {
  if (gate.guesses == nullptr) co_return std::nullopt;
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
