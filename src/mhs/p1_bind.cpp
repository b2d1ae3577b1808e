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

template <class Authenticated>
Authenticated who_we_are(const Mta& mta, const Peer& peer, TransferMode mode) {
  Authenticated out;
  out.name = peer.our_name.empty() ? mta.name : mts::MTAName(peer.our_name);
  out.credentials = simple(peer.our_password, mode);
  return out;
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

tl::expected<const Peer*, BindRefusal> admit(const Mta& mta, const mts::MTABindArgument& argument, const Road& road) {
  const auto* given = std::get_if<mts::AuthenticatedArgument>(&argument.value);
  if (given == nullptr) return admit_by_pin(mta, road);
  const auto found = std::ranges::find_if(mta.peers, [&](const Peer& peer) { return peer.mta_name == given->name; });
  if (found == mta.peers.end()) return unknown_name(mta, given->name.octets, road);
  if (const Status good = check_road(*found, road); !good)
    return refused_as(*found, good.error().what, mts::BindError::InadequateAssociationConfidentiality);
  const auto* password = std::get_if<mts::Password>(&given->credentials.value);
  if (password == nullptr) return refused_as(*found, found->name + " shows credentials of a kind that is not agreed on with it");
  if (found->peer_password.empty() && found->tls.pins.empty())
    return refused_as(*found, found->name + " has neither a password nor a pin here");
  if (!found->peer_password.empty() && !constant_time_equal(password->octets(), found->peer_password.view()))
    return refused_as(*found, found->name + " shows a wrong password");
  return &*found;
}

Status check_result(const Peer& peer, const mts::MTABindResult& result) {
  const auto* given = std::get_if<mts::AuthenticatedResult>(&result.value);
  if (given == nullptr) {
    if (peer.peer_password.empty()) return {};
    return fail(ErrorCode::Denied, peer.name + " answers the bind without saying who it is", "x400_peer.peer_password_ref");
  }
  if (given->name != peer.mta_name)
    return fail(ErrorCode::Denied, "the responder is " + printable(given->name.octets) + ", not " + peer.mta_name.octets,
                "x400_peer.mta_name");
  if (peer.peer_password.empty()) return {};
  const auto* password = std::get_if<mts::Password>(&given->credentials.value);
  if (password == nullptr || !constant_time_equal(password->octets(), peer.peer_password.view()))
    return fail(ErrorCode::Denied, peer.name + " shows a wrong password", "x400_peer.peer_password_ref");
  return {};
}

Result<asn1::Any> bind_argument(const Mta& mta, const Peer& peer, TransferMode mode) {
  mts::MTABindArgument out;
  if (!peer.our_password.empty()) out.value = who_we_are<mts::AuthenticatedArgument>(mta, peer, mode);
  return encoded(out, mts::BindForm::P1988, RoseTag::BindInvoke, mode);
}

Result<asn1::Any> bind_result(const Mta& mta, const Peer& peer, TransferMode mode, mts::BindForm form) {
  mts::MTABindResult out;
  if (!peer.our_password.empty()) out.value = who_we_are<mts::AuthenticatedResult>(mta, peer, mode);
  return encoded(out, form, RoseTag::BindResult, mode);
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
