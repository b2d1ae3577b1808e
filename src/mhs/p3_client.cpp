#include "mhs/p3_client.hpp"

#include "base/text.hpp"
#include "oraddress/or_text.hpp"
#include "osi/oids.hpp"

namespace postern::mhs {
namespace {

std::string words_of_bind_error(const asn1::Any& error) {
  const auto code = asn1::from_any<mts::MTSBindError>(error);
  return code ? mts::words_of(*code) : "refused, with a bind error that cannot be read";
}

/// X.411 8.2.1.4: the MTS may tell a user what it holds back; a user who waits for every answer has nothing waiting.
void accept_submission_control(RoseOperations& table) {
  table.on<mts::SubmissionControlArgument>(osi::oid::as_msse(), mts::p3_operation("submission-control").code,
                                           [](auto) -> io::Task<RoseReply> { co_return reply_of(mts::Waiting{}); });
}

template <class T>
Status status_of(const Result<T>& result) {
  if (!result) return fail(result.error());
  return {};
}

}  // namespace

mts::Credentials simple_credentials(const SecretBytes& password) {
  mts::Password value;
  value.value = asn1::OctetString(Bytes(password.view().begin(), password.view().end()));
  return {std::move(value)};
}

io::Task<Called<std::unique_ptr<P3Client>>> P3Client::open(UserCall call, io::Resolver& resolver, SteadyTime deadline,
                                                           CallWitness witness) {
  mts::MTSBindArgument argument;
  argument.initiator_name.value.emplace<0>(call.user);
  argument.initiator_credentials = simple_credentials(call.password);
  auto value = asn1::to_any(argument);
  if (!value) co_return tl::unexpected<CallFailure>(CallFailure{"bind: " + value.error().text(), true});
  UserClient::Bind bind{call.reliable ? osi::mts_reliable_access() : osi::mts_access(), *std::move(value), &words_of_bind_error};
  auto client = co_await UserClient::open(std::move(call), std::move(bind), resolver, deadline, std::move(witness));
  if (!client) co_return tl::unexpected<CallFailure>(client.error());
  auto bound = asn1::from_any<mts::MTSBindResult>((*client)->bind_result());
  if (!bound) {
    co_await (*client)->close(deadline);
    co_return tl::unexpected<CallFailure>(CallFailure{"bind: the result is none of P3: " + bound.error().text(), true});
  }
  accept_submission_control((*client)->operations());
  co_return std::unique_ptr<P3Client>(new P3Client(*std::move(client), *std::move(bound)));
}

io::Task<Status> P3Client::change_password(SecretBytes before, SecretBytes after, SteadyTime deadline) {
  mts::ChangeCredentialsArgument argument;
  argument.old_credentials = simple_credentials(before);
  argument.new_credentials = simple_credentials(after);
  const auto done = co_await m_client->invoke<asn1::Null>(osi::oid::as_mase(), mts::p3_operation("change-credentials").code,
                                                          std::move(argument), words_of_p3(mts::Port::Administration), deadline);
  co_return status_of(done);
}

io::Task<Status> P3Client::register_user(mts::RegisterArgument88 registration, SteadyTime deadline) {
  const auto done = co_await m_client->invoke<asn1::Null>(osi::oid::as_mase(), mts::p3_operation("register").code, std::move(registration),
                                                          words_of_p3(mts::Port::Administration), deadline);
  co_return status_of(done);
}

std::string P3Client::responder() const {
  const auto& name = m_bound.responder_name.value;
  if (const auto* mta = std::get_if<mts::MTAName>(&name)) return printable(mta->octets);
  const auto* address = std::get_if<0>(&name);
  return printable(oraddress::write(address != nullptr ? *address : std::get<2>(name)));
}

std::int64_t P3Client::waiting() const noexcept {
  if (!m_bound.messages_waiting) return 0;
  const mts::MessagesWaiting& waiting = *m_bound.messages_waiting;
  return waiting.urgent.messages + waiting.normal.messages + waiting.non_urgent.messages;
}

}  // namespace postern::mhs
