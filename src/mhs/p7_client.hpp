// A user of a message store over P7 (X.419 9, X.413): lists, fetches and deletes what is in his mailbox, and submits through it.
//
//   POSTERN_CO_TRY(auto client, co_await P7Client::open(std::move(call), resolver, deadline));
//   POSTERN_CO_TRY(ms::ListResult entries, co_await client->list(argument, deadline));
//
// Errors are in words for operators: Denied with the store's error and its parameter, and those of UserClient::invoke().
#pragma once

#include <deque>

#include "mhs/user_client.hpp"
#include "ms/operations.hpp"
#include "ms/register.hpp"

namespace postern::mhs {

class P7Client {
 public:
  [[nodiscard]] static io::Task<Called<std::unique_ptr<P7Client>>> open(UserCall call, io::Resolver& resolver, SteadyTime deadline,
                                                                        CallWitness witness = {});

  [[nodiscard]] io::Task<Result<ms::SummarizeResult>> summarize(ms::SummarizeArgument argument, SteadyTime deadline);
  [[nodiscard]] io::Task<Result<ms::ListResult>> list(ms::ListArgument argument, SteadyTime deadline);
  [[nodiscard]] io::Task<Result<ms::FetchResult>> fetch(ms::FetchArgument argument, SteadyTime deadline);
  [[nodiscard]] io::Task<Status> remove(ms::DeleteArgument argument, SteadyTime deadline);
  [[nodiscard]] io::Task<Status> register_ms(ms::RegisterMSArgument argument, SteadyTime deadline);

  [[nodiscard]] io::Task<Result<mts::MessageSubmissionResult>> submit(mts::MessageSubmissionArgument argument, SteadyTime deadline) {
    return m_submission.submit(std::move(argument), deadline);
  }
  [[nodiscard]] io::Task<Result<mts::ProbeSubmissionResult>> probe(mts::ProbeSubmissionArgument argument, SteadyTime deadline) {
    return m_submission.probe(std::move(argument), deadline);
  }
  [[nodiscard]] io::Task<Status> cancel(mts::MTSIdentifier identifier, SteadyTime deadline) {
    return m_submission.cancel(std::move(identifier), deadline);
  }

  /// The next alert of the store, one that came already or one that comes. Timeout: none.
  [[nodiscard]] io::Task<Result<ms::AlertArgument>> wait_for_alert(SteadyTime deadline);
  /// Unbinds.
  [[nodiscard]] io::Task<void> close(SteadyTime deadline) { return m_client->close(deadline); }
  [[nodiscard]] UserClient& client() noexcept { return *m_client; }

 private:
  explicit P7Client(std::unique_ptr<UserClient> client) : m_client(std::move(client)), m_submission(*m_client) {}
  void accept_alerts();

  std::unique_ptr<UserClient> m_client;
  SubmissionClient m_submission;
  std::deque<ms::AlertArgument> m_alerts;
};

}  // namespace postern::mhs
