#include "mhs/p1_bind.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "io/listener.hpp"
#include "mhs/bind_value.hpp"

namespace postern::mhs {
namespace {

using Refused = tl::unexpected<BindRefusal>;

Refused refused(std::string why) { return Refused(BindRefusal{mts::BindError::AuthenticationError, std::move(why)}); }
/// A bind in the name of this peer.
Refused refused_as(const Peer& peer, std::string why, mts::BindError error = mts::BindError::AuthenticationError) {
  return Refused(BindRefusal{error, std::move(why), peer.name});
}

const Peer* pinned_peer(const Mta& mta, const Road& road) {
  const auto found = std::ranges::find_if(mta.peers, [&](const Peer& peer) { return shows_pin(peer, road); });
  return found == mta.peers.end() ? nullptr : &*found;
}

Refused unknown_name(const Mta& mta, const std::string& name, const Road& road) {
  const std::string why = "no peer has the MTA name " + printable(name);
  const Peer* known = pinned_peer(mta, road);
  return known == nullptr ? refused(why) : refused_as(*known, why + ", and the certificate is that of " + known->name);
}

/// X.411 12.1.1.1.1.1: without authentication there is no name; only the road can say who it is.
tl::expected<const Peer*, BindRefusal> admit_by_pin(const Mta& mta, const Road& road) {
  const Peer* found = pinned_peer(mta, road);
  if (found == nullptr) return refused("an unauthenticated bind, and no peer has this certificate as its pin");
  if (found->strong) return refused_as(*found, "an unauthenticated bind of " + found->name + ", which has strong credentials to show");
  if (!found->peer_password.empty())
    return refused_as(*found, "an unauthenticated bind of " + found->name + ", which has a password to show");
  return &*found;
}

/// Systems of 1988 send an OCTET STRING; 1984 has an IA5String there (X.411 8.5.6, which has the choice for that reason).
mts::Credentials simple(const SecretBytes& password, TransferMode mode) {
  mts::Credentials out;
  mts::Password value;
  if (mode == TransferMode::X410_1984)
    value.value = asn1::Ia5String(as_text(password.view()));
  else
    value.value = asn1::OctetString(Bytes(password.view().begin(), password.view().end()));
  out.value = std::move(value);
  return out;
}

template <class T>
Result<asn1::Any> encoded(const T& bind, mts::BindForm form, RoseTag part, TransferMode mode) {
  POSTERN_TRY(Bytes ber, mts::encode_mta_bind(bind, form));
  const asn1::Any value{std::move(ber)};
  return mode == TransferMode::Normal ? tagged(value, part) : value;
}

mts::MTAName our_name(const Mta& mta, const Peer& peer) { return peer.our_name.empty() ? mta.name : mts::MTAName(peer.our_name); }

template <class Authenticated>
Authenticated who_we_are(const Mta& mta, const Peer& peer, mts::Credentials credentials) {
  Authenticated out;
  out.name = our_name(mta, peer);
  out.credentials = std::move(credentials);
  return out;
}

// ---- strong credentials (X.411 12.1.1): whom a token is for
mts::TokenName token_name_of(const Peer& peer) { return {mts::MTANameAndOptionalGDI{peer.domain, peer.mta_name}}; }
mts::TokenName own_token_name(const Mta& mta, const Peer& peer) { return {mts::MTANameAndOptionalGDI{mta.domain, our_name(mta, peer)}}; }

/// No downgrade: a peer that is known by its key is not believed with a password.
std::optional<BindRefusal> judge_strong(const Mta& mta, const Peer& peer, const mts::Credentials& credentials) {
  const auto* shown = std::get_if<mts::StrongCredentials>(&credentials.value);
  if (shown == nullptr) return refused_as(peer, peer.name + " shows no strong credentials, and they are agreed on with it").value();
  const auto admitted = mta.strong->admit(*shown, *peer.strong, {own_token_name(mta, peer)});
  if (admitted) return std::nullopt;
  const auto error = admitted.error().code == ErrorCode::Exhausted ? mts::BindError::Busy : mts::BindError::AuthenticationError;
  return refused_as(peer, peer.name + " shows strong credentials that do not hold: " + admitted.error().text(), error).value();
}

Status check_strong_result(const Mta& mta, const Peer& peer, const mts::Credentials& credentials, const asn1::BitString& random_number) {
  const auto* shown = std::get_if<mts::StrongCredentials>(&credentials.value);
  if (shown == nullptr)
    return fail(ErrorCode::Denied, peer.name + " answers without strong credentials, and they are agreed on with it",
                "x400_peer.credentials");
  const Status good = mta.strong->confirm(*shown, *peer.strong, own_token_name(mta, peer), random_number);
  if (good) return {};
  return fail(ErrorCode::Denied, peer.name + " answers with strong credentials that do not hold: " + good.error().text(),
              "x400_peer.credentials");
}

/// The credentials of a bind that we open; simple ones only where there is a password.
Result<OwnBind> own_argument(const Mta& mta, const Peer& peer, TransferMode mode, mts::MTABindArgument& out) {
  OwnBind bind;
  if (peer.strong) {
    POSTERN_TRY(credentials::Shown shown, mta.strong->initiate(token_name_of(peer)));
    bind.random_number = std::move(shown.random_number);
    out.value = who_we_are<mts::AuthenticatedArgument>(mta, peer, {std::move(shown.credentials)});
  } else if (!peer.our_password.empty()) {
    out.value = who_we_are<mts::AuthenticatedArgument>(mta, peer, simple(peer.our_password, mode));
  }
  return bind;
}

/// X.411 12.1.1.1.2.2: the answer to the initiator's random number.
Result<mts::Credentials> strong_answer(const Mta& mta, const Peer& peer, const mts::MTABindArgument& argument) {
  const auto* named = std::get_if<mts::AuthenticatedArgument>(&argument.value);
  const auto* shown = named == nullptr ? nullptr : std::get_if<mts::StrongCredentials>(&named->credentials.value);
  if (shown == nullptr) return fail(ErrorCode::Denied, "there are no strong credentials to answer");
  POSTERN_TRY(asn1::BitString number, mts::random_number_of(*shown));
  POSTERN_TRY(mts::StrongCredentials answer, mta.strong->respond(token_name_of(peer), std::move(number)));
  return mts::Credentials{std::move(answer)};
}

}  // namespace

Road road_of(const io::Stream& stream) {
  const io::TlsInfo& info = stream.info();
  return {stream.peer().text(), stream.is_tls(), info.peer_certificate_sha256, info.peer_key_sha256, io::subscriber_key(stream.peer())};
}

bool shows_pin(const Peer& peer, const Road& road) {
  return std::ranges::any_of(peer.tls.pins, [&](const Bytes& pin) { return pin == road.certificate_sha256 || pin == road.key_sha256; });
}

Status check_road(const Peer& peer, const Road& road) {
  if (peer.tls.required && !road.tls) return fail(ErrorCode::Denied, peer.name + " must come by TLS", "x400_peer.tls");
  if (!peer.tls.pins.empty() && !shows_pin(peer, road))
    return fail(ErrorCode::Denied,
                road.certificate_sha256.empty() ? peer.name + " showed no certificate, and has pins"
                                                : "the certificate of " + peer.name + " matches none of its pins",
                "x400_peer.pins");
  return {};
}

Status may_send_back(const Peer& peer, const Road& road, TransferMode mode) {
  if (peer.mode != mode)
    return fail(ErrorCode::Conflict,
                peer.name + " binds in mode " + std::string(name_of(mode)) + " and is set up for " + std::string(name_of(peer.mode)),
                "x400_peer.mode");
  if (!peer.tls.required || peer.strong || shows_pin(peer, road)) return {};
  return fail(ErrorCode::Denied, "only a password says who called: give " + peer.name + " pins or strong credentials", "x400_peer.pins");
}

tl::expected<const Peer*, BindRefusal> admit(const Mta& mta, const mts::MTABindArgument& argument, const Road& road) {
  const auto* given = std::get_if<mts::AuthenticatedArgument>(&argument.value);
  if (given == nullptr) return admit_by_pin(mta, road);
  const auto found = std::ranges::find_if(mta.peers, [&](const Peer& peer) { return peer.mta_name == given->name; });
  if (found == mta.peers.end()) return unknown_name(mta, given->name.octets, road);
  if (const Status good = check_road(*found, road); !good)
    return refused_as(*found, good.error().what, mts::BindError::InadequateAssociationConfidentiality);
  if (found->strong) {
    if (auto refusal = judge_strong(mta, *found, given->credentials)) return Refused(*std::move(refusal));
    return &*found;
  }
  const auto* password = std::get_if<mts::Password>(&given->credentials.value);
  if (password == nullptr) return refused_as(*found, found->name + " shows credentials of a kind that is not agreed on with it");
  if (found->peer_password.empty() && found->tls.pins.empty())
    return refused_as(*found, found->name + " has neither a password nor a pin here");
  if (!found->peer_password.empty() && !constant_time_equal(password->octets(), found->peer_password.view()))
    return refused_as(*found, found->name + " shows a wrong password");
  return &*found;
}

bool shows_strong(const mts::MTABindArgument& argument) {
  const auto* given = std::get_if<mts::AuthenticatedArgument>(&argument.value);
  return given != nullptr && std::holds_alternative<mts::StrongCredentials>(given->credentials.value);
}

Status check_result(const Mta& mta, const Peer& peer, const mts::MTABindResult& result, const asn1::BitString& random_number) {
  const auto* given = std::get_if<mts::AuthenticatedResult>(&result.value);
  if (given == nullptr) {
    if (peer.peer_password.empty() && !peer.strong) return {};
    return fail(ErrorCode::Denied, peer.name + " answers the bind without saying who it is", "x400_peer.peer_password_ref");
  }
  if (given->name != peer.mta_name)
    return fail(ErrorCode::Denied, "the responder is " + printable(given->name.octets) + ", not " + peer.mta_name.octets,
                "x400_peer.mta_name");
  if (peer.strong) return check_strong_result(mta, peer, given->credentials, random_number);
  if (peer.peer_password.empty()) return {};
  const auto* password = std::get_if<mts::Password>(&given->credentials.value);
  if (password == nullptr || !constant_time_equal(password->octets(), peer.peer_password.view()))
    return fail(ErrorCode::Denied, peer.name + " shows a wrong password", "x400_peer.peer_password_ref");
  return {};
}

Result<OwnBind> bind_argument(const Mta& mta, const Peer& peer, TransferMode mode) {
  mts::MTABindArgument argument;
  POSTERN_TRY(OwnBind out, own_argument(mta, peer, mode, argument));
  POSTERN_TRY(out.data, encoded(argument, mts::BindForm::P1988, RoseTag::BindInvoke, mode));
  return out;
}

Result<asn1::Any> bind_result(const Mta& mta, const Peer& peer, TransferMode mode, const mts::Bound<mts::MTABindArgument>& argument) {
  mts::MTABindResult out;
  if (peer.strong) {
    POSTERN_TRY(mts::Credentials answer, strong_answer(mta, peer, argument.value));
    out.value = who_we_are<mts::AuthenticatedResult>(mta, peer, std::move(answer));
  } else if (!peer.our_password.empty()) {
    out.value = who_we_are<mts::AuthenticatedResult>(mta, peer, simple(peer.our_password, mode));
  }
  return encoded(out, argument.form, RoseTag::BindResult, mode);
}

Result<mts::Bound<mts::MTABindArgument>> read_bind_argument(const asn1::Any& data) {
  return mts::decode_mta_bind_argument(untagged(data, RoseTag::BindInvoke).ber);
}

Result<mts::Bound<mts::MTABindResult>> read_bind_result(const asn1::Any& data) {
  return mts::decode_mta_bind_result(untagged(data, RoseTag::BindResult).ber);
}

std::optional<asn1::Any> bind_error(mts::BindError error, TransferMode mode) {
  if (mode != TransferMode::Normal) return std::nullopt;
  const auto value = asn1::to_any(error);
  if (!value) return std::nullopt;
  return tagged(*value, RoseTag::BindError);
}

std::string words_of(const osi::AssociationRefused& refused) {
  std::string out = std::string(osi::name_of(refused.layer)) + ": " + refused.text;
  if (!refused.user_data) return out;
  const auto error = asn1::from_any<mts::BindError>(untagged(*refused.user_data, RoseTag::BindError));
  return error ? out + "; " + mts::words_of(*error) : out + "; with a bind error that cannot be read";
}

}  // namespace postern::mhs
