// A user of the MTS over P3 (X.419 8): binds, submits, probes, cancels, registers, takes what is delivered. Errors are in words for
// operators.
//
// The association may also be one that the MTS opened with him (mts_caller.hpp): he may invoke the same on it.
//
//   client->take_deliveries({.message = …, .report = …});      // at once after open(): before anything can come
//   while (…) POSTERN_CO_CHECK(co_await client->attend(deadline));
#pragma once

#include "mhs/user_client.hpp"
#include "mts/rules_controls.hpp"

namespace postern::mhs {

/// Who takes what is delivered. An answer without error is the result of the operation: the MTS hands the responsibility over and forgets,
/// so what is to be kept must be durable by then. An error: it waits with the MTS and comes again (delivery-control-violated).
struct DeliveryTaker {
  std::function<io::Task<Status>(mts::MessageDeliveryArgument)> message;
  std::function<io::Task<Status>(mts::ReportDeliveryArgument)> report;
};

class P3Client {
 public:
  [[nodiscard]] static io::Task<Called<std::unique_ptr<P3Client>>> open(UserCall call, io::Resolver& resolver, SteadyTime deadline,
                                                                        CallWitness witness = {});

  /// On an association that the MTS opened, with what its bind said.
  [[nodiscard]] static std::unique_ptr<P3Client> answered(std::unique_ptr<UserClient> client, mts::MTSBindArgument bind);

  /// While the MTS holds submissions back (submission-control), both wait until it lets them go: Unavailable where it does not in time.
  [[nodiscard]] io::Task<Result<mts::MessageSubmissionResult>> submit(mts::MessageSubmissionArgument argument, SteadyTime deadline);
  [[nodiscard]] io::Task<Result<mts::ProbeSubmissionResult>> probe(mts::ProbeSubmissionArgument argument, SteadyTime deadline);
  [[nodiscard]] io::Task<Status> cancel(mts::MTSIdentifier identifier, SteadyTime deadline) {
    return m_submission.cancel(std::move(identifier), deadline);
  }
  [[nodiscard]] io::Task<Status> change_password(SecretBytes before, SecretBytes after, SteadyTime deadline);
  [[nodiscard]] io::Task<Status> register_user(mts::RegisterArgument88 registration, SteadyTime deadline);
  // ---- delivery port
  /// Without it deliveries are rejected and wait for another association. What the taker borrows must outlive the client.
  void take_deliveries(DeliveryTaker taker);
  /// X.411 8.3.1.3: what may be delivered from now on; the result says what waits because of it.
  [[nodiscard]] io::Task<Result<mts::DeliveryControlResult>> control_delivery(mts::DeliveryControlArgument controls, SteadyTime deadline);
  /// Waits for the next thing the MTS asks, and answers it. Timeout: nothing came; Unavailable: the association is over, with the reason.
  [[nodiscard]] io::Task<Status> attend(SteadyTime deadline) { return m_client->rose().attend(deadline); }

  /// Unbinds. Where the MTS bound only it may do so (X.411 8.1.2): it is asked for nothing more (delivery-control), and its unbind waited
  /// for.
  [[nodiscard]] io::Task<void> close(SteadyTime deadline);

  /// Who is on the other side, as he says: the MTA's name.
  [[nodiscard]] std::string responder() const;
  /// Messages that wait for delivery, where the MTA says so.
  [[nodiscard]] std::int64_t waiting() const noexcept;
  [[nodiscard]] UserClient& client() noexcept { return *m_client; }

 private:
  P3Client(std::unique_ptr<UserClient> client, mts::MTSBindResult bound)
      : m_client(std::move(client)), m_bound(std::move(bound)), m_submission(*m_client) {
    accept_submission_control();
  }

  void accept_submission_control();
  [[nodiscard]] io::Task<void> leave(SteadyTime deadline);
  [[nodiscard]] io::Task<Status> wait_until_permitted(mts::Awaiting what, SteadyTime deadline);

  std::unique_ptr<UserClient> m_client;
  mts::MTSBindResult m_bound;
  bool m_is_answered = false;  ///< The MTS opened the association.
  SubmissionClient m_submission;
  mts::Controls m_controls;              ///< Of what is submitted, as the MTS last said.
  std::vector<mts::Awaiting> m_waiting;  ///< What does not go because of them.
};

/// Simple credentials (X.411 8.1.1.1.1.3).
[[nodiscard]] mts::Credentials simple_credentials(const SecretBytes& password);

}  // namespace postern::mhs
