// The submission port of a node: what its users submit goes into its queue, and what is deferred there can be called back.
#pragma once

#include "io/loops.hpp"
#include "mhs/node.hpp"
#include "mhs/users.hpp"

namespace postern::mhs {

class NodeSubmission final : public SubmissionPort {
 public:
  /// All must outlive it.
  struct Parts {
    Store& store;
    Spool& spool;
    io::WorkerPool& workers;
    const Clock& clock;
    std::uint64_t most_queued = 100'000;  ///< Messages in the queue, from which on users are asked to hold theirs back.
  };
  explicit NodeSubmission(Parts parts) : m_parts(parts) {}
  /// The node comes to be after the services that use this port: before attach() everything is Unavailable. Not while it is served.
  void attach(Node& node) noexcept { m_node = &node; }

  [[nodiscard]] Status open() const override;
  [[nodiscard]] io::Task<Result<mts::MessageSubmissionResult>> submit(mts::MessageSubmissionEnvelope envelope, Bytes content,
                                                                      std::string actor) override;
  [[nodiscard]] io::Task<Result<mts::ProbeSubmissionResult>> submit_probe(mts::ProbeSubmissionEnvelope envelope,
                                                                          std::string actor) override;
  [[nodiscard]] io::Task<Status> cancel(mts::MTSIdentifier identifier, oraddress::ORAddress user, std::string actor) override;

 private:
  [[nodiscard]] Result<bool> cancel_now(const mts::MTSIdentifier& identifier, const oraddress::ORAddress& user, std::string actor) const;

  Parts m_parts;
  Node* m_node = nullptr;
};

}  // namespace postern::mhs
