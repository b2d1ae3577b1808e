#include "gateway/pipeline.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "base/log.hpp"
#include "base/text.hpp"
#include "gateway/envelope.hpp"
#include "gateway/judge.hpp"
#include "gateway/late_signature.hpp"
#include "gateway/stages.hpp"
#include "identity/users.hpp"
#include "mailauth/authres.hpp"
#include "mime/multipart.hpp"
#include "mime/tree.hpp"
#include "mime/writer.hpp"

namespace postern::gateway {
namespace {

constexpr std::size_t kSignatureRoom = 1200;  // of a DKIM-Signature field

constexpr std::size_t kLargeMessage = 128U * 1024;

policy::Sign sign_of(const std::string& word) {
  if (word == "auto") return policy::Sign::Auto;
  if (word == "smime") return policy::Sign::Smime;
  return word == "openpgp" ? policy::Sign::OpenPgp : policy::Sign::None;
}
policy::Encrypt encrypt_of(const std::string& word) {
  if (word == "must") return policy::Encrypt::Must;
  return word == "should" ? policy::Encrypt::Should : policy::Encrypt::Never;
}
policy::Preference preference_of(const std::string& word) {
  if (word == "smime") return policy::Preference::Smime;
  return word == "openpgp" ? policy::Preference::OpenPgp : policy::Preference::Auto;
}
policy::MissingKey missing_key_of(const std::string& word) {
  if (word == "bounce") return policy::MissingKey::Bounce;
  return word == "send" ? policy::MissingKey::Send : policy::MissingKey::Hold;
}

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

/// Every mailbox of every From field that can be read.
std::vector<Mailbox> authors_of(const MessageView& view) {
  std::vector<Mailbox> out;
  for (const HeaderField& field : view.fields()) {
    if (!field.is("From")) continue;
    const auto list = parse_address_list(field.unfolded());
    if (!list) continue;
    for (const auto& named : list->mailboxes()) out.push_back(named.mailbox);
  }
  return out;
}

bool every_from_is_readable(const MessageView& view) {
  return std::all_of(view.fields().begin(), view.fields().end(),
                     [](const HeaderField& f) { return !f.is("From") || parse_address_list(f.unfolded()); });
}

/// RFC 6409 6.3: what a person who logged in sends must agree with the rights of the login, or a capital letter in MAIL FROM, an empty
/// one, or somebody else's From field would be a way around every rule.
Status check_submission(const Road& road, const ReversePath& from, const MessageView& view) {
  if (road.user.empty()) return {};
  const std::string who = "you are logged in as " + printable(road.user, 64);
  if (from.is_null() && media_type(view.value("Content-Type")) != "multipart/report")
    return fail(ErrorCode::Denied, who + ": only reports (multipart/report) may have an empty sender; give your address in MAIL FROM");
  const auto authors = authors_of(view);
  if (authors.empty() || !every_from_is_readable(view))
    return fail(ErrorCode::Denied, who + ", and the message needs a From field that names you");
  User user;
  user.senders = road.senders;
  for (const Mailbox& author : authors) {
    if (!may_send_as(user, author.text()))
      return fail(ErrorCode::Denied, who + " and may not write as <" + printable(author.text(), 128) + "> (From field)");
  }
  return {};
}

/// Depth and number of parts, before anybody downstream has to recurse through them. Other types cost nothing.
Status check_mime(const MessageView& view, const Limits& limits) {
  for (const HeaderField& field : view.fields()) {
    if (!field.is("Content-Type")) continue;
    const auto type = trim(field.value);
    if (istarts_with(type, "multipart/") || istarts_with(type, "message/")) return check_structure(view.raw(), limits);
  }
  return {};
}

/// A signature of somebody else over the body: re-encoding would break it.
bool has_body_signature(const MessageView& view) {
  return view.find("DKIM-Signature") != nullptr || view.find("ARC-Message-Signature") != nullptr;
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

bool Processed::any_accepted() const noexcept {
  return std::any_of(replies.begin(), replies.end(), [](const smtp::Reply& r) { return r.code == 0; });
}

Result<std::vector<policy::Rule>> make_rules(const std::vector<config::PolicyRule>& settings) {
  std::vector<policy::Rule> rules;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const auto& s = settings[i];
    const std::string path = "policy[" + std::to_string(i) + "]";
    auto from = policy::Pattern::parse(s.from);
    if (!from) return fail(ErrorCode::BadInput, path + ".from " + from.error().what, path + ".from");
    auto to = policy::Pattern::parse(s.to);
    if (!to) return fail(ErrorCode::BadInput, path + ".to " + to.error().what, path + ".to");
    rules.push_back({s.name.empty() ? path : s.name, *std::move(from), *std::move(to), sign_of(s.sign), encrypt_of(s.encrypt),
                     preference_of(s.method), missing_key_of(s.missing_key)});
  }
  return rules;
}

Result<std::unique_ptr<Pipeline>> Pipeline::make(PipelineParts parts) {
  std::unique_ptr<Pipeline> pipeline(new Pipeline(std::move(parts)));
  POSTERN_TRY(pipeline->m_rules, make_rules(pipeline->m_parts.config.policies));
  return pipeline;
}

bool Pipeline::needs_worker(const Arrival& arrival) const {
  if (!m_rules.empty() || arrival.content.size() > kLargeMessage) return true;
  if (arrival.road.trusted && m_parts.dkim != nullptr && !m_parts.dkim->all()->empty()) return true;
  if (arrival.judgement && !m_parts.config.authentication.arc_seal.empty()) return true;
  // Only mail for local people is opened, or looked at for its signature. What becomes ours is sealed at rest, for which the keeper may be
  // asked.
  const bool ours = !arrival.passing || (arrival.judgement && !arrival.judgement->hold.empty());
  return std::any_of(arrival.envelope.recipients.begin(), arrival.envelope.recipients.end(),
                     [&](const auto& r) { return m_parts.routes.is_local(r.path.mailbox().domain); }) &&
         (ours || is_protected(protection_of(arrival)));
}

Protection Pipeline::protection_of(const Arrival& arrival) const {
  const auto view = MessageView::parse(arrival.content, m_parts.config.limits);
  return view ? classify(*view).protection : Protection::None;
}

bool Pipeline::may_open(const Arrival& arrival) const { return is_encrypted(protection_of(arrival)); }

smtp::Reply Pipeline::reply_for(const Error& error) {
  switch (error.code) {
    case ErrorCode::BadInput:
    case ErrorCode::IntegrityFailed:
    case ErrorCode::Unsupported: return {554, {5, 6, 0}, error.text()};
    case ErrorCode::TooLarge: return {554, {5, 6, 0}, error.text()};
    case ErrorCode::Conflict:
      if (error.field == "mail_loop") return {554, {5, 4, 6}, error.what};
      return {554, {5, 6, 0}, error.text()};
    case ErrorCode::Denied:
    case ErrorCode::NotFound: return {550, {5, 7, 1}, error.text()};
    case ErrorCode::Exhausted: return {452, {4, 3, 1}, "too busy or out of space now; try again later"};
    case ErrorCode::Unavailable:
    case ErrorCode::Timeout:
    case ErrorCode::Internal: break;
  }
  return {451, {4, 3, 0}, "cannot be taken now; try again later"};
}

/// One message on its way.
class Pipeline::Run {
 public:
  Run(const Pipeline& pipeline, const Arrival& arrival, MessageView view)
      : m_pipeline(pipeline), m_parts(pipeline.m_parts), m_arrival(arrival), m_view(std::move(view)) {}

  /// `trace`: complete fields to put in front (Received); empty for what already has them.
  Result<Submission> go(std::string received, std::string_view missing) {
    m_received = std::move(received);
    m_base = without_forged_trace(missing);
    m_detection = classify(m_view);
    find_author();
    POSTERN_CHECK(make_cases());
    for (Case& c : m_cases) {
      decide(c);
      if (c.opened.passing) return fail(*c.opened.passing);
    }
    if (questions != nullptr && !questions->empty()) return Submission();
    return queue();
  }

  std::vector<Case>& cases() { return m_cases; }
  Status prepare_explanation() {
    m_detection = classify(m_view);
    find_author();
    POSTERN_CHECK(make_cases());
    for (Case& c : m_cases) decide(c);
    return {};
  }
  /// After go().
  [[nodiscard]] std::vector<LateCopy> take_late() { return std::move(m_late); }

  Result<std::string> signature() {
    m_detection = classify(m_view);
    POSTERN_CHECK(make_cases());
    std::string_view worst = "none";
    for (Case& c : m_cases) {
      open(c);
      if (c.opened.passing) return fail(*c.opened.passing);
      worst = policy::worse_signature(worst, c.opened.signature);
    }
    return std::string(worst);
  }
  std::vector<smtp::Reply> replies;
  bool split = false;     ///< Every recipient can be answered for himself.
  bool released = false;  ///< Accepted long ago: nobody waits for a reply.
  Override override_policy = Override::None;
  SignerQuestions* questions = nullptr;  ///< As open_for().

 private:
  /// The message to work on: without fields that only we may write, with those a submission lacks.
  std::string_view without_forged_trace(std::string_view missing) {
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

  /// Fields that only this host writes. RFC 8601 5: what claims to be ours and was there before is a lie.
  bool is_forged(const HeaderField& field) const {
    if (field.is(kTraceField) || (field.is(kLabelField) && !released)) return true;
    if (!field.is("Authentication-Results") || released) return false;
    return authserv_id_of(field.value) == to_lower(m_parts.authserv_id.empty() ? m_parts.hostname : m_parts.authserv_id);
  }

  void find_author() {
    const auto authors = authors_of(m_view);
    if (authors.size() == 1 && m_view.count("From") == 1) m_author.mailbox = authors.front();
    const std::string sender = address_of(m_arrival.envelope.from);
    m_policy_sender = sender.empty() && m_arrival.road.trusted ? policy_author(authors) : sender;
    // A person who logged in signs only as himself (of a report without sender check_submission() said so); a trusted network speaks for
    // its local authors.
    m_author.vouched = m_author.mailbox && m_arrival.road.trusted && m_parts.routes.is_local(m_author.mailbox->domain) &&
                       (m_arrival.road.user.empty() || sender.empty() || iequals(m_author.mailbox->text(), sender));
  }

  /// Whom the rules see where there is no sender: an author of ours if there is one, or MAIL FROM:<> would avoid every rule about him.
  std::string policy_author(const std::vector<Mailbox>& authors) const {
    const auto ours = std::find_if(authors.begin(), authors.end(), [&](const Mailbox& m) { return m_parts.routes.is_local(m.domain); });
    if (ours != authors.end()) return ours->text();
    return authors.empty() ? std::string() : authors.front().text();
  }

  Status make_cases() {
    std::set<std::string> named;
    if (!m_pipeline.m_rules.empty()) named = named_recipients(m_view);
    for (std::size_t i = 0; i < m_arrival.envelope.recipients.size(); ++i) {
      const auto& recipient = m_arrival.envelope.recipients[i];
      Case c;
      c.index = i;
      c.address = address_of(recipient.path, m_parts.hostname);
      c.mailbox =
          recipient.path.is_bare_postmaster() ? Mailbox{recipient.path.mailbox().local, m_parts.hostname} : recipient.path.mailbox();
      c.route = &m_parts.routes.find(c.mailbox.domain);
      c.local = c.route->via == Via::Mailbox && !m_arrival.passing;
      c.visible = named.count(to_lower(c.address)) != 0;
      if (m_parts.tenants != nullptr)
        c.storage_key = m_parts.tenants->storage_key(c.mailbox.domain, m_parts.routes.is_local(c.mailbox.domain), sender_domain());
      m_cases.push_back(std::move(c));
    }
    return {};
  }

  /// Of the sender whose word the road vouches for.
  std::string_view sender_domain() const {
    const auto& from = m_arrival.envelope.from;
    return m_arrival.road.trusted && !from.is_null() ? std::string_view(from.mailbox()->domain) : std::string_view();
  }

  void open(Case& c) {
    if (!m_parts.routes.is_local(c.mailbox.domain)) return;
    if (is_encrypted(m_detection.protection)) {
      c.opened = open_for(m_parts, m_base.empty() ? m_arrival.content : m_base, m_detection.protection, c.mailbox, questions);
    } else if (is_signed(m_detection.protection)) {
      if (!m_verified) m_verified = verify(m_parts, m_base.empty() ? m_arrival.content : m_base, m_detection.protection, questions);
      c.opened.trace = m_verified->trace;
      c.opened.signature = m_verified->signature;
    }
  }

  /// Of the copy this recipient gets, before we seal it.
  Protection protection_of(const Case& c) const { return c.opened.message ? c.opened.inner : m_detection.protection; }

  void decide(Case& c) {
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

  Result<Submission> queue() {
    Submission out;
    out.message = m_arrival.id;
    out.envelope = to_spool(m_arrival.envelope);
    out.envelope.correlation = m_arrival.road.correlation;
    out.envelope.accepted = m_arrival.received;
    answer_refused();
    std::map<std::string, std::vector<const Case*>> groups;
    for (const Case& c : m_cases) {
      if (replies[c.index].code == 0) groups[group_key(c)].push_back(&c);
    }
    for (const auto& [key, cases] : groups) {
      POSTERN_TRY(auto variant, make_variant(cases));
      out.variants.push_back(std::move(variant));
    }
    out.envelope.facts = facts();
    out.envelope.opened = std::any_of(m_cases.begin(), m_cases.end(), [](const Case& c) { return c.opened.message.has_value(); });
    if (out.envelope.opened) out.envelope.ret = DsnReturn::Headers;  // the next hop's reports shall not hold the opened content either
    add_audit(out);
    return out;
  }

  /// Refusals that can still be said in SMTP are said; the others become bounces.
  void answer_refused() {
    replies.assign(m_cases.size(), {});
    if (released) return;
    const bool all = std::all_of(m_cases.begin(), m_cases.end(), [](const Case& c) { return c.decision.action == policy::Action::Bounce; });
    if (!split && !all) return;
    for (const Case& c : m_cases) {
      if (c.decision.action == policy::Action::Bounce) replies[c.index] = policy_refusal(c.decision);
    }
  }

  Result<Variant> make_variant(const std::vector<const Case*>& cases) {
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

  Status finish_copy(Variant& variant, std::string_view source, const std::vector<const Case*>& cases) {
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

  /// Of a copy that nobody here looks at before it is sent over the network.
  bool may_sign_late(const std::vector<const Case*>& cases) const {
    return m_arrival.may_sign_late && m_parts.config.authentication.arc_seal.empty() &&
           std::ranges::all_of(cases, [](const Case* c) { return !c->local && over_network(*c); });
  }

  void sign_late(Variant& variant, const LateSignature& late, DkimSigning dkim, std::string_view source) {
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

  /// RFC 8617 5.1: over the copy as it leaves. What was not judged here has nothing to tell, and what could not be asked is not known.
  Status seal_chain(std::string& copy) {
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

  static bool over_network(const Case& c) { return c.route->via == Via::Mx || c.route->via == Via::Smtp || c.route->via == Via::Lmtp; }

  /// RFC 5322 2.1.1, RFC 5321 4.5.3.1.6: what we took with a longer line we may not send on. So it is encoded anew while that breaks
  /// nobody's signature, or refused now, while its sender still listens. Nothing: the copy can go as it is.
  Result<std::optional<std::string>> with_short_lines(std::string_view copy, const std::vector<const Case*>& cases, bool plain) const {
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

  Result<std::string> encoded_anew(std::string_view copy) const {
    POSTERN_TRY(const auto view, MessageView::parse(copy, m_parts.config.limits));
    if (view.find("MIME-Version") != nullptr) return to_7bit(copy, m_parts.config.limits);
    // RFC 2045 4: without it nobody would undo the encoding.
    HeaderEdit edit;
    edit.append = "MIME-Version: 1.0\r\n";
    return to_7bit(edit_header(view, edit), m_parts.config.limits);
  }

  Result<std::string> trace_of(const Case& c) const {
    if (c.opened.trace.empty()) return std::string();
    return fold_field(kTraceField, m_parts.hostname + "; " + c.opened.trace);
  }

  /// Whose domain the gateway takes responsibility for.
  std::vector<DkimKeyRef> dkim_keys() const {
    if (!m_author.vouched || m_parts.dkim == nullptr) return {};
    return m_parts.dkim->of(m_author.mailbox->domain);
  }

  /// Last of all changes: the signatures that say so (RFC 6376 5).
  Result<DkimSigning> begin_dkim(const std::vector<DkimKeyRef>& keys, std::string_view message, bool as_arrived) {
    const auto sign = [this](const DkimKeyRef& key, ByteView data) { return m_parts.dkim->sign(key, data); };
    DkimSignOptions options;
    options.time = m_arrival.received;
    for (const auto& key : keys) m_selectors.insert(key.selector + "/" + std::string(name_of(key.algorithm)));
    if (as_arrived && message.data() == m_arrival.content.data()) return dkim_begin(m_view, keys, options, sign);
    POSTERN_TRY(const auto view, MessageView::parse(message, m_parts.config.limits));
    return dkim_begin(view, keys, options, sign);
  }

  void add_recipient(Variant& variant, const Case& c) {
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

  /// By MX every domain is a next hop of its own.
  static std::string queue_route(const Case& c) { return c.route->via == Via::Mx ? "mx:" + routing_domain(c.mailbox.domain) : c.route->id; }

  [[nodiscard]] std::string facts() const {
    const Road& road = m_arrival.road;
    AuditFacts out;
    out.add("door", road.door)
        .add("protocol", road.protocol)
        .add("peer", road.address)
        .add("tls", road.tls_version)
        .add("user", road.user)
        .add("trusted", road.trusted);
    if (m_detection.protection != Protection::None) out.add("protection", name_of(m_detection.protection));
    std::set<std::string> traces, rules, reasons;
    for (const Case& c : m_cases) {
      if (!c.opened.trace.empty()) traces.insert(c.opened.trace);
      if (!c.decision.rule.empty()) rules.insert(c.decision.rule);
      if (!c.decision.reason.empty()) reasons.insert(c.decision.reason);
    }
    if (m_arrival.judgement) add_verdicts(out, *m_arrival.judgement);
    add_set(out, "opened", traces);
    add_set(out, "rule", rules);
    add_set(out, "reason", reasons);
    add_set(out, "dkim", m_selectors);
    return out.text();
  }

  static void add_verdicts(AuditFacts& out, const Judgement& judged) {
    out.add("spf", name_of(judged.spf.result)).add("dkim_result", name_of(dkim_overall(judged.dkim)));
    out.add("dmarc", name_of(judged.dmarc.result)).add("author_domain", printable(judged.author_domain, 253));
    out.add("arc", name_of(judged.arc.cv)).add("arc_trusted", judged.arc_trusted);
    out.add("iprev", name_of(judged.iprev.result)).add("reverse_name", printable(judged.iprev.name, 253));
    if (judged.signature != "none") out.add("signature", judged.signature);
    if (!judged.rule.empty()) out.add("verdict_rule", judged.rule);
    add_set(out, "label", {judged.labels.begin(), judged.labels.end()});
  }

  static void add_set(AuditFacts& out, std::string_view name, const std::set<std::string>& items) {
    std::string text;
    for (const auto& item : items) text += (text.empty() ? "" : " | ") + item;
    if (!text.empty()) out.add(name, text);
  }

  void add_audit(Submission& out) const {
    const Road& road = m_arrival.road;
    AuditRecord record;
    record.time = m_arrival.received;
    record.kind = "message.accepted";
    record.correlation = road.correlation;
    record.message = m_arrival.id;
    record.actor = road.user.empty() ? "peer:" + road.address : "user:" + road.user;
    AuditFacts facts;
    facts.add("door", road.door).add("protocol", road.protocol).add("size", m_arrival.content.size()).add("recipients", m_cases.size());
    facts.add("sender", log::redacted_address(address_of(m_arrival.envelope.from)));
    std::set<std::string> seals;
    for (const auto& variant : out.variants) seals.insert(variant.seal);
    add_set(facts, "seal", seals);
    add_set(facts, "dkim", m_selectors);
    record.facts = facts.text();
    out.audit.push_back(std::move(record));
    for (const Case& c : m_cases) add_decision(out, c);
  }

  void add_decision(Submission& out, const Case& c) const {
    if (c.decision.rule.empty() && c.decision.reason.empty()) return;
    AuditRecord record;
    record.time = m_arrival.received;
    record.kind = "policy.decision";
    record.correlation = m_arrival.road.correlation;
    record.message = m_arrival.id;
    record.actor = "system";
    constexpr const char* kActions[] = {"deliver", "hold", "bounce"};
    record.facts = AuditFacts()
                       .add("recipient", log::redacted_address(c.address))
                       .add("rule", c.decision.rule)
                       .add("action", kActions[static_cast<int>(c.decision.action)])
                       .add("seal", seal_text(c.decision))
                       .add("reason", c.decision.reason)
                       .text();
    out.audit.push_back(std::move(record));
  }

  const Pipeline& m_pipeline;
  const PipelineParts& m_parts;
  const Arrival& m_arrival;
  MessageView m_view;
  std::string m_received;
  std::string m_edited;
  std::string_view m_base;  ///< The message without the trace fields of this hop.
  Detection m_detection;
  Author m_author;
  std::vector<Case> m_cases;
  std::string m_policy_sender;
  std::optional<Verified> m_verified;
  std::set<std::string> m_selectors;
  std::vector<LateCopy> m_late;
};

Result<Processed> Pipeline::process(const Arrival& arrival, bool split, bool questions) const {
  POSTERN_TRY(auto view, MessageView::parse(arrival.content, m_parts.config.limits));
  POSTERN_CHECK(view.refuse_unsafe_header());
  // RFC 5321 6.3: simple counting of Received fields.
  if (view.count("Received") >= m_parts.config.limits.received_fields)
    return fail(ErrorCode::Conflict, "too many Received fields: this message is looping", "mail_loop");
  POSTERN_CHECK(check_mime(view, m_parts.config.limits));
  POSTERN_CHECK(check_submission(arrival.road, arrival.envelope.from, view));
  POSTERN_TRY(auto received, received_field(m_parts.hostname, arrival));
  if (arrival.judgement) received = arrival.judgement->field + received;  // RFC 8601 4.1: above the trace of this hop
  std::string missing;
  if (arrival.road.trusted) {
    POSTERN_TRY(missing, missing_fields(m_parts.hostname, view, arrival, m_parts.random));
  }
  Run run(*this, arrival, std::move(view));
  run.split = split;
  Processed out;
  if (questions) run.questions = &out.questions;
  POSTERN_TRY(out.submission, run.go(std::move(received), missing));
  out.replies = std::move(run.replies);
  out.late = run.take_late();
  return out;
}

Result<Processed> Pipeline::reprocess(const QueueItem& item, Override how, bool questions) const {
  Arrival arrival;
  arrival.received = m_parts.clock.now();
  arrival.id = make_message_id(arrival.received, m_parts.random);
  arrival.content = *item.content;
  boost::system::error_code malformed;
  const auto parsed = boost::json::parse(item.envelope->facts, malformed);
  if (malformed || !parsed.is_object()) return fail(ErrorCode::Internal, "the stored facts of the message are not a JSON object", "facts");
  const auto& facts = parsed.as_object();
  const auto text = [&](const char* name) {
    return facts.contains(name) && facts.at(name).is_string() ? std::string(facts.at(name).as_string()) : std::string();
  };
  arrival.road.door = text("door");
  arrival.road.protocol = text("protocol");
  arrival.road.address = text("peer");
  arrival.road.tls_version = text("tls");
  arrival.road.user = text("user");
  arrival.road.trusted = facts.contains("trusted") && facts.at("trusted").is_bool() && facts.at("trusted").as_bool();
  arrival.road.correlation = item.envelope->correlation;
  POSTERN_TRY(arrival.envelope.from, reverse_path_of(*item.envelope));
  arrival.envelope.parameters = mail_parameters_of(*item.envelope);
  for (const auto& recipient : item.recipients) {
    POSTERN_TRY(auto out, to_smtp(recipient, true));
    arrival.envelope.recipients.push_back({std::move(out.path), std::move(out.parameters)});
  }
  POSTERN_TRY(auto view, MessageView::parse(arrival.content, m_parts.config.limits));
  Run run(*this, arrival, std::move(view));
  run.override_policy = how;
  run.released = true;
  Processed out;
  if (questions) run.questions = &out.questions;
  POSTERN_TRY(out.submission, run.go({}, {}));
  return out;
}

Result<std::string> Pipeline::signature_of(const Arrival& arrival, SignerQuestions* questions) const {
  POSTERN_TRY(auto view, MessageView::parse(arrival.content, m_parts.config.limits));
  Run run(*this, arrival, std::move(view));
  run.questions = questions;
  return run.signature();
}

Result<policy::Decision> Pipeline::explain(const Arrival& arrival, const std::string& recipient) const {
  Arrival one = arrival;
  POSTERN_TRY(auto mailbox, Mailbox::parse(recipient, Utf8::Allow));
  one.envelope.recipients = {{ForwardPath(std::move(mailbox)), {}}};
  POSTERN_TRY(auto view, MessageView::parse(one.content, m_parts.config.limits));
  Run run(*this, one, std::move(view));
  POSTERN_CHECK(run.prepare_explanation());
  return run.cases().front().decision;
}

}  // namespace postern::gateway
