// One bound association as the calls of the port need it: P7 does all of them, P3 what an MTA has. On its loop, one call at a time.
#pragma once

#include "io/resolver.hpp"
#include "mhs/p3_client.hpp"
#include "mhs/p7_client.hpp"
#include "sdk/values.hpp"
#include "transport/native_trouble.hpp"

namespace postern::transport {

/// A call's arguments by value: coroutines live longer than their callers.
class NativeUser {
 public:
  virtual ~NativeUser() = default;

  [[nodiscard]] io::Task<Outcome<sdk::Submitted>> submit(mts::MessageSubmissionArgument message, SteadyTime deadline);
  [[nodiscard]] io::Task<Outcome<sdk::Submitted>> probe(mts::ProbeSubmissionArgument probe, SteadyTime deadline);
  /// X.411 8.2.1.3.
  [[nodiscard]] io::Task<Outcome<sdk::Done>> cancel_deferred(mts::MTSIdentifier identifier, SteadyTime deadline);
  /// The rest is UNSUPPORTED where there is no mailbox.
  [[nodiscard]] virtual io::Task<Outcome<sdk::EntryList>> list(sdk::List request, SteadyTime deadline);
  [[nodiscard]] virtual io::Task<Outcome<sdk::Summary>> summarize(sdk::Summarize request, SteadyTime deadline);
  /// The content with it, whole, where it is asked for.
  struct Fetched {
    sdk::Fetched value;
    Bytes content;
  };
  [[nodiscard]] virtual io::Task<Outcome<Fetched>> fetch(sdk::Fetch request, SteadyTime deadline);
  [[nodiscard]] virtual io::Task<Outcome<sdk::Done>> remove(sdk::Delete request, SteadyTime deadline);
  [[nodiscard]] virtual io::Task<Outcome<sdk::Done>> register_user(sdk::Register request, SteadyTime deadline);
  /// What is new: asks once where `ask_until` is given, which may take until then, and waits until `deadline`. kind Nothing: nothing came.
  [[nodiscard]] virtual io::Task<Outcome<sdk::Event>> poll(std::optional<SteadyTime> ask_until, SteadyTime deadline) = 0;
  [[nodiscard]] virtual io::Task<void> close(SteadyTime deadline) = 0;

  [[nodiscard]] virtual mhs::UserClient& client() noexcept = 0;
  /// Of the bind.
  [[nodiscard]] virtual sdk::Binding binding() const { return {}; }

 protected:
  explicit NativeUser(mts::ORName user) : m_user(std::move(user)) {}
  [[nodiscard]] const mts::ORName& name() const noexcept { return m_user; }
  /// To the client's submission port.
  [[nodiscard]] virtual io::Task<Result<mts::MessageSubmissionResult>> give(mts::MessageSubmissionArgument message,
                                                                            SteadyTime deadline) = 0;
  [[nodiscard]] virtual io::Task<Result<mts::ProbeSubmissionResult>> give(mts::ProbeSubmissionArgument probe, SteadyTime deadline) = 0;
  [[nodiscard]] virtual io::Task<Status> take_back(mts::MTSIdentifier identifier, SteadyTime deadline) = 0;

 private:
  mts::ORName m_user;
};

/// Binds. The association belongs to the loop it was made on.
[[nodiscard]] io::Task<Outcome<std::unique_ptr<NativeUser>>> bind_native_user(sdk::Role role, mhs::UserCall call, io::Resolver& resolver,
                                                                              SteadyTime deadline);
/// For bind_native_user().
[[nodiscard]] std::unique_ptr<NativeUser> p3_user(mts::ORName user, std::unique_ptr<mhs::P3Client> client);
[[nodiscard]] std::unique_ptr<NativeUser> p7_user(mts::ORName user, std::unique_ptr<mhs::P7Client> client);

}  // namespace postern::transport
