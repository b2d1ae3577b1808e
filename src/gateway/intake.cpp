#include "gateway/intake.hpp"

#include <algorithm>
#include <set>

#include "base/log.hpp"
#include "base/text.hpp"
#include "io/sync.hpp"

namespace postern::gateway {
namespace {

/// What a lone session's own thread signs and seals, rather than handing it to a worker and waiting for both to wake up.
constexpr std::size_t kSmall = 96U * 1024;
constexpr int kSignerRounds = 4;
/// Committed copies of this loop whose signatures are under way, until the answer is out: nobody shall wait for the signer.
thread_local std::vector<LateCopy> t_late;

/// Without case, and with xn-- and U-labels as one domain.
bool is_same_mailbox(std::string_view a, std::string_view b) {
  if (iequals(a, b)) return true;
  const std::string_view a_domain = domain_of(a), b_domain = domain_of(b);
  return iequals(a.substr(0, a.size() - a_domain.size()), b.substr(0, b.size() - b_domain.size())) &&
         routing_domain(a_domain) == routing_domain(b_domain);
}

const smtp::Reply kShredded{550, {5, 7, 1}, "mail of this domain is not taken here any more"};
const smtp::Reply kBusy{452, {4, 3, 1}, "too many messages are being taken right now; try again in a moment"};

void log_refusal(const Arrival& arrival, const std::string& reason) {
  log::info("message.refused", {{"id", arrival.id.get()}, {"door", arrival.road.door}, {"peer", arrival.road.address}, {"reason", reason}});
}

}  // namespace

io::Task<Result<std::optional<User>>> Intake::find_user(std::string name) {
  auto job = [this, name = std::move(name)]() -> Result<std::optional<User>> {
    auto parsed = parse_user_name(name);
    if (!parsed) return std::optional<User>();
    return m_parts.users.find(*parsed);
  };
  auto found = co_await m_parts.workers.run(std::move(job));
  if (!found) log::warn("login.users_unavailable", {{"reason", found.error()}});
  co_return found;
}

io::Task<Result<bool>> Intake::check_password(std::string user, SecretBytes password) {
  auto held = std::make_shared<SecretBytes>(std::move(password));
  auto job = [this, user = std::move(user), held]() -> Result<bool> {
    const auto known = authenticate(m_parts.users, user, as_text(held->view()));
    if (known) return true;
    if (known.error().code == ErrorCode::Denied) return false;
    return fail(known.error());
  };
  co_return co_await m_parts.workers.run(std::move(job));
}

io::Task<void> Intake::login_ended(Road road, std::string user, std::string mechanism, bool success) {
  ++(success ? m_stats.logins : m_stats.logins_failed);
  AuditRecord record;
  record.time = m_parts.clock.now();
  record.kind = success ? "login" : "login.failed";
  record.correlation = road.correlation;
  record.actor = "peer:" + road.address;
  record.facts =
      AuditFacts().add("user", printable(user, 255)).add("mechanism", mechanism).add("door", road.door).add("tls", road.tls_version).text();
  io::OneShot<Status> committed(co_await io::this_executor());
  std::vector<AuditRecord> records;
  records.push_back(std::move(record));
  m_parts.audit.append(std::move(records), committed.setter());
  const Status written = co_await committed.wait();
  if (!written) log::error("audit.append_failed", {{"reason", written.error()}});
  log::info(success ? "login.done" : "login.failed",
            {{"door", road.door}, {"peer", road.address}, {"mechanism", mechanism}, {"connection", road.correlation.get()}});
}

smtp::Reply Intake::check_sender(const Road& road, const smtp::MailFrom& from) {
  if (!m_parts.budget->has_room(from.parameters.size.value_or(0))) return kBusy;
  if (road.trusted && m_parts.tenants.refuses(domain_of(address_of(from.path)))) return kShredded;
  if (road.user.empty()) return {};
  User user;
  user.senders = road.senders;
  const std::string address = address_of(from.path);
  if (may_send_as(user, address)) return {};
  return {553, {5, 7, 1}, "you are logged in as " + printable(road.user, 64) + " and may not send as <" + printable(address, 128) + ">"};
}

smtp::Reply Intake::check_recipient(const Road& road, const smtp::RcptTo& to) {
  const std::string& domain = to.path.is_bare_postmaster() ? m_parts.config.server.hostname : to.path.mailbox().domain;
  if (!m_parts.routes.is_local(domain)) {
    if (road.trusted) return {};
    return {550, {5, 7, 1}, "relaying to " + printable(domain, 128) + " is not allowed from here; log in on the submission port"};
  }
  if (m_parts.tenants.refuses(domain)) return kShredded;
  const auto& known = m_parts.config.domains.recipients;
  if (known.empty() || to.path.is_bare_postmaster() || iequals(to.path.mailbox().local, "postmaster")) return {};
  const std::string address = address_of(to.path, m_parts.config.server.hostname);
  if (std::any_of(known.begin(), known.end(), [&](const std::string& each) { return is_same_mailbox(each, address); })) return {};
  return {550, {5, 1, 1}, "there is no mailbox of that name here"};
}

/// Mail of tenants has storage keys of its own, and of an external Vault's changes nobody tells.
bool Intake::stocks_keys() const { return m_parts.config.tenants.empty() && m_parts.config.keys.backend != "vault"; }

/// What is judged waits for strangers, which whoever retires key versions should not.
std::shared_ptr<KeyAhead> Intake::key_ahead(const Road& road) {
  return stocks_keys() && !m_parts.judge.judges(road) ? m_parts.spool.key_ahead() : nullptr;
}

void Intake::answered(bool lone) noexcept {
  finish_late();
  m_parts.spool.follow_up();
  if (lone && stocks_keys()) m_parts.spool.stock_keys();
}

/// What can be done before the writer is asked is done on the same thread: encryption at rest included.
Result<Processed> Intake::process_and_seal(const Arrival& arrival, bool split, bool questions) const {
  POSTERN_TRY(auto out, m_parts.pipeline.process(arrival, split, questions));
  if (!out.questions.empty()) return out;
  POSTERN_CHECK(m_parts.spool.seal(out.submission.message, out.submission.variants, arrival.key_ahead.get()));
  return out;
}

/// What should be asked about signers is asked between two passes, so that neither a worker nor the engines wait for strangers.
io::Task<Result<Processed>> Intake::process(const Arrival& arrival, bool split) {
  auto first = co_await process_once(arrival, split, true);
  if (!first || first->questions.empty()) co_return first;
  co_await m_parts.revocations.find_out(std::move(first->questions));
  co_return co_await process_once(arrival, split, false);
}

bool Intake::may_be_done_here(const Arrival& arrival) const {
  if (!m_parts.pipeline.needs_worker(arrival)) return true;
  if (!arrival.lone || arrival.content.size() > kSmall) return false;
  // An MTA has connections of its own for what else it is asked about: opening may take the keeper's time, and is for workers.
  return !arrival.passing || !m_parts.pipeline.may_open(arrival);
}

io::Task<Result<Processed>> Intake::process_once(const Arrival& arrival, bool split, bool questions) {
  if (may_be_done_here(arrival)) co_return process_and_seal(arrival, split, questions);
  auto job = [this, &arrival, split, questions] { return process_and_seal(arrival, split, questions); };
  co_return co_await m_parts.workers.run(std::move(job));
}

io::Task<std::vector<smtp::Reply>> Intake::take(Arrival arrival) {
  const std::size_t count = arrival.envelope.recipients.size();
  const bool lone = arrival.lone;
  ContentShare held(m_parts.budget);
  if (!arrival.counted && !held.grow_to(arrival.content.size())) {
    note(arrival, kBusy);
    co_return std::vector<smtp::Reply>(count, kBusy);
  }
  if (const auto refusal = co_await judged(arrival)) co_return std::vector<smtp::Reply>(count, *refusal);
  const bool split = count == 1 || arrival.road.protocol.find("LMTP") != std::string::npos;
  // A signer that is away is said to whoever sends, while he waits; ours is not away without the doors knowing it.
  arrival.may_sign_late = lone && arrival.content.size() <= kSmall && m_parts.config.keys.backend != "vault";
  auto processed = co_await process(arrival, split);
  if (!processed) {
    const smtp::Reply reply = Pipeline::reply_for(processed.error());
    log_refusal(arrival, processed.error().text());
    note(arrival, reply);
    co_return std::vector<smtp::Reply>(count, reply);
  }
  auto replies = std::move(processed->replies);
  if (std::none_of(replies.begin(), replies.end(), [](const auto& r) { return r.code == 0; })) {
    note(arrival, replies.front());
    co_return replies;
  }
  const Status safe = co_await commit(std::move(processed->submission), lone);
  if (safe) std::ranges::move(processed->late, std::back_inserter(t_late));
  const smtp::Reply done = safe ? smtp::Reply{250, {2, 0, 0}, "accepted as " + arrival.id.get()} : Pipeline::reply_for(safe.error());
  if (!safe) log::warn("message.not_stored", {{"id", arrival.id.get()}, {"reason", safe.error()}});
  note(arrival, done);
  if (safe && is_for_reports(arrival)) {
    auto job = [this, &arrival]() -> Result<bool> {
      m_parts.note_report(arrival);
      return true;
    };
    if (const auto read = co_await m_parts.workers.run(std::move(job)); !read)
      log::warn("reports.not_read", {{"id", arrival.id.get()}, {"reason", read.error()}});
  }
  for (auto& reply : replies) {
    if (reply.code == 0) reply = done;
  }
  // A plain SMTP transaction has one answer: that of the recipients who were accepted.
  if (!split) std::fill(replies.begin(), replies.end(), done);
  co_return replies;
}

io::Task<Result<std::string>> Intake::signature_of(const Arrival& arrival, SignerQuestions* questions) {
  auto job = [this, &arrival, questions] { return m_parts.pipeline.signature_of(arrival, questions); };
  co_return co_await m_parts.workers.run(std::move(job));
}

/// For rules that look at it; asking about signers in between, as process().
io::Task<Status> Intake::find_signature(Arrival& arrival) {
  // Each round asks about some of many signers; answers are remembered.
  for (int round = 0; round < kSignerRounds; ++round) {
    SignerQuestions questions;
    POSTERN_CO_TRY(arrival.signature, co_await signature_of(arrival, &questions));
    if (questions.empty()) co_return Status();
    co_await m_parts.revocations.find_out(std::move(questions));
  }
  SignerQuestions open;
  POSTERN_CO_TRY(arrival.signature, co_await signature_of(arrival, &open));
  if (!open.empty()) arrival.signature = policy::worse_signature(arrival.signature, "untrusted");
  co_return Status();
}

/// What the standards say of mail from outside; a reply when that refuses it.
io::Task<std::optional<smtp::Reply>> Intake::judged(Arrival& arrival) {
  if (!m_parts.judge.judges(arrival.road)) co_return std::nullopt;
  if (m_parts.judge.asks_for_signature()) {
    const Status found = co_await find_signature(arrival);
    if (!found) {  // a rule that nobody could apply must not let the message through
      log_refusal(arrival, found.error().text());
      const smtp::Reply reply = Pipeline::reply_for(found.error());
      note(arrival, reply);
      co_return reply;
    }
  }
  arrival.judgement = co_await m_parts.judge.judge(arrival);
  if (arrival.judgement) note_dmarc(arrival);
  if (!arrival.judgement || !arrival.judgement->refusal) co_return std::nullopt;
  log_refusal(arrival, arrival.judgement->refusal->text());
  note(arrival, *arrival.judgement->refusal);
  co_return arrival.judgement->refusal;
}

bool Intake::is_for_reports(const Arrival& arrival) const {
  const auto& inbox = m_parts.config.reports.inbox;
  if (inbox.empty()) return false;
  return std::ranges::any_of(arrival.envelope.recipients, [&](const auto& recipient) {
    const std::string address = address_of(recipient.path, m_parts.config.server.hostname);
    return std::ranges::any_of(inbox, [&](const std::string& one) { return is_same_mailbox(one, address); });
  });
}

/// Mail that comes again is counted then.
void Intake::note_dmarc(const Arrival& arrival) const {
  const Judgement& judged = *arrival.judgement;
  if (judged.refusal && judged.refusal->transient()) return;
  const bool by_dmarc = judged.refusal && judged.refusal->status == smtp::EnhancedStatus{5, 7, 26};
  const bool held = !judged.hold.empty() && !judged.by_rule;
  m_parts.note_judged(arrival, by_dmarc ? DmarcPolicy::Reject : held ? DmarcPolicy::Quarantine : DmarcPolicy::None);
}

io::Task<Status> Intake::commit(Submission submission, bool lone) {
  io::OneShot<Status> committed(co_await io::this_executor());
  if (submission.variants.empty() && lone)
    m_parts.audit.append_and_help(std::move(submission.audit), committed.setter());
  else if (submission.variants.empty())
    m_parts.audit.append(std::move(submission.audit), committed.setter());
  else if (lone)
    m_parts.spool.enqueue_and_help(std::move(submission), committed.setter());
  else
    m_parts.spool.enqueue(std::move(submission), committed.setter());
  co_return co_await committed.wait();
}

/// Before the courier is told. What fails here it asks for again.
void Intake::finish_late() noexcept {
  for (LateCopy& copy : std::exchange(t_late, {})) {
    try {
      auto whole = copy.finish();
      if (whole) m_parts.spool.finish(*copy.into, *std::move(whole));
      if (!whole) log::warn("message.not_signed_yet", {{"reason", whole.error()}});
    } catch (const std::exception& error) {
      log::warn("message.not_signed_yet", {{"reason", error.what()}});
    }
  }
}

FilterVerdict Intake::refuse(const Arrival& arrival, const smtp::Reply& reply) {
  log_refusal(arrival, reply.text());
  note(arrival, reply);
  FilterVerdict out;
  out.reply = reply;
  return out;
}

/// Everything but the commit.
Result<Intake::Filtering> Intake::prepare(const Arrival& arrival, bool questions) const {
  Filtering out;
  POSTERN_TRY(out.processed, m_parts.pipeline.process(arrival, arrival.envelope.recipients.size() == 1, questions));
  if (!out.processed.questions.empty() || !out.processed.any_accepted()) return out;
  POSTERN_TRY(auto split, split_for_mta(std::move(out.processed.submission.variants)));
  out.passes = !split.content.empty();
  if (out.passes) {
    POSTERN_TRY(out.verdict.edits, edits_between(arrival.content, split.content, m_parts.config.limits));
    // The MTA writes its own trace; ours is for mail that we bring on ourselves.
    std::erase_if(out.verdict.edits.prepend, [](const MessageEdits::Field& field) { return iequals(field.name, "Received"); });
  }
  out.verdict.action = out.passes ? FilterVerdict::Action::Pass : FilterVerdict::Action::Discard;
  // By place, not by text: an address can be written in more ways than one, and whom the MTA keeps would get the other copy as well.
  const auto& recipients = arrival.envelope.recipients;
  const std::set<std::string> passed(split.passed.begin(), split.passed.end());
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    if (!passed.contains(address_of(recipients[i].path, m_parts.config.server.hostname))) out.verdict.remove.push_back(i);
  }
  out.processed.submission.variants = std::move(split.ours);
  POSTERN_CHECK(m_parts.spool.seal(out.processed.submission.message, out.processed.submission.variants));
  return out;
}

io::Task<Result<Intake::Filtering>> Intake::prepare_once(const Arrival& arrival, bool questions) {
  if (may_be_done_here(arrival)) co_return prepare(arrival, questions);
  auto job = [this, &arrival, questions] { return prepare(arrival, questions); };
  co_return co_await m_parts.workers.run(std::move(job));
}

io::Task<FilterVerdict> Intake::filter(Arrival arrival) {
  if (arrival.road.trusted && m_parts.tenants.refuses(domain_of(address_of(arrival.envelope.from)))) co_return refuse(arrival, kShredded);
  if (const auto refusal = co_await judged(arrival)) {
    FilterVerdict out;
    out.reply = *refusal;
    co_return out;
  }
  auto prepared = co_await prepare_once(arrival, true);
  if (prepared && !prepared->processed.questions.empty()) {
    co_await m_parts.revocations.find_out(std::move(prepared->processed.questions));
    prepared = co_await prepare_once(arrival, false);
  }
  if (!prepared) {
    const bool split = prepared.error().field == "split";
    co_return refuse(arrival, split ? smtp::Reply{451, {4, 3, 5}, prepared.error().what} : Pipeline::reply_for(prepared.error()));
  }
  if (!prepared->processed.any_accepted()) co_return refuse(arrival, prepared->processed.replies.front());
  const Status safe = co_await commit(std::move(prepared->processed.submission), arrival.lone);
  if (!safe) co_return refuse(arrival, Pipeline::reply_for(safe.error()));
  note(arrival, {250, {2, 0, 0}, {}});
  log::info("message.filtered", {{"id", arrival.id.get()},
                                 {"door", arrival.road.door},
                                 {"peer", arrival.road.address},
                                 {"passes", prepared->passes},
                                 {"kept", prepared->verdict.remove.size()}});
  co_return std::move(prepared->verdict);
}

void Intake::note(const Arrival& arrival, const smtp::Reply& reply) {
  if (reply.positive()) {
    ++m_stats.accepted;
    m_stats.accepted_bytes += arrival.content.size();
  } else {
    ++(reply.transient() ? m_stats.deferred : m_stats.refused);
  }
}

}  // namespace postern::gateway
