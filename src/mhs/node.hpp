// One MTA as a whole: what comes in by its door, what the queue keeps, what leaves by its courier.
#pragma once

#include "mhs/courier.hpp"
#include "mhs/door.hpp"
#include "mhs/user_deliveries.hpp"

namespace postern::mhs {

struct NodeParts {
  Mta mta;
  Mailboxes& mailboxes;
  Store& store;
  Spool& spool;
  Keeper& keeper;
  io::Loops& loops;
  io::WorkerPool& workers;
  io::Resolver& resolver;
  Random& random;
  const Clock& clock;
  std::string hostname;
  StagingLimits staging;
  RetrySchedule schedule;
  mts::Lifetimes lifetimes;
  osi::TranscriptHook transcript;
  std::vector<UserService> services;
  std::optional<Bytes> transport_selector;
  std::function<Status()> open;
  PasswordGuesses* guesses = nullptr;  ///< Shared with the gates of users; null: of its own.
  static constexpr std::chrono::minutes kHousekeeping{5}, kInterrupted{30};
  std::chrono::milliseconds housekeeping = kHousekeeping;
  std::chrono::seconds interrupted = kInterrupted;  ///< How long a transfer that was cut may be resumed.
  std::shared_ptr<ContentBudget> budget = nullptr;  ///< DoorParts::budget.
};

class Node {
 public:
  /// All parts must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<Node>> make(NodeParts parts);
  ~Node();

  /// The courier works.
  void start();
  void stop();

  /// For io::Listener: one connection, TLS done.
  [[nodiscard]] io::Task<void> serve(io::Stream stream);
  /// A message of a user of ours (X.411 8.2.1.1): checked, given its identifier, and durable when this returns. The error names the field.
  /// `steps` happen in the transaction that queues it.
  [[nodiscard]] io::Task<Result<mts::MessageSubmissionResult>> submit(mts::MessageSubmissionEnvelope envelope, Bytes content,
                                                                      std::string actor, std::vector<CommitStep> steps = {});
  [[nodiscard]] io::Task<Result<mts::ProbeSubmissionResult>> submit_probe(mts::ProbeSubmissionEnvelope envelope, std::string actor);

  /// For P3Parts: what is delivered to users who take it themselves.
  [[nodiscard]] UserDeliveries& deliveries() noexcept;

  [[nodiscard]] const Mta& mta() const noexcept;
  [[nodiscard]] const P1Stats& received() const noexcept;
  [[nodiscard]] const CourierStats& sent() const noexcept;
  [[nodiscard]] std::vector<PeerState> peers() const;

 private:
  struct Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> m_impl;
};

}  // namespace postern::mhs
