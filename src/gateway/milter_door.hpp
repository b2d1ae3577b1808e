// The door for mail filters: an MTA (Postfix, Sendmail, Stalwart) asks by the milter protocol what shall become of a message that it is
// about to take, and gets what the whole pipeline says: verdicts, seals, signatures, or that the message is ours now.
//
// The thin coroutine between a Stream and a milter::Session. Who may connect speaks for his SMTP clients: what a client logged in as, which
// address it has. So the door listens on loopback, a Unix socket, or asks for client certificates.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "gateway/door.hpp"
#include "gateway/filter.hpp"
#include "milter/session.hpp"

namespace postern::gateway {

/// What decides about a message; called on the loop of the connection.
class FilterReception {
 public:
  virtual ~FilterReception() = default;
  /// When it returns, whatever is ours is durable, and so is the audit record.
  [[nodiscard]] virtual io::Task<FilterVerdict> filter(Arrival arrival) = 0;
  /// After every filter(): its answer is on the way, or there is nobody left to get it. `lone`: nothing else is under way on this loop.
  virtual void answered(bool /*lone*/) noexcept {}
};

struct MilterStats {
  std::atomic<std::uint64_t> sessions{0}, handshakes_failed{0}, messages{0};
  std::atomic<std::uint64_t> passed{0}, changed{0}, refused{0}, discarded{0}, broken{0};
};

struct MilterDoorParts {
  DoorOptions options;  ///< `smtp` is not used.
  std::shared_ptr<const milter::SessionOptions> session;
  FilterReception& reception;
  std::string hostname;
  std::shared_ptr<ContentBudget> budget;
  const Clock& clock;
  Random& random;
};

class MilterDoor {
 public:
  explicit MilterDoor(MilterDoorParts parts) : m_parts(std::move(parts)) {}
  /// One connection, from accept to close. The door must outlive it.
  [[nodiscard]] io::Task<void> serve(io::Stream stream);
  [[nodiscard]] const MilterStats& stats() const noexcept { return m_stats; }

 private:
  class Visit;
  MilterDoorParts m_parts;
  MilterStats m_stats;
};

/// The message as the pipeline takes it. BadInput names what of the envelope is no address. For tests, too.
[[nodiscard]] Result<Arrival> arrival_of(const milter::Message& message, const DoorOptions& door, WallTime now, Random& random);

}  // namespace postern::gateway
