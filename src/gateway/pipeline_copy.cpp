#include <algorithm>

#include "gateway/envelope.hpp"
#include "gateway/pipeline_run.hpp"
#include "mime/multipart.hpp"
#include "mime/writer.hpp"

namespace postern::gateway {
namespace {

constexpr std::size_t kSignatureRoom = 1200;  // of a DKIM-Signature field

/// A signature of somebody else over the body: re-encoding would break it.
bool has_body_signature(const MessageView& view) {
  return view.find("DKIM-Signature") != nullptr || view.find("ARC-Message-Signature") != nullptr;
}

bool over_network(const Case& c) { return c.route->via == Via::Mx || c.route->via == Via::Smtp || c.route->via == Via::Lmtp; }

/// By MX every domain is a next hop of its own.
std::string queue_route(const Case& c) { return c.route->via == Via::Mx ? "mx:" + routing_domain(c.mailbox.domain) : c.route->id; }

}  // namespace

Result<Variant> Pipeline::Run::make_variant(const std::vector<const Case*>& cases) {
  const Case& first = *cases.front();
  const auto action = first.decision.action;
  Variant variant;
  variant.storage_key = first.storage_key;
  variant.seal = action == policy::Action::Bounce ? "refused: " + first.decision.reason
                 : action == policy::Action::Hold ? "held"
                                                  : seal_text(first.decision);
  const std::string_view source = first.opened.message ? std::string_view(*first.opened.message) : m_base;
  if (action == policy::Action::Deliver) {
    POSTERN_CHECK(finish_copy(variant, source, cases));
  } else {
    variant.content = m_received + std::string(m_base);
  }
  for (const Case* c : cases) add_recipient(variant, *c);
  return variant;
}

Status Pipeline::Run::finish_copy(Variant& variant, std::string_view source, const std::vector<const Case*>& cases) {
  const Case& first = *cases.front();
  const bool plain = first.decision.sign == policy::Method::None && first.decision.encrypt == policy::Method::None;
  std::string sealed;
  if (!plain) {
    POSTERN_TRY(sealed, seal_copy(m_parts, source, m_author, cases));
    source = sealed;
  }
  POSTERN_TRY(const auto shorter, with_short_lines(source, cases, plain));
  if (shorter) source = *shorter;
  POSTERN_TRY(const std::string trace, trace_of(first));
  const auto keys = dkim_keys();
  std::optional<DkimSigning> dkim;
  if (!keys.empty()) {
    POSTERN_TRY(dkim, begin_dkim(keys, source, plain));
  }
  std::string& out = variant.content;
  out.reserve(trace.size() + m_received.size() + keys.size() * kSignatureRoom + source.size() + 256);
  if (first.local) out += "Return-Path: " + m_arrival.envelope.from.text() + "\r\n";  // RFC 5321 4.4: at final delivery
  out.append(m_received).append(trace);
  if (dkim && may_sign_late(cases)) {
    sign_late(variant, {out.size(), m_arrival.received, keys}, *std::move(dkim), source);
    return {};
  }
  if (dkim) {
    POSTERN_TRY(const std::string fields, std::move(*dkim).finish());
    out += fields;
  }
  out += source;
  return first.local ? Status() : seal_chain(out);
}

bool Pipeline::Run::may_sign_late(const std::vector<const Case*>& cases) const {
  return m_arrival.may_sign_late && m_parts.config.authentication.arc_seal.empty() &&
         std::ranges::all_of(cases, [](const Case* c) { return !c->local && over_network(*c); });
}

void Pipeline::Run::sign_late(Variant& variant, const LateSignature& late, DkimSigning dkim, std::string_view source) {
  std::string copy = std::move(variant.content);
  copy += source;
  variant.content = write_late(late, copy);
  variant.late = std::make_shared<LateContent>();
  auto signing = std::make_shared<DkimSigning>(std::move(dkim));  // a function is copied
  m_late.push_back({variant.late, [at = late.at, copy = std::move(copy), signing]() -> Result<std::string> {
                      POSTERN_TRY(const std::string fields, std::move(*signing).finish());
                      std::string whole;
                      whole.reserve(copy.size() + fields.size());
                      return whole.append(copy, 0, at).append(fields).append(copy, at);
                    }});
}

Status Pipeline::Run::seal_chain(std::string& copy) {
  const auto& judged = m_arrival.judgement;
  const std::string domain = to_lower(m_parts.config.authentication.arc_seal);
  if (domain.empty() || !judged || judged->arc.temporary || m_parts.dkim == nullptr) return {};
  auto keys = m_parts.dkim->of(domain);
  if (keys.empty()) return {};
  // Few verifiers of ARC know Ed25519.
  const auto rsa = std::ranges::find(keys, DkimAlgorithm::RsaSha256, &DkimKeyRef::algorithm);
  const DkimKeyRef& key = rsa == keys.end() ? keys.front() : *rsa;
  POSTERN_TRY(const auto view, MessageView::parse(copy, m_parts.config.limits));
  ArcSealOptions options;
  options.authserv_id = m_parts.authserv_id.empty() ? m_parts.hostname : m_parts.authserv_id;
  options.time = m_arrival.received;
  const auto set =
      arc_seal(view, judged->arc.cv, key, options, [this](const DkimKeyRef& by, ByteView data) { return m_parts.dkim->sign(by, data); });
  // 5.1.2: a chain that was declared broken, or is full, gets no more sets.
  if (!set && set.error().code != ErrorCode::Unavailable) return {};
  if (!set) return fail(set.error());
  copy.insert(0, set->seal + set->message_signature + set->authentication_results);
  return {};
}

Result<std::optional<std::string>> Pipeline::Run::with_short_lines(std::string_view copy, const std::vector<const Case*>& cases,
                                                                   bool plain) const {
  const Limits& limits = m_parts.config.limits;
  if (m_arrival.envelope.parameters.body == smtp::BodyType::BinaryMime ||
      std::none_of(cases.begin(), cases.end(), [](const Case* c) { return over_network(*c); }))
    return std::nullopt;
  const auto line = find_long_line(copy, limits.line_emitted);
  if (!line) return std::nullopt;
  if (plain && !is_protected(protection_of(*cases.front())) && (cases.front()->opened.message || !has_body_signature(m_view))) {
    auto encoded = encoded_anew(copy);
    if (encoded && !find_long_line(*encoded, limits.line_emitted)) return std::optional(*std::move(encoded));
  }
  return fail(ErrorCode::BadInput,
              "line " + std::to_string(line->number) + " of the message has " + std::to_string(line->octets) +
                  " octets; mail that is sent on may have " + std::to_string(limits.line_emitted) +
                  " (RFC 5322 2.1.1), and this one cannot be encoded anew",
              "line_emitted");
}

Result<std::string> Pipeline::Run::encoded_anew(std::string_view copy) const {
  POSTERN_TRY(const auto view, MessageView::parse(copy, m_parts.config.limits));
  if (view.find("MIME-Version") != nullptr) return to_7bit(copy, m_parts.config.limits);
  // RFC 2045 4: without it nobody would undo the encoding.
  HeaderEdit edit;
  edit.append = "MIME-Version: 1.0\r\n";
  return to_7bit(edit_header(view, edit), m_parts.config.limits);
}

Result<std::string> Pipeline::Run::trace_of(const Case& c) const {
  if (c.opened.trace.empty()) return std::string();
  return fold_field(kTraceField, m_parts.hostname + "; " + c.opened.trace);
}

std::vector<DkimKeyRef> Pipeline::Run::dkim_keys() const {
  if (!m_author.vouched || m_parts.dkim == nullptr) return {};
  return m_parts.dkim->of(m_author.mailbox->domain);
}

Result<DkimSigning> Pipeline::Run::begin_dkim(const std::vector<DkimKeyRef>& keys, std::string_view message, bool as_arrived) {
  const auto sign = [this](const DkimKeyRef& key, ByteView data) { return m_parts.dkim->sign(key, data); };
  DkimSignOptions options;
  options.time = m_arrival.received;
  for (const auto& key : keys) m_selectors.insert(key.selector + "/" + std::string(name_of(key.algorithm)));
  if (as_arrived && message.data() == m_arrival.content.data()) return dkim_begin(m_view, keys, options, sign);
  POSTERN_TRY(const auto view, MessageView::parse(message, m_parts.config.limits));
  return dkim_begin(view, keys, options, sign);
}

void Pipeline::Run::add_recipient(Variant& variant, const Case& c) {
  if (c.local && c.decision.action == policy::Action::Deliver) {
    variant.mailboxes.push_back({to_lower(c.address), address_of(m_arrival.envelope.from), m_arrival.received, "{}"});
    if (!m_arrival.envelope.recipients[c.index].parameters.notify.success) return;  // a success report is the courier's work
    variant.mailboxes.pop_back();
  }
  const auto action = c.decision.action;
  const std::string route = action == policy::Action::Bounce ? std::string(kBounceRoute)
                            : action == policy::Action::Hold ? std::string(kPolicyRoute)
                                                             : queue_route(c);
  QueuedRecipient recipient = to_spool(m_arrival.envelope.recipients[c.index].parameters, c.address, route);
  if (action == policy::Action::Hold) {
    recipient.state = RecipientState::Held;
    recipient.reason = c.decision.reason;
  }
  variant.recipients.push_back(std::move(recipient));
}

}  // namespace postern::gateway
