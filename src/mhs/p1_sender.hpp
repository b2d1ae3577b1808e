// Transfers out over an association of P1, whoever opened it: while this side has the turn.
#pragma once

#include "io/loops.hpp"
#include "mhs/options.hpp"
#include "mhs/outgoing.hpp"
#include "mhs/wire.hpp"

namespace postern::mhs {

/// How one transfer ended.
struct TransferOutcome {
  enum class How : std::uint8_t {
    Done,     ///< The peer is responsible for it.
    Refused,  ///< Not this APDU, whatever the association (discarded): count it against the message.
    Broken,   ///< The association did not last; try it on another one.
    Never,    ///< It cannot be sent to this peer at all (1984): `report` says why.
  } how = How::Broken;
  std::string text;                       ///< For an operator.
  std::optional<osi::ResumePoint> point;  ///< Where it can go on.
  bool damaged = false;                   ///< The content cannot be read: it is not authentic.
  bool untaken = false;  ///< The peer did not go on at the point it began with, for a reason that may pass: `point` is that one.
  mts::NonDeliveryReport report = {};  ///< Of Never.
};

class P1Sender {
 public:
  using Connection = std::optional<osi::SessionConnectionIdentifier>;
  /// All must outlive it. `connection`: what the session connection is called, for resumption.
  P1Sender(const Mta& mta, io::WorkerPool& workers, const Peer& peer, Wire& wire, Connection connection = {})
      : m_mta(mta), m_workers(workers), m_peer(peer), m_wire(wire), m_connection(std::move(connection)) {}

  void name_connection(Connection connection) { m_connection = std::move(connection); }
  [[nodiscard]] const Connection& connection() const noexcept { return m_connection; }
  /// The APDU of the item for those recipients that are due; begins at `from` where a former association left it.
  /// Errors, before anything went out. BadInput, TooLarge, Unsupported: the item cannot be written.
  /// IntegrityFailed: it is not authentic. Others pass.
  [[nodiscard]] io::Task<Result<TransferOutcome>> transfer(Outgoing& item, std::optional<osi::ResumePoint> from);
  /// Whether the peer asked for the turn during a transfer; asking forgets.
  bool take_turn_asked() noexcept { return std::exchange(m_turn_asked, false); }

  /// Of a connection whose path was judged: what is known of it stands in road().
  void name_road(std::string road) { m_road = std::move(road); }
  /// "TLSv1.3 pinned", "TLSv1.3 verified, not revoked (OCSP)" and the like, for the queue's `road`.
  [[nodiscard]] std::string road() const;

 private:
  [[nodiscard]] io::Task<TransferOutcome> send(class ApduSource& source, std::optional<osi::ResumePoint> from);
  [[nodiscard]] io::Task<std::optional<TransferOutcome>> settle_one();
  [[nodiscard]] io::Task<TransferOutcome> broken_off(osi::RtTransferFailed failure);

  const Mta& m_mta;
  io::WorkerPool& m_workers;
  const Peer& m_peer;
  Wire& m_wire;
  Connection m_connection;
  std::string m_road;                       ///< Empty: what the connection shows.
  std::optional<osi::ResumePoint> m_point;  ///< The last confirmed checkpoint of what is under way.
  bool m_untaken = false;                   ///< It is the one of a former association, and the peer has not taken it up (yet).
  bool m_may_pass = false;                  ///< Why it has not may be over later.
  bool m_turn_asked = false;
};

}  // namespace postern::mhs
