// Transfers that were cut and may go on: on the same association after an interrupt, or on another one after the connection was lost. Kept
// in memory with the place of their last checkpoint; after a restart of the process the sender begins anew (X.228: an activity that nobody
// knows is refused), and what was staged is dropped.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "mhs/fate.hpp"
#include "mhs/transfer_in.hpp"
#include "osi/rtse.hpp"

namespace postern::mhs {

/// A transfer with what was decided at its envelope.
struct OpenTransfer {
  std::unique_ptr<TransferIn> in;
  std::shared_ptr<std::vector<Fate>> fates;  ///< Filled when the envelope came.
};

/// All peers' interrupted transfers; any thread. Bounded: the oldest goes when a new one does not fit.
class InterruptedTransfers {
 public:
  explicit InterruptedTransfers(std::size_t most = 64, std::chrono::seconds keep = std::chrono::minutes(30)) : m_most(most), m_keep(keep) {}

  void put(const std::string& peer, osi::ResumePoint point, OpenTransfer transfer, SteadyTime now);
  struct Found {
    osi::ResumePoint point;
    OpenTransfer transfer;
  };
  /// Takes out the one that the peer asks to go on with: the same activity, session connection (where it names one) and checkpoint.
  [[nodiscard]] std::optional<Found> take(const std::string& peer, const osi::RtResumeRequested& asked, SteadyTime now);
  /// Activities that were committed: a sender that missed our confirmation may ask to resume them.
  void note_completed(const std::string& peer, const Bytes& activity, const std::optional<osi::SessionConnectionIdentifier>& connection);
  [[nodiscard]] bool was_completed(const std::string& peer, const osi::RtResumeRequested& asked) const;

 private:
  struct Entry {
    std::string peer;
    osi::ResumePoint point;
    OpenTransfer transfer;
    SteadyTime until;
  };
  struct Completed {
    std::string peer;
    Bytes activity;
    std::optional<osi::SessionConnectionIdentifier> connection;
  };
  void drop_old(SteadyTime now);

  const std::size_t m_most;
  const std::chrono::seconds m_keep;
  mutable std::mutex m_mutex;
  std::deque<Entry> m_entries;
  std::deque<Completed> m_completed;
};

}  // namespace postern::mhs
