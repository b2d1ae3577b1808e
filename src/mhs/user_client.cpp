#include "mhs/user_client.hpp"

#include "base/random.hpp"
#include "base/text.hpp"
#include "io/dialer.hpp"
#include "io/mx.hpp"
#include "osi/oids.hpp"
#include "pki/certificate.hpp"

namespace postern::mhs {
namespace {

tl::unexpected<CallFailure> failed(const CallWitness& witness, std::string_view step, std::string text, bool refused = false) {
  if (witness) witness({step, false, text});
  return tl::unexpected<CallFailure>(CallFailure{std::string(step) + ": " + text, refused});
}
void done(const CallWitness& witness, std::string_view step, std::string text = {}) {
  if (witness) witness({step, true, std::move(text)});
}

io::Task<Result<std::vector<io::Endpoint>>> endpoints_of(io::Resolver& resolver, std::string host, std::uint16_t port) {
  if (const auto literal = io::IpAddress::parse(host)) co_return std::vector<io::Endpoint>{{*literal, port, {}}};
  POSTERN_CO_TRY(const io::MxHost found, co_await io::resolve_host(resolver, host, io::MxOptions()));
  co_return io::endpoints_of(found, port);
}

bool has_pin(const PeerTls& tls, const io::TlsInfo& info) {
  const auto is_it = [&](const Bytes& pin) { return pin == info.peer_certificate_sha256 || pin == info.peer_key_sha256; };
  return std::any_of(tls.pins.begin(), tls.pins.end(), is_it);
}

/// "TLSv1.3, CN=mta.example.org until 2027-01-01T…, pinned".
std::string words_of_tls(const PeerTls& tls, const io::Stream& stream) {
  const io::TlsInfo& info = stream.info();
  std::string out = info.version + ", " + printable(info.peer_subject);
  const auto chain = stream.peer_chain();
  if (const auto leaf = chain.empty() ? Result<Certificate>(fail(ErrorCode::NotFound, "")) : Certificate::from_der(chain.front()))
    out += " until " + rfc3339(leaf->not_after());
  if (!tls.pins.empty()) return out + ", pinned";
  return out + (info.verified ? ", verified" : ", not verified: " + info.verify_error);
}

io::Task<std::optional<CallFailure>> secure(const UserCall& call, io::Stream& stream, SteadyTime deadline, const CallWitness& witness) {
  const Status secured = co_await stream.start_tls_client(call.tls.context(), call.tls.options, deadline);
  if (!secured) co_return failed(witness, "tls", secured.error().text(), secured.error().code == ErrorCode::Denied).value();
  Result<CertificateChain> path = CertificateChain();
  if (call.tls.check) path = call.tls.check(stream);
  if (!path) co_return failed(witness, "tls", path.error().text(), true).value();
  Result<std::string> standing = std::string();
  if (call.tls.check && call.tls.judge) standing = co_await call.tls.judge(stream, *std::move(path));
  if (!standing) co_return failed(witness, "tls", standing.error().text(), standing.error().code == ErrorCode::Denied).value();
  if (!call.tls.pins.empty() && !has_pin(call.tls, stream.info()))
    co_return failed(witness, "tls",
                     "the certificate matches none of the pins; it is sha256:" + hex_encode(stream.info().peer_certificate_sha256), true)
        .value();
  done(witness, "tls", words_of_tls(call.tls, stream));
  co_return std::nullopt;
}

/// X.228: names the session connection; unique by time and chance.
osi::SessionConnectionIdentifier connection_name(const std::string& hostname) {
  osi::SessionConnectionIdentifier out;
  out.calling_ss_user_reference.value = asn1::OctetString(hostname.substr(0, 60));
  out.common_reference = asn1::UtcTime::at(unix_seconds(SystemClock().now()));
  out.additional_reference_information = asn1::TeletexString(hex_encode(SystemRandom().bytes(1)));
  return out;
}

bool has_tags(const osi::AssociationService& service) { return service.profile != osi::AssociationProfile::RtseX410; }

/// `heard` is set once the peer said anything: then there is a transport connection.
osi::AssociationOptions options_of(const UserCall& call, const osi::AssociationService& service, std::shared_ptr<bool> heard) {
  osi::AssociationOptions out;
  out.services = {service};
  out.peer = {call.address.transport_selector, call.address.session_selector, call.address.presentation_selector};
  out.dialogue = osi::DialogueMode::TwoWayAlternate;  // both sides send APDUs
  out.limits = call.limits;
  out.transcript = [heard = std::move(heard), hook = call.transcript](osi::Direction direction, ByteView octets) {
    if (direction == osi::Direction::In) *heard = true;
    if (hook) hook(direction, octets);
  };
  return out;
}

/// The steps of an association, in their order.
struct LayerRow {
  osi::Layer layer;
  std::string_view step;
};
constexpr LayerRow kLayers[] = {{osi::Layer::Transport, "transport"},
                                {osi::Layer::Session, "session"},
                                {osi::Layer::Presentation, "presentation"},
                                {osi::Layer::Association, "association"},
                                {osi::Layer::ReliableTransfer, "association"}};

/// Everything below the layer that refused was in order.
void note_until(const CallWitness& witness, osi::Layer layer) {
  for (const LayerRow& row : kLayers) {
    if (row.layer == layer) return;
    done(witness, row.step);
  }
}

/// The connection ended while something was awaited: the transport connection, or what stands on it.
CallFailure lost(const CallWitness& witness, bool heard, std::string text) {
  if (heard) done(witness, "transport");
  return failed(witness, heard ? "session" : "transport", std::move(text)).value();
}

CallFailure refused_bind(const CallWitness& witness, const UserClient::Bind& bind, const osi::AssociationRefused& refused) {
  note_until(witness, refused.layer);
  if (refused.user_data) {
    done(witness, "association");
    const asn1::Any error = untagged(*refused.user_data, RoseTag::BindError);
    CallFailure failure = failed(witness, "bind", bind.words_of_error(error), true).value();
    failure.said = error.ber;
    return failure;
  }
  std::string_view step = "association";
  for (const LayerRow& row : kLayers)
    if (row.layer == refused.layer) step = row.step;
  return failed(witness, step, refused.text, !refused.transient).value();
}

}  // namespace

io::Task<Called<io::Stream>> dial_user(const UserCall& call, io::Resolver& resolver, SteadyTime deadline, CallWitness witness) {
  auto endpoints = co_await endpoints_of(resolver, call.address.host, call.address.port);
  if (!endpoints) co_return failed(witness, "tcp", call.address.host + ": " + endpoints.error().text());
  io::DialOptions dial;
  dial.deadline = deadline;
  auto stream = co_await io::dial(*std::move(endpoints), dial);
  if (!stream) co_return failed(witness, "tcp", stream.error().text());
  done(witness, "tcp", "connected to " + stream->peer().text());
  if (call.tls.required) {
    auto failure = co_await secure(call, *stream, deadline, witness);
    if (failure) co_return tl::unexpected<CallFailure>(*std::move(failure));
  }
  co_return *std::move(stream);
}

Result<asn1::Any> result_of(Result<RoseAnswer> answer, const WordsOfFault& words) {
  if (!answer) return fail(std::move(answer).error());
  if (auto* result = std::get_if<asn1::Any>(&*answer)) return std::move(*result);
  if (const auto* fault = std::get_if<RoseFault>(&*answer)) return fail(ErrorCode::Denied, words(*fault));
  return fail(ErrorCode::Unsupported, "the peer rejects the operation: " + osi::describe(std::get<osi::RoseProblem>(*answer)));
}

std::optional<RoseRefusal> refusal_of(const Result<RoseAnswer>& answer) {
  if (!answer) return std::nullopt;
  if (const auto* fault = std::get_if<RoseFault>(&*answer)) return *fault;
  if (const auto* problem = std::get_if<osi::RoseProblem>(&*answer)) return *problem;
  return std::nullopt;
}

io::Task<Called<std::unique_ptr<UserClient>>> UserClient::open(UserCall call, Bind bind, io::Resolver& resolver, SteadyTime deadline,
                                                               CallWitness witness) {
  auto stream = co_await dial_user(call, resolver, deadline, witness);
  if (!stream) co_return tl::unexpected<CallFailure>(stream.error());
  osi::AssociationOpen open;
  open.data.value = has_tags(bind.service) ? tagged(bind.argument, RoseTag::BindInvoke) : bind.argument;
  open.connection = connection_name(call.hostname);
  const auto heard = std::make_shared<bool>(false);
  auto association = osi::Association::initiate(options_of(call, bind.service, heard), std::move(open), std::chrono::steady_clock::now());
  if (!association) co_return failed(witness, "association", association.error().text(), true);
  std::unique_ptr<UserClient> client(new UserClient(Wire(*std::move(stream), *std::move(association), call.budget)));
  auto failure = co_await client->bind(bind, *heard, deadline, witness);
  if (failure) co_return tl::unexpected<CallFailure>(*std::move(failure));
  co_return client;
}

io::Task<std::optional<CallFailure>> UserClient::bind(const Bind& bind, const bool& heard, SteadyTime deadline, CallWitness witness) {
  const auto event = co_await m_wire.next(deadline);
  if (!event) {
    co_await m_wire.abort(osi::RtseAbortReason::TemporaryProblem, "no answer to the bind in time");
    co_return lost(witness, heard, "no answer in time");
  }
  if (const auto* refused = std::get_if<osi::AssociationRefused>(&*event)) co_return refused_bind(witness, bind, *refused);
  if (const auto* aborted = std::get_if<osi::AssociationAborted>(&*event))
    co_return lost(witness, heard, "aborted by " + std::string(osi::name_of(aborted->origin)) + ": " + aborted->text);
  const auto* opened = std::get_if<osi::AssociationOpened>(&*event);
  const auto* data = opened == nullptr ? nullptr : std::get_if<asn1::Any>(&opened->data.value);
  for (const LayerRow& row : kLayers)
    if (row.layer != osi::Layer::ReliableTransfer)
      done(witness, row.step, row.step == "association" && opened ? opened->refused_contexts : "");
  if (data == nullptr) {
    co_await m_wire.abort(osi::RtseAbortReason::UserError, "no bind result");
    co_return failed(witness, "bind", "the association was accepted without a bind result", true).value();
  }
  m_bind_result = untagged(*data, RoseTag::BindResult);
  if (const Status good = bind.check ? bind.check(m_bind_result) : Status(); !good) {
    co_await m_wire.abort(osi::RtseAbortReason::UserError, "the bind result is not that of the responder that was called");
    co_return failed(witness, "bind", good.error().text(), true).value();
  }
  done(witness, "bind");
  co_return std::nullopt;
}

// ---- submission port

WordsOfFault words_of_p3(mts::Port port) {
  return [port](const RoseFault& fault) { return mts::words_of_p3_error(port, fault.code, fault.parameter ? &*fault.parameter : nullptr); };
}

io::Task<Result<mts::MessageSubmissionResult>> SubmissionClient::submit(mts::MessageSubmissionArgument argument, SteadyTime deadline) {
  return m_client.invoke<mts::MessageSubmissionResult>(osi::oid::as_msse(), mts::p3_operation("message-submission").code,
                                                       std::move(argument), words_of_p3(mts::Port::Submission), deadline);
}

io::Task<Result<mts::ProbeSubmissionResult>> SubmissionClient::probe(mts::ProbeSubmissionArgument argument, SteadyTime deadline) {
  return m_client.invoke<mts::ProbeSubmissionResult>(osi::oid::as_msse(), mts::p3_operation("probe-submission").code, std::move(argument),
                                                     words_of_p3(mts::Port::Submission), deadline);
}

io::Task<Status> SubmissionClient::cancel(mts::MTSIdentifier identifier, SteadyTime deadline) {
  const auto done = co_await m_client.invoke<asn1::Null>(osi::oid::as_msse(), mts::p3_operation("cancel-deferred-delivery").code,
                                                         std::move(identifier), words_of_p3(mts::Port::Submission), deadline);
  if (!done) co_return fail(done.error());
  co_return Status();
}

}  // namespace postern::mhs
