// Brings APDUs of the MTS out of the queue: to other MTAs over associations that are kept and used again, into mailboxes of this one, and
// as reports back to where they came from.
//
// Each peer lives on one loop, with at most Peer::associations at a time. A peer that cannot be reached makes its route wait, growing, and
// not every message try for itself. What cannot be delivered in its lifetime, or never, ends in a report in the same transaction.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mhs/mailboxes.hpp"
#include "mhs/outcomes.hpp"
#include "mhs/p1_caller.hpp"

namespace postern::mhs {

struct CourierParts {
  P1Parts& p1;  ///< Of what peers send over our associations, where both may.
  const Mta& mta;
  const MtaRules& rules;
  Mailboxes& mailboxes;
  Store& store;
  StagingArea& staging;
  Spool& spool;
  io::Loops& loops;
  io::WorkerPool& workers;
  io::Resolver& resolver;
  Random& random;
  const Clock& clock;
  std::string hostname;
  osi::TranscriptHook transcript;
  mts::Lifetimes lifetimes;
  RetrySchedule schedule;
};

/// A peer as an operator sees it.
struct PeerState {
  std::string name, address, mode;
  std::size_t associations = 0;  ///< Of ours, now.
  std::string trouble;           ///< Why nothing goes there now; empty: it does, or nothing was to go.
  std::string road;              ///< Of our last association: "TLSv1.3 verified, not revoked (OCSP)"; empty: there was none.
  std::string refused;           ///< Binds in its name that were refused, and why; empty: none lately, or it bound since.
};

class X400Courier final : public WorkListener {
 public:
  explicit X400Courier(CourierParts parts);
  ~X400Courier() override;

  /// Registers with the spool and begins with what waits there.
  void start();
  /// Takes no new work. What is under way ends within its own deadlines, or is dropped with the loops and resumed by the next start.
  void stop();

  void work_ready(const std::vector<std::string>& routes) noexcept override;

  [[nodiscard]] const CourierStats& stats() const noexcept;
  [[nodiscard]] std::vector<PeerState> peers() const;
  /// For associations that peers opened; lives as long as the courier.
  [[nodiscard]] OutboundDesk& desk() noexcept;
  /// For others that take work of the MTS out of the queue; lives as long as the courier.
  [[nodiscard]] Outcomes& outcomes() noexcept;

 private:
  struct Impl;
  std::shared_ptr<Impl> m_impl;
};

}  // namespace postern::mhs
