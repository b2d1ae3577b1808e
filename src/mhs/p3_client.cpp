#include "mhs/p3_client.hpp"

#include "base/log.hpp"
#include "base/text.hpp"
#include "mhs/own_proof.hpp"
#include "mhs/user_submission.hpp"
#include "oraddress/or_text.hpp"
#include "osi/oids.hpp"

namespace postern::mhs {
namespace {

std::string words_of_bind_error(const asn1::Any& error) {
  const auto code = asn1::from_any<mts::MTSBindError>(error);
  return code ? mts::words_of(*code) : "refused, with a bind error that cannot be read";
}

/// What the taker says, as the answer of the operation.
RoseReply reply_to_delivery(const Status& taken, RoseReply result) {
  if (taken) return result;
  log::info("x400.delivery_not_taken", {{"reason", taken.error()}});
  return fault_named(mts::Port::Delivery, "delivery-control-violated");
}

mts::Awaiting awaiting_of(const mts::MessageSubmissionArgument& message) {
  const auto& envelope = message.envelope;
  return {mts::OperationBit::MessageSubmissionOrMessageDelivery, envelope.priority, message.content.octets.size(), envelope.content_type,
          envelope.original_encoded_information_types};
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
  const mts::MTAName responder = call.strong ? call.strong->responder_name : mts::MTAName();
  auto proof = own_proof(call, {mts::MTANameAndOptionalGDI{{}, responder}});
  if (!proof) co_return tl::unexpected<CallFailure>(CallFailure{"bind: " + proof.error().text(), true});
  argument.initiator_credentials = std::move(proof->shown);
  auto value = asn1::to_any(argument);
  if (!value) co_return tl::unexpected<CallFailure>(CallFailure{"bind: " + value.error().text(), true});
  UserClient::Bind bind{call.reliable ? osi::mts_reliable_access() : osi::mts_access(), *std::move(value), &words_of_bind_error,
                        check_of<mts::MTSBindResult>(*std::move(proof))};
  auto client = co_await UserClient::open(std::move(call), std::move(bind), resolver, deadline, std::move(witness));
  if (!client) co_return tl::unexpected<CallFailure>(client.error());
  auto bound = asn1::from_any<mts::MTSBindResult>((*client)->bind_result());
  if (!bound) {
    co_await (*client)->close(deadline);
    co_return tl::unexpected<CallFailure>(CallFailure{"bind: the result is none of P3: " + bound.error().text(), true});
  }
  co_return std::unique_ptr<P3Client>(new P3Client(*std::move(client), *std::move(bound)));
}

std::unique_ptr<P3Client> P3Client::answered(std::unique_ptr<UserClient> client, mts::MTSBindArgument bind) {
  mts::MTSBindResult bound;
  bound.responder_name = std::move(bind.initiator_name);
  bound.messages_waiting = std::move(bind.messages_waiting);
  std::unique_ptr<P3Client> out(new P3Client(std::move(client), std::move(bound)));
  out->m_is_answered = true;
  return out;
}

io::Task<void> P3Client::close(SteadyTime deadline) { return m_is_answered ? leave(deadline) : m_client->close(deadline); }

io::Task<void> P3Client::leave(SteadyTime deadline) {
  mts::DeliveryControlArgument nothing;
  static_cast<mts::Controls&>(nothing) = mts::nothing_permitted();
  const auto asked = co_await control_delivery(std::move(nothing), deadline);
  Status there = status_of(asked);
  while (there) there = co_await attend(deadline);
  if (!m_client->over()) co_await m_client->wire().abort(osi::RtseAbortReason::TemporaryProblem, "this side closes");
}

// ---- submission under controls
/// X.411 8.2.1.4: the MTS tells what it does not take now, and learns what waits because of it.
void P3Client::accept_submission_control() {
  m_client->operations().on<mts::SubmissionControlArgument>(
      osi::oid::as_msse(), mts::p3_operation("submission-control").code, [this](auto change) -> io::Task<RoseReply> {
        m_controls = mts::updated(std::move(m_controls), change, mts::Controls());
        co_return reply_of(static_cast<const mts::Waiting&>(mts::held_back(m_waiting, m_controls)));
      });
}

io::Task<Status> P3Client::wait_until_permitted(mts::Awaiting what, SteadyTime deadline) {
  m_waiting.assign(1, what);
  Status waited;
  while (waited && !mts::permitted(what, m_controls)) waited = co_await attend(deadline);
  m_waiting.clear();
  if (waited || waited.error().code != ErrorCode::Timeout) co_return waited;
  co_return fail(ErrorCode::Unavailable, "the MTS holds submissions back (submission-control) and did not let this one go in time");
}

io::Task<Result<mts::MessageSubmissionResult>> P3Client::submit(mts::MessageSubmissionArgument argument, SteadyTime deadline) {
  POSTERN_CO_CHECK(co_await wait_until_permitted(awaiting_of(argument), deadline));
  co_return co_await m_submission.submit(std::move(argument), deadline);
}

io::Task<Result<mts::ProbeSubmissionResult>> P3Client::probe(mts::ProbeSubmissionArgument argument, SteadyTime deadline) {
  POSTERN_CO_CHECK(co_await wait_until_permitted({mts::OperationBit::ProbeSubmissionOrReportDelivery}, deadline));
  co_return co_await m_submission.probe(std::move(argument), deadline);
}

// ---- delivery
void P3Client::take_deliveries(DeliveryTaker taker) {
  RoseOperations& table = m_client->operations();
  table.on<mts::MessageDeliveryArgument>(osi::oid::as_mdse(), mts::p3_operation("message-delivery").code,
                                         [take = std::move(taker.message)](auto message) -> io::Task<RoseReply> {
                                           const Status taken = co_await take(std::move(message));
                                           co_return reply_to_delivery(taken, reply_of(mts::MessageDeliveryResult()));
                                         });
  table.on<mts::ReportDeliveryArgument>(osi::oid::as_mdse(), mts::p3_operation("report-delivery").code,
                                        [take = std::move(taker.report)](auto report) -> io::Task<RoseReply> {
                                          const Status taken = co_await take(std::move(report));
                                          co_return reply_to_delivery(taken, reply_of(mts::ReportDeliveryResult()));
                                        });
}

io::Task<Result<mts::DeliveryControlResult>> P3Client::control_delivery(mts::DeliveryControlArgument controls, SteadyTime deadline) {
  return m_client->invoke<mts::DeliveryControlResult>(osi::oid::as_mdse(), mts::p3_operation("delivery-control").code, std::move(controls),
                                                      words_of_p3(mts::Port::Delivery), deadline);
}

// ---- administration
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
