// Held mail that nobody released: after queue.held_expire it leaves the queue, and whoever can be told safely is told.
//
// Mail of our own people, and of strangers whom SPF vouches for, bounces to its sender (RFC 3464). What is held because its sender
// is not who he says is removed without a bounce, since that would go to somebody who never wrote it (RFC 5321 6.1, backscatter); the
// audit log has each of them. What an operator put on hold himself (`postern queue hold`), and damaged mail, stays.
#pragma once

#include "config/config.hpp"
#include "io/loops.hpp"
#include "spool/spool.hpp"

namespace postern::gateway {

/// All must outlive it.
struct HeldMailParts {
  const config::Config& config;
  Spool& spool;
  io::WorkerPool& workers;
  const Clock& clock;
};

class HeldMail {
 public:
  explicit HeldMail(HeldMailParts parts) : m_parts(parts) {}
  /// On one loop, as long as it runs; looks every hour, or more often where the time is short.
  [[nodiscard]] io::Task<void> run();
  /// How many recipients left. Waits for commits: not on an event loop.
  [[nodiscard]] Result<std::size_t> expire();

 private:
  [[nodiscard]] Result<bool> expire(const QueueEntry& entry);
  HeldMailParts m_parts;
};

/// Whether a bounce goes to somebody who sent the message, by the facts of its envelope (Envelope::facts).
[[nodiscard]] bool may_be_told(const std::string& facts);

}  // namespace postern::gateway
