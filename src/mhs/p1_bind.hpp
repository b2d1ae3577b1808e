// The bind of P1 (X.411 12.1.1): who calls, whether he is who he says, and our own name.
#pragma once

#include "mhs/options.hpp"
#include "mts/bind.hpp"

namespace postern::mhs {

/// What is known of a connection before anybody spoke.
struct Road {
  std::string address;  ///< Of the peer, for logs.
  bool tls = false;
  Bytes certificate_sha256, key_sha256;  ///< Of the peer's certificate; empty without one.
  std::string subscriber = {};           ///< Who is behind the address, for counting (io::subscriber_key).
};
[[nodiscard]] Road road_of(const io::Stream& stream);

/// Why a bind was refused: the code for the peer, the reason for our operator only.
struct BindRefusal {
  mts::BindError error = mts::BindError::AuthenticationError;
  std::string why;
  std::string peer = {};  ///< Peer::name, where the bind named one of ours: its operator or ours has something to mend.
};
/// Whether the road shows one of the peer's pins.
[[nodiscard]] bool shows_pin(const Peer& peer, const Road& road);

/// The peer that has this MTA name, if it may come by this road with these credentials. Compares passwords in constant time. Strong
/// credentials take public key operations: on a worker where shows_strong() says so.
[[nodiscard]] tl::expected<const Peer*, BindRefusal> admit(const Mta& mta, const mts::MTABindArgument& argument, const Road& road);
[[nodiscard]] bool shows_strong(const mts::MTABindArgument& argument);
/// Pins and TLS of a peer against the road. Denied says what is missing.
[[nodiscard]] Status check_road(const Peer& peer, const Road& road);

/// Two-way alternate use of an association that the peer opened: whether what waits for it may go out there, too. A password is shown to
/// whoever answers our calls, so it does not say who took the call: what was proved has to be as good as when we call. Otherwise why not.
[[nodiscard]] Status may_send_back(const Peer& peer, const Road& road, TransferMode mode);

/// The user data of the bind in this mode, made and read.
struct OwnBind {
  asn1::Any data;
  asn1::BitString random_number;  ///< Of strong credentials; what the responder must answer.
};
/// With strong credentials both sign, which is a worker's business.
[[nodiscard]] Result<OwnBind> bind_argument(const Mta& mta, const Peer& peer, TransferMode mode);
/// To an argument that was admitted, in the form it came in.
[[nodiscard]] Result<asn1::Any> bind_result(const Mta& mta, const Peer& peer, TransferMode mode,
                                            const mts::Bound<mts::MTABindArgument>& argument);
/// Of an association that we opened: whether the responder is the one that was called, and answers that very bind.
[[nodiscard]] Status check_result(const Mta& mta, const Peer& peer, const mts::MTABindResult& result, const asn1::BitString& random_number);
[[nodiscard]] Result<mts::Bound<mts::MTABindArgument>> read_bind_argument(const asn1::Any& data);
[[nodiscard]] Result<mts::Bound<mts::MTABindResult>> read_bind_result(const asn1::Any& data);
/// Nothing in X.410-1984 mode, where the reason of RTSE says it all.
[[nodiscard]] std::optional<asn1::Any> bind_error(mts::BindError error, TransferMode mode);

/// A refusal of theirs in words for an operator: what was said, by which layer, and what to look at.
[[nodiscard]] std::string words_of(const osi::AssociationRefused& refused);

}  // namespace postern::mhs
