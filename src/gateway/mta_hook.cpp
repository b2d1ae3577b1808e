#include "gateway/mta_hook.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "mime/tree.hpp"
#include "smtp/server_session.hpp"

namespace postern::gateway {
namespace {

constexpr std::size_t kPolicyRecipients = 1000;  // each costs a decision; what goes to more is for the milter

smtp::Reply no_address(smtp::EnhancedStatus status, const std::string& text, const Error& error) {
  return {501, status, "<" + printable(text, 128) + "> is no address: " + error.what};
}

/// Whether classify() (seal/detect.hpp) needs no body to know that nobody encrypted it. Anything that is no multipart may be an OpenPGP
/// block or a CMS object, whatever its label.
bool is_surely_clear(const MessageView& view) {
  const HeaderField* field = view.find("Content-Type");
  if (field == nullptr || view.count("Content-Type") != 1) return false;
  const ContentType type = parse_content_type(field->value);
  return type.is_multipart() && type.type != "multipart/encrypted" && type.type != "multipart/signed";
}

/// Of what could not be decided only what may be otherwise in a moment is said; the rest is the milter's to find.
smtp::Reply not_now(const Error& error) {
  const smtp::Reply reply = Pipeline::reply_for(error);
  return reply.transient() ? reply : smtp::Reply();
}

bool refuses(const smtp::Reply& reply) { return reply.code >= 400; }

}  // namespace

mtahook::Reject reject_of(const smtp::Reply& reply) {
  constexpr std::size_t ellipsis = 3;  // of printable()
  std::string text;
  for (const auto& line : reply.lines) text += (text.empty() ? "" : " ") + line;
  std::string status = reply.status.text();
  if (status.empty() || status.front() != static_cast<char>('0' + reply.code / 100)) status = reply.transient() ? "4.0.0" : "5.0.0";
  return {reply.code, std::move(status), printable(text.empty() ? "refused" : text, mtahook::kMessageOctets - ellipsis), reply.closes()};
}

Result<std::unique_ptr<MtaHook>> MtaHook::make(MtaHookParts parts) {
  std::unique_ptr<MtaHook> out(new MtaHook(parts));
  for (const auto& item : parts.config.mta_hook.relay_from) {
    auto network = io::IpNetwork::parse(item);
    if (!network) return fail(ErrorCode::BadInput, network.error().text(), "mta_hook.relay_from");
    out->m_relays.push_back(*std::move(network));
  }
  return out;
}

mtahook::RequestLimits MtaHook::limits() const {
  mtahook::RequestLimits out;
  out.bytes = m_parts.config.limits.http_body_bytes;
  out.header_fields = m_parts.config.limits.header_fields;
  out.header_bytes = m_parts.config.limits.header_bytes;
  return out;
}

io::Task<mtahook::Response> MtaHook::answer(mtahook::Request request) {
  ++m_stats.asked[static_cast<std::size_t>(request.stage)];
  const smtp::Reply reply = co_await decide(request);
  count(request, reply);
  if (refuses(reply)) co_return reject_of(reply);
  co_return mtahook::Accept{};
}

void MtaHook::count(const mtahook::Request& request, const smtp::Reply& reply) {
  ++(!refuses(reply) ? m_stats.accepted : reply.transient() ? m_stats.deferred : m_stats.refused);
  if (!refuses(reply)) return;
  log::info("mta_hook.refused", {{"stage", mtahook::name_of(request.stage)},
                                 {"peer", request.client.ip},
                                 {"queue", printable(request.queue_id, 64)},
                                 {"reason", reply.text()}});
}

Road MtaHook::road_of(const mtahook::Request& request) const {
  Road out;
  out.door = "mta_hook";
  out.protocol = "MTAHOOK";
  out.address = request.client.ip;
  out.helo = request.client.helo;
  if (request.tls) {
    out.tls_version = request.tls->version;
    out.tls_suite = request.tls->cipher;
  }
  const auto ip = io::IpAddress::parse(request.client.ip);
  const bool relay = ip && std::ranges::any_of(m_relays, [&](const io::IpNetwork& network) { return network.contains(*ip); });
  out.trusted = relay || !request.login.empty();
  return out;
}

io::Task<smtp::Reply> MtaHook::decide(const mtahook::Request& request) {
  const Road road = road_of(request);
  switch (request.stage) {
    case mtahook::Stage::Connect:
    case mtahook::Stage::Ehlo: break;  // nothing is known that our own doors would refuse
    case mtahook::Stage::Mail: co_return sender(road, *request.envelope);
    case mtahook::Stage::Rcpt: co_return recipient(road, *request.envelope);
    case mtahook::Stage::Data: co_return co_await header(road, request);
  }
  co_return smtp::Reply();
}

smtp::Reply MtaHook::sender(const Road& road, const mtahook::Envelope& envelope) {
  auto path = ReversePath::parse_told(envelope.from);
  if (!path) return no_address({5, 1, 7}, envelope.from, path.error());
  return m_parts.reception.check_sender(road, {*std::move(path), {}});
}

/// RFC 5321 3.6.2: whom it relays for is the MTA's business.
smtp::Reply MtaHook::recipient(const Road& road, const mtahook::Envelope& envelope) {
  auto path = ForwardPath::parse_told(envelope.to.back());
  if (!path) return no_address({5, 1, 3}, envelope.to.back(), path.error());
  if (!path->is_bare_postmaster() && !m_parts.routes.is_local(path->mailbox().domain)) return {};
  return m_parts.reception.check_recipient(road, {*std::move(path), {}});
}

/// The message as far as it can be known. Nothing: the milter, which sees all of it, has to decide.
std::optional<Arrival> MtaHook::arrival_of(Road road, const mtahook::Request& request) const {
  if (request.message->damaged) return std::nullopt;
  Arrival out;
  out.received = m_parts.clock.now();
  out.id = make_message_id(out.received, m_parts.random);
  out.road = std::move(road);
  out.content = request.message->header_text();
  auto from = ReversePath::parse_told(request.envelope->from);
  if (!from) return std::nullopt;
  out.envelope.from = *std::move(from);
  for (const auto& address : request.envelope->to) {
    auto path = ForwardPath::parse_told(address);
    if (!path) return std::nullopt;
    out.envelope.recipients.push_back({*std::move(path), {}});
  }
  return out;
}

io::Task<smtp::Reply> MtaHook::header(Road road, const mtahook::Request& request) {
  if (smtp::Reply reply = sender(road, *request.envelope); refuses(reply)) co_return reply;
  const auto arrival = arrival_of(std::move(road), request);
  if (!arrival) co_return smtp::Reply();
  const auto view = MessageView::parse(arrival->content, m_parts.config.limits);
  if (!view) co_return smtp::Reply();
  if (m_parts.judge.judges(arrival->road)) {
    if (view->find("DKIM-Signature") != nullptr) co_return smtp::Reply();
    if (m_parts.judge.asks_for_signature() && !is_surely_clear(*view)) co_return smtp::Reply();
    const auto judged = co_await m_parts.judge.judge(*arrival);
    if (judged && judged->refusal) co_return *judged->refusal;
    if (!judged || !judged->hold.empty()) co_return smtp::Reply();  // held mail asks the rules when it is released
  }
  const bool many = arrival->envelope.recipients.size() > kPolicyRecipients;
  if (m_parts.config.policies.empty() || many || !is_surely_clear(*view)) co_return smtp::Reply();
  auto job = [this, &arrival]() -> Result<smtp::Reply> { return policy(*arrival); };
  auto decided = co_await m_parts.workers.run(std::move(job));
  co_return decided ? *std::move(decided) : not_now(decided.error());
}

/// The refusal of the first when the rules bounce for all of them; a message that some get is not refused.
smtp::Reply MtaHook::policy(const Arrival& arrival) const {
  std::string reason;
  for (const auto& recipient : arrival.envelope.recipients) {
    const auto decision = m_parts.pipeline.explain(arrival, address_of(recipient.path, m_parts.config.server.hostname));
    if (!decision) return not_now(decision.error());
    if (decision->action != policy::Action::Bounce) return {};
    if (reason.empty()) reason = decision->reason;
  }
  return {550, {5, 7, 1}, "refused by policy: " + reason};
}

}  // namespace postern::gateway
