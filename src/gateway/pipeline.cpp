#include "gateway/pipeline.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.hpp"
#include "gateway/envelope.hpp"
#include "gateway/pipeline_run.hpp"
#include "identity/users.hpp"
#include "mime/multipart.hpp"
#include "mime/tree.hpp"

namespace postern::gateway {
namespace {

constexpr std::size_t kLargeMessage = 128U * 1024;
constexpr std::size_t kManyRecipients = 100;

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
  const auto authors = readable_authors(view);
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
  if (!m_rules.empty() || arrival.content.size() > kLargeMessage || arrival.envelope.recipients.size() > kManyRecipients) return true;
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
  out.replies = run.take_replies();
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
  run.released_from = item.message;
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
  return run.explain();
}

}  // namespace postern::gateway
