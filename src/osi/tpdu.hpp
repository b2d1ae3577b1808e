// TPDUs of transport class 0 as values (X.224 13), without the TPKT around them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace postern::osi {

/// X.224 13.5.3: reasons of a DISCONNECT REQUEST. Those from 128 on belong to classes 1 to 4, and are seen in refusals over RFC 1006 too.
enum class DisconnectReason : std::uint8_t {
  Unspecified = 0,
  Congestion = 1,
  NotAttached = 2,
  AddressUnknown = 3,
  NormalDisconnect = 128,
  RemoteCongestion = 129,
  NegotiationFailed = 130,
  DuplicateReference = 131,
  MismatchedReferences = 132,
  ProtocolError = 133,
  ReferenceOverflow = 135,
  RefusedOnNetworkConnection = 136,
  HeaderLengthInvalid = 138,
};
/// In words: "session entity not attached to this TSAP"; unknown octets by number.
[[nodiscard]] std::string describe(DisconnectReason reason);

/// X.224 13.12.3: reject causes of an ERROR.
enum class RejectCause : std::uint8_t { Unspecified = 0, InvalidParameterCode = 1, InvalidTpduType = 2, InvalidParameterValue = 3 };
[[nodiscard]] std::string describe(RejectCause cause);

/// X.224 13.3. `classes` has bit n set for each class the initiator can do: its preferred one and the alternatives.
struct ConnectionRequest {
  std::uint16_t source = 0;
  std::uint8_t classes = 1;
  std::optional<Bytes> calling;  ///< TSAP-IDs, at most 32 octets.
  std::optional<Bytes> called;
  std::optional<std::size_t> tpdu_size;  ///< Octets: 128 .. 8192.
  friend bool operator==(const ConnectionRequest&, const ConnectionRequest&) = default;
};
/// X.224 13.4.
struct ConnectionConfirm {
  std::uint16_t destination = 0;
  std::uint16_t source = 0;
  std::uint8_t transport_class = 0;
  std::optional<Bytes> calling;
  std::optional<Bytes> called;
  std::optional<std::size_t> tpdu_size;
  friend bool operator==(const ConnectionConfirm&, const ConnectionConfirm&) = default;
};
/// X.224 13.5.
struct DisconnectRequest {
  std::uint16_t destination = 0;
  std::uint16_t source = 0;
  DisconnectReason reason = DisconnectReason::Unspecified;
  Bytes information;  ///< Additional information, at most 128 octets; free text of some peers.
  friend bool operator==(const DisconnectRequest&, const DisconnectRequest&) = default;
};
/// X.224 13.7.
struct DataTpdu {
  bool end_of_tsdu = true;
  ByteView data;  ///< Borrowed.
};
/// X.224 13.12.
struct ErrorTpdu {
  std::uint16_t destination = 0;
  RejectCause cause = RejectCause::Unspecified;
  Bytes invalid;  ///< The rejected TPDU up to what was wrong with it.
  friend bool operator==(const ErrorTpdu&, const ErrorTpdu&) = default;
};
using Tpdu = std::variant<ConnectionRequest, ConnectionConfirm, DisconnectRequest, DataTpdu, ErrorTpdu>;

inline constexpr std::size_t kDataTpduHeader = 3;

/// Why a TPDU cannot be used, in the terms of the ERROR that answers it.
struct TpduError {
  RejectCause cause = RejectCause::Unspecified;
  std::size_t offset = 0;  ///< Of the first octet that is wrong.
  std::string what;
};

/// Appends the TPDU to `out`. Parameters above their limits are the caller's mistake and are cut.
void write_tpdu(Bytes& out, const Tpdu& tpdu);
/// X.224 13.2.3: unknown parameters of a CR are ignored, of any other TPDU an error. The value of DataTpdu borrows from `octets`.
[[nodiscard]] tl::expected<Tpdu, TpduError> read_tpdu(ByteView octets);

}  // namespace postern::osi
