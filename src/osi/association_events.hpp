// What an association tells its user (osi/association.hpp). Plain values; every octet string is owned.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "osi/acse_pdu.hpp"
#include "osi/presentation.hpp"
#include "osi/rose.hpp"
#include "osi/rtse.hpp"

namespace postern::osi {

/// The selectors of one side.
struct Selectors {
  Bytes transport;
  Bytes session;
  Bytes presentation;
  friend bool operator==(const Selectors&, const Selectors&) = default;
};

/// (decide) RT-OPEN or A-ASSOCIATE indication: accept() or refuse().
struct AssociationRequested {
  std::size_t service = 0;  ///< Index in AssociationOptions::services.
  Selectors calling;
  Selectors called;
  AeTitle calling_title;
  AeTitle called_title;
  /// The bind argument (open), or the session connection that is to be recovered. ROSE alone: open, empty where there is no bind.
  ConnectionData data;
  std::int64_t checkpoint_size = 0;  ///< As proposed, in units of 1024 octets; 0 leaves the choice to us.
  std::int64_t window_size = 0;
  DialogueMode dialogue = DialogueMode::Monologue;
  bool initial_turn = false;  ///< We would hold the turn first.
  /// The session connection this is, for recovery later. Absent where the peer sends none that can be read.
  std::optional<SessionConnectionIdentifier> connection;
  std::string refused_contexts;  ///< In words; empty: none.
};
/// RT-OPEN or A-ASSOCIATE confirm, positive.
struct AssociationOpened {
  ConnectionData data;  ///< The bind result (open; empty without one), or the recovered connection.
  AeTitle responding_title;
  Selectors responding;
  std::string refused_contexts;
};

enum class Layer : std::uint8_t { Transport, Session, Presentation, Association, ReliableTransfer };
[[nodiscard]] std::string_view name_of(Layer layer) noexcept;
/// RT-OPEN or A-ASSOCIATE confirm, negative. The last event.
struct AssociationRefused {
  Layer layer = Layer::Transport;
  bool transient = false;  ///< Another try later makes sense.
  std::string text;        ///< For an operator.
  std::optional<RtseRefuseReason> rtse_reason;
  std::optional<asn1::Any> user_data;  ///< The bind error.
};
/// (decide) RT-CLOSE or A-RELEASE indication: answer_release().
struct ReleaseRequested {
  std::optional<asn1::Any> user_data;  ///< The unbind argument.
};
/// The association ended in order. The last event.
struct AssociationReleased {
  std::optional<asn1::Any> user_data;  ///< The unbind result.
};
enum class AbortOrigin : std::uint8_t {
  Local,          ///< abort().
  PeerUser,       ///< RT-U-ABORT, A-ABORT.
  PeerProvider,   ///< A layer of the peer met what it takes for an error of ours, or has a problem.
  ProtocolError,  ///< A layer of this side met an error of the peer.
  NetworkLost,
  Timeout,
};
[[nodiscard]] std::string_view name_of(AbortOrigin origin) noexcept;
/// The association ended otherwise. The last event; what was under way has been reported before it (RtTransferFailed, RtTransferStopped).
struct AssociationAborted {
  AbortOrigin origin = AbortOrigin::NetworkLost;
  std::string text;  ///< For an operator.
  std::optional<RtseAbortReason> rtse_reason;
  std::optional<asn1::Any> user_data;
};

using AssociationEvent = std::variant<AssociationRequested, AssociationOpened, AssociationRefused, ReleaseRequested, AssociationReleased,
                                      AssociationAborted, RtCheckpointConfirmed, RtTransferConfirmed, RtTransferFailed, RtTransferBegin,
                                      RtTransferOctets, RtTransferCheckpoint, RtTransferEnd, RtTransferStopped, RtResumeRequested,
                                      RtTurnGiven, RtTurnPleased, RoseInvoked, RoseResult, RoseError, RoseRejected>;

}  // namespace postern::osi
