#include "mhs/p7_client.hpp"

#include "mhs/own_proof.hpp"
#include "mhs/p3_client.hpp"
#include "ms/protocol.hpp"
#include "osi/oids.hpp"

namespace postern::mhs {
namespace {

/// Alerts that nobody asked for yet; more are answered and dropped, since the entry is in the mailbox anyway.
constexpr std::size_t kAlerts = 1000;

std::string words_of_bind_error(const asn1::Any& error) {
  const auto code = asn1::from_any<ms::MSBindError>(error);
  return code ? ms::words_of(*code) : "refused, with a bind error that cannot be read";
}

std::string words_of_fault(const RoseFault& fault) {
  const auto error = ms::error_of(fault.code, fault.parameter ? &*fault.parameter : nullptr);
  return error ? ms::words_of(*error) : error.error().text();
}

std::int64_t code_of(ms::Operation operation) { return static_cast<std::int64_t>(operation); }

template <class T>
Status status_of(const Result<T>& result) {
  if (!result) return fail(result.error());
  return {};
}

/// An operation of the retrieval port.
template <class Value, class Argument>
io::Task<Result<Value>> retrieve(UserClient& client, ms::Operation operation, Argument argument, SteadyTime deadline) {
  WordsOfFault words = &words_of_fault;
  return client.invoke<Value>(osi::oid::as_mrse(), code_of(operation), std::move(argument), std::move(words), deadline);
}

}  // namespace

io::Task<Called<std::unique_ptr<P7Client>>> P7Client::open(UserCall call, io::Resolver& resolver, SteadyTime deadline,
                                                           CallWitness witness) {
  ms::MSBindArgument argument;
  argument.initiator_name = call.user;
  auto proof = own_proof(call, {call.user});
  if (!proof) co_return tl::unexpected<CallFailure>(CallFailure{"bind: " + proof.error().text(), true});
  argument.initiator_credentials = std::move(proof->shown);
  auto value = asn1::to_any(argument);
  if (!value) co_return tl::unexpected<CallFailure>(CallFailure{"bind: " + value.error().text(), true});
  UserClient::Bind bind{call.reliable ? osi::ms_reliable_access() : osi::ms_access(), *std::move(value), &words_of_bind_error,
                        check_of<ms::MSBindResult>(*std::move(proof))};
  auto client = co_await UserClient::open(std::move(call), std::move(bind), resolver, deadline, std::move(witness));
  if (!client) co_return tl::unexpected<CallFailure>(client.error());
  if (const auto bound = asn1::from_any<ms::MSBindResult>((*client)->bind_result()); !bound) {
    co_await (*client)->close(deadline);
    co_return tl::unexpected<CallFailure>(CallFailure{"bind: the result is none of P7: " + bound.error().text(), true});
  }
  std::unique_ptr<P7Client> out(new P7Client(*std::move(client)));
  out->accept_alerts();
  co_return out;
}

void P7Client::accept_alerts() {
  m_client->operations().on<ms::AlertArgument>(osi::oid::as_mrse(), code_of(ms::Operation::Alert),
                                               [this](auto alert) -> io::Task<RoseReply> {
                                                 if (m_alerts.size() < kAlerts) m_alerts.push_back(std::move(alert));
                                                 co_return null_value();
                                               });
}

io::Task<Result<ms::AlertArgument>> P7Client::wait_for_alert(SteadyTime deadline) {
  while (m_alerts.empty()) POSTERN_CO_CHECK(co_await m_client->rose().attend(deadline));
  ms::AlertArgument alert = std::move(m_alerts.front());
  m_alerts.pop_front();
  co_return alert;
}

io::Task<Result<ms::SummarizeResult>> P7Client::summarize(ms::SummarizeArgument argument, SteadyTime deadline) {
  return retrieve<ms::SummarizeResult>(*m_client, ms::Operation::Summarize, std::move(argument), deadline);
}
io::Task<Result<ms::ListResult>> P7Client::list(ms::ListArgument argument, SteadyTime deadline) {
  return retrieve<ms::ListResult>(*m_client, ms::Operation::List, std::move(argument), deadline);
}
io::Task<Result<ms::FetchResult>> P7Client::fetch(ms::FetchArgument argument, SteadyTime deadline) {
  return retrieve<ms::FetchResult>(*m_client, ms::Operation::Fetch, std::move(argument), deadline);
}
io::Task<Status> P7Client::remove(ms::DeleteArgument argument, SteadyTime deadline) {
  co_return status_of(co_await retrieve<ms::DeleteResult>(*m_client, ms::Operation::Delete, std::move(argument), deadline));
}
io::Task<Status> P7Client::register_ms(ms::RegisterMSArgument argument, SteadyTime deadline) {
  co_return status_of(co_await retrieve<ms::RegisterMSResult>(*m_client, ms::Operation::RegisterMS, std::move(argument), deadline));
}

}  // namespace postern::mhs
