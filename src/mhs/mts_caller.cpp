#include "mhs/mts_caller.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "mhs/bind_value.hpp"
#include "mhs/user_gate.hpp"

namespace postern::mhs {
namespace {

using Refused = tl::unexpected<BindRefusal>;

Refused refused(std::string why, mts::BindError error = mts::BindError::AuthenticationError) {
  return Refused(BindRefusal{error, std::move(why)});
}

osi::AssociationOptions options_of(const MtsDoor& door) {
  osi::AssociationOptions out;
  out.services = {osi::mts_forced_access(), osi::mts_forced_reliable_access()};
  out.transport_selector = door.transport_selector;
  out.limits = door.limits;
  out.transcript = door.transcript;
  return out;
}

/// X.411 8.1.1.1.1.3. Whoever guesses the password learns the user's, so guesses are counted as at the doors of an MTA.
std::optional<BindRefusal> reason_against(const MtsDoor& door, const mts::Credentials& shown, const Road& road) {
  const auto* password = std::get_if<mts::Password>(&shown.value);
  if (password == nullptr) return refused(door.mta.octets + " shows credentials that are not simple ones").value();
  std::optional<PasswordGuesses::Attempt> attempt;
  if (door.guesses != nullptr) {
    auto begun = door.guesses->begin(door.mta.octets, road);
    if (!begun) return std::move(begun).error();
    attempt.emplace(*std::move(begun));
  }
  std::optional<BindRefusal> wrong;
  if (!constant_time_equal(password->octets(), door.mta_password.view()))
    wrong = refused(door.mta.octets + " shows a wrong password").value();
  if (attempt) settle(*std::move(attempt), wrong ? &*wrong : nullptr);
  return wrong;
}

/// X.411 8.1.1.1.1: the MTA of the door, with its password, by the road that was agreed on.
tl::expected<mts::MTSBindArgument, BindRefusal> admitted(const MtsDoor& door, const osi::AssociationRequested& requested,
                                                         const Road& road) {
  const auto* data = std::get_if<asn1::Any>(&requested.data.value);
  if (data == nullptr) return refused("recovery of a session connection without a bind");
  auto argument = asn1::from_any<mts::MTSBindArgument>(untagged(*data, RoseTag::BindInvoke));
  if (!argument) return refused("no bind of P3: " + argument.error().text());
  const auto* name = std::get_if<mts::MTAName>(&argument->initiator_name.value);
  if (name == nullptr) return refused("the bind is that of a user, not of an MTA");
  if (*name != door.mta) return refused("the MTA that binds is " + printable(name->octets) + ", not " + door.mta.octets);
  const auto inadequate = mts::BindError::InadequateAssociationConfidentiality;
  if (door.tls_required && !road.tls) return refused(door.mta.octets + " must come by TLS", inadequate);
  const auto is_shown = [&](const Bytes& pin) { return pin == road.certificate_sha256 || pin == road.key_sha256; };
  if (!door.pins.empty() && std::ranges::none_of(door.pins, is_shown))
    return refused("the certificate of " + door.mta.octets + " matches none of the pins", inadequate);
  if (auto wrong = reason_against(door, argument->initiator_credentials, road)) return Refused(*std::move(wrong));
  return *std::move(argument);
}

Status accept(const MtsDoor& door, Wire& wire) {
  mts::MTSBindResult result;
  result.responder_name.value.emplace<0>(door.user);
  result.responder_credentials = simple_credentials(door.password);
  POSTERN_TRY(const asn1::Any value, asn1::to_any(result));
  osi::AssociationAccept answer;
  answer.data.value = tagged(value, RoseTag::BindResult);
  return wire->accept(std::move(answer));
}

/// Says no, and stays until it was heard.
io::Task<void> turn_away(Wire& wire, mts::BindError error, SteadyTime deadline) {
  static_cast<void>(wire->refuse(refusal_of(error, true)));
  while (!wire.over()) {
    const auto event = co_await wire.next(deadline);
    if (!event) co_return;
  }
}

}  // namespace

io::Task<Result<std::unique_ptr<P3Client>>> answer_mts(const MtsDoor& door, io::Stream stream, SteadyTime deadline) {
  POSTERN_CO_TRY(auto association, osi::Association::respond(options_of(door), std::chrono::steady_clock::now()));
  Wire wire(std::move(stream), std::move(association));
  POSTERN_CO_TRY(const auto event, co_await wire.next(deadline));
  const auto* requested = std::get_if<osi::AssociationRequested>(&event);
  if (requested == nullptr) {
    const auto* aborted = std::get_if<osi::AssociationAborted>(&event);
    co_return fail(ErrorCode::Unavailable, aborted != nullptr ? aborted->text : "whoever connected asks for nothing that is served here");
  }
  auto bind = admitted(door, *requested, road_of(wire.stream()));
  if (!bind) {
    co_await turn_away(wire, bind.error().error, deadline);
    co_return fail(ErrorCode::Denied, bind.error().why);
  }
  POSTERN_CO_CHECK(accept(door, wire));
  co_return P3Client::answered(UserClient::over(std::move(wire)), *std::move(bind));
}

}  // namespace postern::mhs
