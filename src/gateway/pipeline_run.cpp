#include <algorithm>
#include <map>

#include "gateway/envelope.hpp"
#include "gateway/pipeline_run.hpp"
#include "mailauth/authres.hpp"
#include "mime/writer.hpp"

namespace postern::gateway {
namespace {

constexpr std::uint64_t kCopiesOfTheLargest = 32;

/// Every address of To and Cc, for telling hidden recipients from named ones.
std::set<std::string> named_recipients(const MessageView& view) {
  std::set<std::string> out;
  for (const HeaderField& field : view.fields()) {
    if (!field.is("To") && !field.is("Cc")) continue;
    const auto list = parse_address_list(field.unfolded());
    if (!list) continue;
    for (const auto& named : list->mailboxes()) out.insert(to_lower(named.mailbox.text()));
  }
  return out;
}

/// Recipients whose copies are byte for byte the same.
std::string group_key(const Case& c) {
  const auto& d = c.decision;
  std::string key = std::to_string(static_cast<int>(d.action)) + std::to_string(static_cast<int>(d.sign)) +
                    std::to_string(static_cast<int>(d.encrypt)) + (c.local ? "L" : "R");
  if (c.opened.message)
    key += "|opened " + std::to_string(c.index);
  else if (d.encrypt != policy::Method::None && !c.visible)
    key += "|hidden " + std::to_string(c.index);
  if (d.action != policy::Action::Deliver) key += "|" + d.reason;
  return key + "|" + c.opened.trace + "|" + c.opened.failure + "|" + c.storage_key.get();
}

smtp::Reply policy_refusal(const policy::Decision& decision) { return {550, {5, 7, 1}, "refused by policy: " + decision.reason}; }

}  // namespace

std::vector<Mailbox> readable_authors(const MessageView& view) {
  std::vector<Mailbox> out;
  for (const HeaderField& field : view.fields()) {
    if (!field.is("From")) continue;
    const auto list = parse_address_list(field.unfolded());
    if (!list) continue;
    for (const auto& named : list->mailboxes()) out.push_back(named.mailbox);
  }
  return out;
}

Result<Submission> Pipeline::Run::go(std::string received, std::string_view missing) {
  m_received = std::move(received);
  m_base = without_forged_trace(missing);
  m_detection = classify(m_view);
  find_author();
  make_cases();
  for (Case& c : m_cases) {
    decide(c);
    if (c.opened.passing) return fail(*c.opened.passing);
  }
  if (questions != nullptr && !questions->empty()) return Submission();
  return queue();
}

policy::Decision Pipeline::Run::explain() {
  m_detection = classify(m_view);
  find_author();
  make_cases();
  for (Case& c : m_cases) decide(c);
  return m_cases.front().decision;
}

Result<std::string> Pipeline::Run::signature() {
  m_detection = classify(m_view);
  make_cases();
  std::string_view worst = "none";
  for (Case& c : m_cases) {
    open(c);
    if (c.opened.passing) return fail(*c.opened.passing);
    worst = policy::worse_signature(worst, c.opened.signature);
  }
  return std::string(worst);
}

std::string_view Pipeline::Run::without_forged_trace(std::string_view missing) {
  // RFC 5322 3.6.3: who is in Bcc is nobody else's business; what comes from outside is not ours to change.
  const bool hidden = m_arrival.road.trusted && (m_view.find("Bcc") != nullptr || m_view.find("Resent-Bcc") != nullptr);
  const auto& fields = m_view.fields();
  const bool forged = std::ranges::any_of(fields, [&](const HeaderField& field) { return is_forged(field); });
  if (missing.empty() && !hidden && !forged) return m_arrival.content;
  m_edited = edit_header_if(m_view, {}, missing, [&](const HeaderField& field) {
    return !is_forged(field) && !(hidden && (field.is("Bcc") || field.is("Resent-Bcc")));
  });
  return m_edited;
}

bool Pipeline::Run::is_forged(const HeaderField& field) const {
  if (field.is(kTraceField) || (field.is(kLabelField) && !released)) return true;
  if (!field.is("Authentication-Results") || released) return false;
  return authserv_id_of(field.value) == to_lower(m_parts.authserv_id.empty() ? m_parts.hostname : m_parts.authserv_id);
}

void Pipeline::Run::find_author() {
  const auto authors = readable_authors(m_view);
  if (authors.size() == 1 && m_view.count("From") == 1) m_author.mailbox = authors.front();
  const std::string sender = address_of(m_arrival.envelope.from);
  m_policy_sender = sender.empty() && m_arrival.road.trusted ? policy_author(authors) : sender;
  // A person who logged in signs only as himself (of a report without sender check_submission() said so); a trusted network speaks for
  // its local authors.
  m_author.vouched = m_author.mailbox && m_arrival.road.trusted && m_parts.routes.is_local(m_author.mailbox->domain) &&
                     (m_arrival.road.user.empty() || sender.empty() || iequals(m_author.mailbox->text(), sender));
}

std::string Pipeline::Run::policy_author(const std::vector<Mailbox>& authors) const {
  const auto ours = std::find_if(authors.begin(), authors.end(), [&](const Mailbox& m) { return m_parts.routes.is_local(m.domain); });
  if (ours != authors.end()) return ours->text();
  return authors.empty() ? std::string() : authors.front().text();
}

void Pipeline::Run::make_cases() {
  std::set<std::string> named;
  if (!m_pipeline.m_rules.empty()) named = named_recipients(m_view);
  for (std::size_t i = 0; i < m_arrival.envelope.recipients.size(); ++i) {
    const auto& recipient = m_arrival.envelope.recipients[i];
    Case c;
    c.index = i;
    c.address = address_of(recipient.path, m_parts.hostname);
    c.mailbox = recipient.path.is_bare_postmaster() ? Mailbox{recipient.path.mailbox().local, m_parts.hostname} : recipient.path.mailbox();
    c.route = &m_parts.routes.find(c.mailbox.domain);
    c.local = c.route->via == Via::Mailbox && !m_arrival.passing;
    c.visible = named.count(to_lower(c.address)) != 0;
    if (m_parts.tenants != nullptr)
      c.storage_key = m_parts.tenants->storage_key(c.mailbox.domain, m_parts.routes.is_local(c.mailbox.domain), sender_domain());
    m_cases.push_back(std::move(c));
  }
}

std::string_view Pipeline::Run::sender_domain() const {
  const auto& from = m_arrival.envelope.from;
  return m_arrival.road.trusted && !from.is_null() ? std::string_view(from.mailbox()->domain) : std::string_view();
}

void Pipeline::Run::open(Case& c) {
  if (!m_parts.routes.is_local(c.mailbox.domain)) return;
  if (is_encrypted(m_detection.protection)) {
    c.opened = open_for(m_parts, m_base.empty() ? m_arrival.content : m_base, m_detection.protection, c.mailbox, questions);
  } else if (is_signed(m_detection.protection)) {
    if (!m_verified) m_verified = verify(m_parts, m_base.empty() ? m_arrival.content : m_base, m_detection.protection, questions);
    c.opened.trace = m_verified->trace;
    c.opened.signature = m_verified->signature;
  }
}

Protection Pipeline::Run::protection_of(const Case& c) const { return c.opened.message ? c.opened.inner : m_detection.protection; }

void Pipeline::Run::decide(Case& c) {
  open(c);
  if (!c.opened.failure.empty()) {
    c.decision.action = policy::Action::Hold;
    c.decision.reason = c.opened.failure;
    return;
  }
  if (m_arrival.judgement && !m_arrival.judgement->hold.empty()) {
    c.decision.action = policy::Action::Hold;
    c.decision.reason = m_arrival.judgement->hold;
    return;
  }
  if (m_pipeline.m_rules.empty()) return;
  const WallTime now = m_parts.clock.now();
  if (m_parts.config.smime.enabled) {
    if (auto found = m_parts.correspondents.smime()->choose(c.mailbox, now)) c.smime = *std::move(found);
  }
  if (m_parts.config.openpgp.enabled) {
    if (auto found = m_parts.correspondents.openpgp()->choose(c.mailbox, now)) c.openpgp = *std::move(found);
  }
  policy::Facts facts;
  facts.sender = m_policy_sender;
  facts.already_encrypted = is_encrypted(protection_of(c));
  facts.already_signed = is_protected(protection_of(c));
  facts.can_sign_smime = m_author.vouched && m_parts.identities.can_smime(*m_author.mailbox);
  facts.can_sign_openpgp = m_author.vouched && m_parts.identities.can_openpgp(*m_author.mailbox);
  c.decision = policy::decide(m_pipeline.m_rules, facts, c.address, {c.smime.has_value(), c.openpgp.has_value()});
  if (c.decision.action == policy::Action::Hold && override_policy == Override::SendInClear) {
    c.decision.action = policy::Action::Deliver;
    c.decision.reason += "; sent in clear by an operator's order";
  }
}

Result<Submission> Pipeline::Run::queue() {
  Submission out;
  out.message = m_arrival.id;
  out.envelope = to_spool(m_arrival.envelope);
  out.envelope.correlation = m_arrival.road.correlation;
  out.envelope.accepted = m_arrival.received;
  answer_refused();
  std::map<std::string, std::vector<const Case*>> groups;
  for (const Case& c : m_cases) {
    if (m_replies[c.index].code == 0) groups[group_key(c)].push_back(&c);
  }
  std::uint64_t octets = 0;
  for (const auto& [key, cases] : groups) {
    POSTERN_TRY(auto variant, make_variant(cases));
    octets += variant.content.size();
    out.variants.push_back(std::move(variant));
    POSTERN_CHECK(check_copies(out.variants.size(), octets));
  }
  out.envelope.facts = facts();
  out.envelope.opened = std::any_of(m_cases.begin(), m_cases.end(), [](const Case& c) { return c.opened.message.has_value(); });
  if (out.envelope.opened) out.envelope.ret = DsnReturn::Headers;  // the next hop's reports shall not hold the opened content either
  add_audit(out);
  return out;
}

Status Pipeline::Run::check_copies(std::size_t copies, std::uint64_t octets) const {
  const std::uint64_t most = std::max<std::uint64_t>(4 * static_cast<std::uint64_t>(m_parts.config.spool.inflight_bytes),
                                                     kCopiesOfTheLargest * m_parts.config.limits.message_bytes);
  if (released || copies == 1 || octets <= most) return {};  // what was accepted long ago must not bounce for it
  return fail(ErrorCode::TooLarge,
              "the recipients need more than " + std::to_string(copies - 1) + " different copies, larger than " + std::to_string(most) +
                  " octets together; send it to fewer of them at a time",
              "spool.inflight_bytes");
}

void Pipeline::Run::answer_refused() {
  m_replies.assign(m_cases.size(), {});
  if (released) return;
  const bool all = std::all_of(m_cases.begin(), m_cases.end(), [](const Case& c) { return c.decision.action == policy::Action::Bounce; });
  if (!split && !all) return;
  for (const Case& c : m_cases) {
    if (c.decision.action == policy::Action::Bounce) m_replies[c.index] = policy_refusal(c.decision);
  }
}

}  // namespace postern::gateway
