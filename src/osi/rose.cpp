#include "osi/rose.hpp"

#include <algorithm>
#include <array>

#include "asn1/ber.hpp"

namespace postern::osi {

namespace {

/// X.219 6.1: which replies a class allows.
struct Replies {
  bool result;
  bool error;
};
constexpr std::array<Replies, 6> kReplies{{{false, false}, {true, true}, {true, true}, {false, true}, {true, false}, {false, false}}};

constexpr Replies replies_of(OperationClass operation_class) { return kReplies.at(static_cast<std::size_t>(operation_class)); }

/// X.229 7.5: the reject of an APDU that did not decode says as much as can be said: is it an APDU at all, is it BER at all, whose is it.
struct Broken {
  GeneralProblem problem;
  std::optional<std::int64_t> invoke_id;
  bool is_reject = false;
};

Broken examine(ByteView apdu) {
  const auto header = asn1::peek_header(apdu);
  if (!header || !header->has_value()) return {GeneralProblem::BadlyStructuredApdu, std::nullopt};
  const asn1::Header& outer = **header;
  if (outer.tag.tag_class != asn1::TagClass::Context || outer.tag.number < 1 || outer.tag.number > 4)
    return {GeneralProblem::UnrecognizedApdu, std::nullopt};
  Broken broken{GeneralProblem::MistypedApdu, std::nullopt, outer.tag.number == 4};
  const auto size = asn1::element_size(apdu);
  if (!size || *size != apdu.size()) broken.problem = GeneralProblem::BadlyStructuredApdu;
  ByteView content = apdu.subspan(outer.octets);
  if (const auto id = asn1::decode_front<std::int64_t>(content)) broken.invoke_id = *id;
  return broken;
}

}  // namespace

void Rose::send(std::int64_t context, RoseApdu apdu) {
  // Everything here came in decoded or is our own; an argument that is no TLV shows in the caller's tests, and is not sent.
  if (auto octets = asn1::encode(apdu)) m_output.push_back({context, *std::move(octets)});
}

bool Rose::synchronous_outstanding() const {
  return std::ranges::any_of(m_ours, [](const auto& each) { return each.second == OperationClass::Synchronous; });
}

Result<std::int64_t> Rose::invoke(std::int64_t context, RoseInvocation invocation) {
  if (m_releasing) return fail(ErrorCode::Conflict, "the association is being released: open a new one");
  if (m_ours.size() >= m_limits.outstanding)
    return fail(ErrorCode::Exhausted, std::to_string(m_ours.size()) + " invocations are outstanding: wait for a reply");
  // X.219 6.1: class 1 is what makes the invoker wait.
  if (invocation.operation_class == OperationClass::Synchronous && synchronous_outstanding())
    return fail(ErrorCode::Conflict, "a synchronous operation is outstanding: wait for its reply");
  if (invocation.linked_id && !m_theirs.contains(*invocation.linked_id))
    return fail(ErrorCode::NotFound, "the peer has no invocation " + std::to_string(*invocation.linked_id) + " outstanding", "linked-ID");
  RoivApdu apdu{m_next_id, invocation.linked_id, std::move(invocation.operation), std::move(invocation.argument)};
  POSTERN_TRY(Bytes octets, asn1::encode(RoseApdu{std::move(apdu)}));
  m_output.push_back({context, std::move(octets)});
  if (invocation.operation_class != OperationClass::AsynchronousNone) m_ours.emplace(m_next_id, invocation.operation_class);
  return m_next_id++;
}

namespace {
tl::unexpected<Error> unknown(std::int64_t invoke_id) {
  return fail(ErrorCode::NotFound, "the peer has no invocation " + std::to_string(invoke_id) + " outstanding", "invokeID");
}
}  // namespace

Status Rose::result(std::int64_t invoke_id, std::optional<RorsApdu::Outcome> outcome) {
  const auto found = m_theirs.find(invoke_id);
  if (found == m_theirs.end()) return unknown(invoke_id);
  POSTERN_TRY(Bytes octets, asn1::encode(RoseApdu{RorsApdu{invoke_id, std::move(outcome)}}));
  m_output.push_back({found->second, std::move(octets)});
  m_theirs.erase(found);
  return {};
}

Status Rose::error(std::int64_t invoke_id, RoseCode error, std::optional<asn1::Any> parameter) {
  const auto found = m_theirs.find(invoke_id);
  if (found == m_theirs.end()) return unknown(invoke_id);
  POSTERN_TRY(Bytes octets, asn1::encode(RoseApdu{RoerApdu{invoke_id, std::move(error), std::move(parameter)}}));
  m_output.push_back({found->second, std::move(octets)});
  m_theirs.erase(found);
  return {};
}

Status Rose::reject(std::int64_t invoke_id, InvokeProblem problem) {
  const auto found = m_theirs.find(invoke_id);
  if (found == m_theirs.end()) return unknown(invoke_id);
  send(found->second, {RorjApdu{{invoke_id}, {problem}}});
  m_theirs.erase(found);
  return {};
}

Status Rose::reject_reply(std::int64_t invoke_id, std::int64_t context, RoseProblem problem) {
  if (std::holds_alternative<InvokeProblem>(problem.value))
    return fail(ErrorCode::BadInput, "a reply is rejected with a problem of replies", "problem");
  send(context, {RorjApdu{{invoke_id}, problem}});
  return {};
}

void Rose::reject(std::int64_t context, std::optional<std::int64_t> invoke_id, RoseProblem problem) {
  RorjApdu apdu;
  if (invoke_id) apdu.invoke_id.value = *invoke_id;
  apdu.problem = problem;
  send(context, {std::move(apdu)});
  m_events.push_back(RoseRejected{invoke_id, problem, true});
}

void Rose::receive(std::int64_t context, ByteView octets) {
  asn1::DecodeOptions options;
  options.depth = m_limits.depth;
  auto apdu = asn1::decode<RoseApdu>(octets, options);
  if (apdu) return std::visit([&](auto& each) { on(context, std::move(each)); }, apdu->value);
  const Broken broken = examine(octets);
  // X.229 7.5.3: a reject is never answered with a reject, or two machines would talk for ever.
  if (broken.is_reject)
    m_events.push_back(RoseRejected{broken.invoke_id, {broken.problem}, true});
  else
    reject(context, broken.invoke_id, {broken.problem});
}

std::optional<InvokeProblem> Rose::problem_of(const RoivApdu& apdu) const {
  if (m_releasing) return InvokeProblem::InitiatorReleasing;
  if (m_theirs.contains(apdu.invoke_id)) return InvokeProblem::DuplicateInvocation;
  if (m_theirs.size() >= m_limits.outstanding) return InvokeProblem::ResourceLimitation;
  if (apdu.linked_id && !m_ours.contains(*apdu.linked_id)) return InvokeProblem::UnrecognizedLinkedId;
  return std::nullopt;
}

void Rose::on(std::int64_t context, RoivApdu apdu) {
  if (const auto problem = problem_of(apdu)) return reject(context, apdu.invoke_id, {*problem});
  m_theirs.emplace(apdu.invoke_id, context);
  m_events.push_back(RoseInvoked{context, apdu.invoke_id, apdu.linked_id, std::move(apdu.operation), std::move(apdu.argument)});
}

void Rose::on(std::int64_t context, RorsApdu apdu) {
  const auto found = m_ours.find(apdu.invoke_id);
  if (found == m_ours.end()) return reject(context, apdu.invoke_id, {ReturnResultProblem::UnrecognizedInvocation});
  if (!replies_of(found->second).result) return reject(context, apdu.invoke_id, {ReturnResultProblem::ResultResponseUnexpected});
  m_ours.erase(found);
  RoseResult event{apdu.invoke_id, std::nullopt, std::nullopt};
  if (apdu.outcome) {
    event.operation = std::move(apdu.outcome->operation);
    event.result = std::move(apdu.outcome->result);
  }
  m_events.push_back(std::move(event));
}

void Rose::on(std::int64_t context, RoerApdu apdu) {
  const auto found = m_ours.find(apdu.invoke_id);
  if (found == m_ours.end()) return reject(context, apdu.invoke_id, {ReturnErrorProblem::UnrecognizedInvocation});
  if (!replies_of(found->second).error) return reject(context, apdu.invoke_id, {ReturnErrorProblem::ErrorResponseUnexpected});
  m_ours.erase(found);
  m_events.push_back(RoseError{apdu.invoke_id, std::move(apdu.error), std::move(apdu.parameter)});
}

void Rose::on(std::int64_t /*context*/, RorjApdu apdu) {
  RoseRejected event{std::nullopt, apdu.problem, false};
  if (const auto* id = std::get_if<std::int64_t>(&apdu.invoke_id.value)) {
    event.invoke_id = *id;
    // Problems of replies are about the peer's invocations, which our reply ended already.
    if (apdu.problem.value.index() <= 1) m_ours.erase(*id);
  }
  m_events.push_back(std::move(event));
}

std::optional<RoseOutput> Rose::take_apdu() {
  if (m_output.empty()) return std::nullopt;
  RoseOutput output = std::move(m_output.front());
  m_output.pop_front();
  return output;
}

std::optional<RoseEvent> Rose::next_event() {
  if (m_events.empty()) return std::nullopt;
  RoseEvent event = std::move(m_events.front());
  m_events.pop_front();
  return event;
}

}  // namespace postern::osi
