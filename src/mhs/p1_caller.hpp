// The sending side of P1: an association that this MTA opens with a peer, and the transfers over it.
#pragma once

#include "io/loops.hpp"
#include "io/resolver.hpp"
#include "mhs/outgoing.hpp"
#include "mhs/p1_bind.hpp"
#include "mhs/wire.hpp"

namespace postern::mhs {

struct CallParts {
  const Mta& mta;
  io::Resolver& resolver;
  io::WorkerPool& workers;
  const Clock& clock;
  std::string hostname;            ///< Of this machine, for the session connection's name.
  osi::TranscriptHook transcript;  ///< Octets of each connection, where somebody wants to see them.
};

/// Names a session connection for a later resumption (X.228 7.1): activities are numbered anew on each, so two of the same name could make
/// one message's octets go on behind another's. No two of this process within a second have one name.
[[nodiscard]] osi::SessionConnectionIdentifier connection_name(const std::string& hostname, TransferMode mode, WallTime now);

/// Why there is no association now.
struct CallFailure {
  std::string text;      ///< For an operator.
  bool refused = false;  ///< The peer answered, and said no to us (bind): an operator has something to mend.
  Bytes said = {};       ///< The error of the peer's refusal of the bind as it came, without its tag of ROSE; empty where there was none.
};

/// How one transfer ended.
struct TransferOutcome {
  enum class How : std::uint8_t {
    Done,     ///< The peer is responsible for it.
    Refused,  ///< Not this APDU, whatever the association (discarded): count it against the message.
    Broken,   ///< The association did not last; try it on another one.
  } how = How::Broken;
  std::string text;                       ///< For an operator.
  std::optional<osi::ResumePoint> point;  ///< Where it can go on.
  bool damaged = false;                   ///< The content cannot be read: it is not authentic.
};

class P1Caller {
 public:
  /// Resolves, connects, does TLS, binds. One deadline for all of it.
  [[nodiscard]] static io::Task<tl::expected<std::unique_ptr<P1Caller>, CallFailure>> open(const CallParts& parts, const Peer& peer,
                                                                                           SteadyTime deadline);

  /// The APDU of the item for those recipients that are due; begins at `from` where a former association left it.
  /// BadInput: the item cannot be sent to this peer at all (1984), `what` says why.
  [[nodiscard]] io::Task<Result<TransferOutcome>> transfer(Outgoing& item, std::optional<osi::ResumePoint> from);
  /// RT-CLOSE, or an abort where that does not answer.
  [[nodiscard]] io::Task<void> release();
  /// Reads what came meanwhile; false: the association has ended.
  [[nodiscard]] bool alive() noexcept;
  /// "TLSv1.3 pinned" and the like, for the queue's `road`.
  [[nodiscard]] std::string road() const;

 private:
  P1Caller(const CallParts& parts, const Peer& peer, Wire wire) : m_parts(parts), m_peer(peer), m_wire(std::move(wire)) {}
  [[nodiscard]] io::Task<std::optional<CallFailure>> bind(SteadyTime deadline);
  [[nodiscard]] io::Task<Status> check(const mts::MTABindResult& result);
  [[nodiscard]] io::Task<TransferOutcome> send(class ApduSource& source, std::optional<osi::ResumePoint> from);
  [[nodiscard]] io::Task<std::optional<TransferOutcome>> settle_one();

  const CallParts& m_parts;
  const Peer& m_peer;
  Wire m_wire;
  std::optional<osi::SessionConnectionIdentifier> m_connection;
  asn1::BitString m_random_number;          ///< Of our strong credentials: what the bind result must answer.
  std::optional<osi::ResumePoint> m_point;  ///< The last confirmed checkpoint of what is under way.
  bool m_untried = false;                   ///< It is the one of a former association, and the peer has not taken it up (yet).
};

}  // namespace postern::mhs
