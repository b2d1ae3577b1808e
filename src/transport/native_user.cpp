#include "transport/native_user.hpp"

#include "transport/native_submission.hpp"

namespace postern::transport {
namespace {

tl::unexpected<Trouble> no_mailbox(const char* call) {
  return trouble(POSTERN_X400_UNSUPPORTED,
                 std::string(call) + " needs a mailbox, and an MTA (P3) has none; bind to the message store, by P7");
}

template <class Argument>
Asked asked_by(const Argument& argument) {
  Asked out;
  for (const auto& each : argument.per_recipient_fields) out.recipients.push_back(each.recipient_name);
  return out;
}

template <class Client>
using Made = std::unique_ptr<NativeUser> (*)(mts::ORName user, std::unique_ptr<Client> client);

template <class Client>
io::Task<Outcome<std::unique_ptr<NativeUser>>> bind_with(mhs::UserCall call, io::Resolver& resolver, SteadyTime deadline, Made<Client> made,
                                                         bool is_p7) {
  std::string step;
  mhs::CallWitness witness = [&step](const mhs::CallStep& seen) {
    if (!seen.good) step = seen.name;
  };
  mts::ORName user = call.user;
  auto client = co_await Client::open(std::move(call), resolver, deadline, std::move(witness));
  if (!client)
    co_return tl::unexpected<Trouble>(trouble_of_bind(client.error(), step, is_p7, std::chrono::steady_clock::now() >= deadline));
  co_return made(std::move(user), *std::move(client));
}

}  // namespace

io::Task<Outcome<std::unique_ptr<NativeUser>>> bind_native_user(sdk::Role role, mhs::UserCall call, io::Resolver& resolver,
                                                                SteadyTime deadline) {
  if (role == sdk::Role::P7User) return bind_with<mhs::P7Client>(std::move(call), resolver, deadline, &p7_user, true);
  return bind_with<mhs::P3Client>(std::move(call), resolver, deadline, &p3_user, false);
}

io::Task<Outcome<sdk::Submitted>> NativeUser::submit(mts::MessageSubmissionArgument message, SteadyTime deadline) {
  const Asked asked = asked_by(message.envelope);
  const auto result = co_await give(std::move(message), deadline);
  if (!result) co_return tl::unexpected<Trouble>(trouble_of_call(result.error(), client(), mts::Port::Submission, asked));
  co_return submitted_of(result->message_submission_identifier, result->message_submission_time, result->content_identifier);
}

io::Task<Outcome<sdk::Submitted>> NativeUser::probe(mts::ProbeSubmissionArgument probe, SteadyTime deadline) {
  const Asked asked = asked_by(probe);
  const auto result = co_await give(std::move(probe), deadline);
  if (!result) co_return tl::unexpected<Trouble>(trouble_of_call(result.error(), client(), mts::Port::Submission, asked));
  co_return submitted_of(result->probe_submission_identifier, result->probe_submission_time, result->content_identifier);
}

io::Task<Outcome<sdk::Done>> NativeUser::cancel_deferred(mts::MTSIdentifier identifier, SteadyTime deadline) {
  const auto result = co_await take_back(std::move(identifier), deadline);
  if (!result) co_return tl::unexpected<Trouble>(trouble_of_call(result.error(), client(), mts::Port::Submission, {}));
  co_return sdk::Done();
}

io::Task<Outcome<sdk::EntryList>> NativeUser::list(sdk::List, SteadyTime) { co_return no_mailbox("list"); }
io::Task<Outcome<sdk::Summary>> NativeUser::summarize(sdk::Summarize, SteadyTime) { co_return no_mailbox("summarize"); }
io::Task<Outcome<NativeUser::Fetched>> NativeUser::fetch(sdk::Fetch, SteadyTime) { co_return no_mailbox("fetch"); }
io::Task<Outcome<sdk::Done>> NativeUser::remove(sdk::Delete, SteadyTime) { co_return no_mailbox("delete"); }
io::Task<Outcome<sdk::Done>> NativeUser::register_user(sdk::Register, SteadyTime) { co_return no_mailbox("register"); }

}  // namespace postern::transport
