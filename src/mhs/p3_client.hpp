// A user of the MTS over P3 (X.419 8): binds, submits, probes, cancels, registers. Errors are in words for operators.
#pragma once

#include "mhs/user_client.hpp"

namespace postern::mhs {

class P3Client {
 public:
  [[nodiscard]] static io::Task<Called<std::unique_ptr<P3Client>>> open(UserCall call, io::Resolver& resolver, SteadyTime deadline,
                                                                        CallWitness witness = {});

  [[nodiscard]] io::Task<Result<mts::MessageSubmissionResult>> submit(mts::MessageSubmissionArgument argument, SteadyTime deadline) {
    return m_submission.submit(std::move(argument), deadline);
  }
  [[nodiscard]] io::Task<Result<mts::ProbeSubmissionResult>> probe(mts::ProbeSubmissionArgument argument, SteadyTime deadline) {
    return m_submission.probe(std::move(argument), deadline);
  }
  [[nodiscard]] io::Task<Status> cancel(mts::MTSIdentifier identifier, SteadyTime deadline) {
    return m_submission.cancel(std::move(identifier), deadline);
  }
  [[nodiscard]] io::Task<Status> change_password(SecretBytes before, SecretBytes after, SteadyTime deadline);
  [[nodiscard]] io::Task<Status> register_user(mts::RegisterArgument88 registration, SteadyTime deadline);
  /// Unbinds.
  [[nodiscard]] io::Task<void> close(SteadyTime deadline) { return m_client->close(deadline); }

  /// Who answered, as he says: the MTA's name.
  [[nodiscard]] std::string responder() const;
  /// Messages that wait for delivery, where the MTA says so.
  [[nodiscard]] std::int64_t waiting() const noexcept;
  [[nodiscard]] UserClient& client() noexcept { return *m_client; }

 private:
  P3Client(std::unique_ptr<UserClient> client, mts::MTSBindResult bound)
      : m_client(std::move(client)), m_bound(std::move(bound)), m_submission(*m_client) {}

  std::unique_ptr<UserClient> m_client;
  mts::MTSBindResult m_bound;
  SubmissionClient m_submission;
};

/// Simple credentials (X.411 8.1.1.1.1.3).
[[nodiscard]] mts::Credentials simple_credentials(const SecretBytes& password);

}  // namespace postern::mhs
