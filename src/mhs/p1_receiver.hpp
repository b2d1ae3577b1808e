// The receiving side of P1: one association that a peer opened, from its bind to its end.
//
// An APDU is confirmed (S-ACTIVITY-END response) when the queue has it on disk, or when it is one that the queue had before; never earlier.
// What cannot be taken now (disk full, queue closed) is refused with an exception report, and the peer tries again; so is what is no APDU
// of P1, and the peer reports that to its originator.
#pragma once

#include <atomic>

#include "io/loops.hpp"
#include "mhs/interrupted.hpp"
#include "mhs/mta_rules.hpp"
#include "mhs/open_associations.hpp"
#include "mhs/outbound_desk.hpp"
#include "mhs/password_guesses.hpp"
#include "mhs/refused_binds.hpp"
#include "mhs/wire.hpp"
#include "spool/spool.hpp"

namespace postern::mhs {

struct P1Stats {
  std::atomic<std::uint64_t> associations{0}, binds_refused{0};
  std::atomic<std::uint64_t> messages{0}, probes{0}, reports{0}, duplicates{0}, refused{0}, resumed{0};
  std::atomic<std::uint64_t> octets{0}, quirks{0};
};

struct P1Parts {
  const Mta& mta;
  const MtaRules& rules;
  Spool& spool;
  StagingArea& staging;
  io::WorkerPool& workers;
  InterruptedTransfers& interrupted;
  OpenAssociations& open;
  P1Stats& stats;
  PasswordGuesses& guesses;
  RefusedBinds& refused;
  Random& random;
  const Clock& clock;
  OutboundDesk* desk = nullptr;  ///< For associations of two-way alternate use; null: nothing is sent over those that a peer opened.
};

/// Nothing of it stays; what was staged is on disk, so a worker does it.
void give_up(OpenTransfer open, StagingArea& staging, io::WorkerPool& workers);

/// Serves the association that asked `requested`; returns when it is over. The parts must outlive it.
[[nodiscard]] io::Task<void> receive_p1(P1Parts& parts, Wire& wire, osi::AssociationRequested requested, TransferMode mode);

/// Of an association that this side opened, and whose turn it gave away: takes what comes until the turn is back or the association over.
[[nodiscard]] io::Task<void> receive_until_turn(P1Parts& parts, Wire& wire, const Peer& peer, P1Sender::Connection connection);

}  // namespace postern::mhs
