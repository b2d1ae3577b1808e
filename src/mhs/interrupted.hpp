// Transfers that were cut and may go on: on the same association after an interrupt, on another one after the connection was lost, or in
// another process after a crash of this one (kept_transfer.hpp). A sender that asks for one that is not here begins anew (X.228: an
// activity that nobody knows is refused).
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

inline constexpr std::size_t kResumePoints = 16;

/// A transfer with what was decided at its envelope, and its checkpoints, the last of which is where `in` stands. The peer may have missed
/// confirmations and go on at an earlier one; what it then sends again is passed over. A checkpoint has another name on each association.
struct OpenTransfer {
  std::unique_ptr<TransferIn> in;
  MessageId asleep;                          ///< Without `in`: what it is staged as; it has to be woken before it goes on.
  std::shared_ptr<std::vector<Fate>> fates;  ///< Filled when the envelope came.
  std::deque<osi::ResumePoint> points;       ///< At most kResumePoints, the oldest first.
  std::uint64_t octets = 0;                  ///< Of the APDU, where `in` stood when it was put aside.

  /// Where the peer may go on from now on.
  void add(osi::ResumePoint point);
};

/// All peers' interrupted transfers; any thread. Bounded, in all and for each peer: the oldest goes when a new one does not fit.
class InterruptedTransfers {
 public:
  explicit InterruptedTransfers(std::size_t most = 64, std::chrono::seconds keep = std::chrono::minutes(30)) : m_most(most), m_keep(keep) {}

  /// `dropped` gets what went to make room or was too old: the caller gives it up.
  void put(const std::string& peer, OpenTransfer transfer, SteadyTime now, std::vector<OpenTransfer>& dropped);
  struct Found {
    osi::ResumePoint point;   ///< The one that was asked for.
    std::uint64_t again = 0;  ///< Octets that will come again.
    OpenTransfer transfer;
  };
  /// Takes out the one that the peer asks to go on with: the same activity, session connection (where it names one) and checkpoint.
  /// `here`: the session connection that the question came on, which is meant where it names none.
  using Connection = std::optional<osi::SessionConnectionIdentifier>;
  [[nodiscard]] std::optional<Found> take(const std::string& peer, const osi::RtResumeRequested& asked, const Connection& here,
                                          SteadyTime now);
  /// Those that nobody resumed in time.
  [[nodiscard]] std::vector<OpenTransfer> take_old(SteadyTime now);
  /// Activities that were committed: a sender that missed our confirmation may ask to resume them.
  void note_completed(const std::string& peer, const Bytes& activity, const std::optional<osi::SessionConnectionIdentifier>& connection);
  [[nodiscard]] bool was_completed(const std::string& peer, const osi::RtResumeRequested& asked) const;

 private:
  struct Entry {
    std::string peer;
    OpenTransfer transfer;
    SteadyTime until;
  };
  struct Completed {
    std::string peer;
    Bytes activity;
    std::optional<osi::SessionConnectionIdentifier> connection;
  };

  const std::size_t m_most;
  const std::chrono::seconds m_keep;
  mutable std::mutex m_mutex;
  std::deque<Entry> m_entries;
  std::deque<Completed> m_completed;
};

}  // namespace postern::mhs
