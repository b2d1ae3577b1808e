// The sending side of P1: an association that this MTA opens with a peer, and the transfers over it.
#pragma once

#include "io/loops.hpp"
#include "io/resolver.hpp"
#include "mhs/p1_bind.hpp"
#include "mhs/p1_receiver.hpp"
#include "mhs/p1_sender.hpp"

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

class P1Caller {
 public:
  P1Caller(const P1Caller&) = delete;
  P1Caller& operator=(const P1Caller&) = delete;

  /// Resolves, connects, does TLS, binds. One deadline for all of it.
  [[nodiscard]] static io::Task<tl::expected<std::unique_ptr<P1Caller>, CallFailure>> open(const CallParts& parts, const Peer& peer,
                                                                                           SteadyTime deadline);

  /// What sends over it.
  [[nodiscard]] P1Sender& sender() noexcept { return m_sender; }
  /// RT-CLOSE, or an abort where that does not answer.
  [[nodiscard]] io::Task<void> release();
  /// Reads what came meanwhile; false: the association has ended.
  [[nodiscard]] bool alive() noexcept;
  // ---- two-way alternate (X.218 8.5, 8.6): the peer sends over this association, too
  /// Whether it was agreed on, and this peer may.
  [[nodiscard]] bool is_alternate() noexcept;
  enum class Woken : std::uint8_t { Called, TurnAsked, End };
  /// While there is nothing to send: until control().call(), the peer's wish for the turn, or the end (of the association, or `until`).
  [[nodiscard]] io::Task<Woken> wait(SteadyTime until);
  [[nodiscard]] io::StreamControl control() const { return m_wire.stream().control(); }
  /// Gives the turn, and takes what the peer sends until it gives it back.
  [[nodiscard]] io::Task<void> lend_turn(P1Parts& parts);

 private:
  P1Caller(const CallParts& parts, const Peer& peer, Wire wire)
      : m_mta(parts.mta),
        m_workers(parts.workers),
        m_peer(peer),
        m_wire(std::move(wire)),
        m_sender(parts.mta, parts.workers, peer, m_wire) {}
  [[nodiscard]] io::Task<std::optional<CallFailure>> bind(SteadyTime deadline);
  [[nodiscard]] io::Task<Status> check(const mts::MTABindResult& result);

  const Mta& m_mta;
  io::WorkerPool& m_workers;
  const Peer& m_peer;
  Wire m_wire;
  P1Sender m_sender;
  asn1::BitString m_random_number;  ///< Of our strong credentials: what the bind result must answer.
};

}  // namespace postern::mhs
