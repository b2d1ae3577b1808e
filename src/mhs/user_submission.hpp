// The submission port of the MTS over ROSE (X.411 8.2, X.419 "MTSE"): the same operations for a user of P3 and, through his store, of P7.
#pragma once

#include "mhs/rose_operations.hpp"
#include "mhs/user_gate.hpp"

namespace postern::mhs {

class UserSubmission {
 public:
  /// Both must outlive it.
  UserSubmission(SubmissionPort& port, const BoundUser& user) : m_port(port), m_user(user) {}

  /// message-submission, probe-submission and cancel-deferred-delivery.
  void add_to(RoseOperations& table);

  [[nodiscard]] io::Task<RoseReply> submit(mts::MessageSubmissionArgument argument);
  [[nodiscard]] io::Task<RoseReply> submit_probe(mts::ProbeSubmissionArgument argument);
  [[nodiscard]] io::Task<RoseReply> cancel(mts::CancelDeferredDeliveryArgument identifier);

 private:
  /// What forbids this submission before anybody is asked.
  template <class Envelope>
  [[nodiscard]] std::optional<RoseFault> refusal_for(const Envelope& envelope) const;

  SubmissionPort& m_port;
  const BoundUser& m_user;
};

/// The error of the submission port that says what `error` says (X.411 8.2.2).
[[nodiscard]] RoseFault submission_fault(const Error& error);
/// An error by its name in mts::p3_errors().
[[nodiscard]] RoseFault fault_named(mts::Port port, std::string_view name, std::optional<asn1::Any> parameter = std::nullopt);

}  // namespace postern::mhs
