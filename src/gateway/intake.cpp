#include "gateway/intake.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "io/sync.hpp"

namespace postern::gateway {
namespace {

/// What a lone session's own thread signs and seals, rather than handing it to a worker and waiting for both to wake up.
constexpr std::size_t kSmall = 64U * 1024;

/// Without case, and with xn-- and U-labels as one domain.
bool is_same_mailbox(std::string_view a, std::string_view b) {
  if (iequals(a, b)) return true;
  const std::string_view a_domain = domain_of(a), b_domain = domain_of(b);
  return iequals(a.substr(0, a.size() - a_domain.size()), b.substr(0, b.size() - b_domain.size())) &&
         routing_domain(a_domain) == routing_domain(b_domain);
}

const smtp::Reply kShredded{550, {5, 7, 1}, "mail of this domain is not taken here any more"};
const smtp::Reply kBusy{452, {4, 3, 1}, "too many messages are being taken right now; try again in a moment"};

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

/// What can be done before the writer is asked is done on the same thread: encryption at rest included.
Result<Processed> Intake::process_and_seal(const Arrival& arrival, bool split) const {
  POSTERN_TRY(auto out, m_parts.pipeline.process(arrival, split));
  POSTERN_CHECK(m_parts.spool.seal(out.submission.message, out.submission.variants));
  return out;
}

io::Task<Result<Processed>> Intake::process(const Arrival& arrival, bool split) {
  const bool here = !m_parts.pipeline.needs_worker(arrival) || (arrival.lone && arrival.content.size() <= kSmall);
  if (here) co_return process_and_seal(arrival, split);
  auto job = [this, &arrival, split] { return process_and_seal(arrival, split); };
  co_return co_await m_parts.workers.run(std::move(job));
}

io::Task<std::vector<smtp::Reply>> Intake::take(Arrival arrival) {
  const std::size_t count = arrival.envelope.recipients.size();
  const bool lone = arrival.lone;
  smtp::ContentShare held(m_parts.budget);
  if (!arrival.counted && !held.grow_to(arrival.content.size())) {
    note(arrival, kBusy);
    co_return std::vector<smtp::Reply>(count, kBusy);
  }
  if (m_parts.judge.judges(arrival.road)) {
    arrival.judgement = co_await m_parts.judge.judge(arrival);
    if (arrival.judgement && arrival.judgement->refusal) {
      log::info("message.refused", {{"id", arrival.id.get()},
                                    {"door", arrival.road.door},
                                    {"peer", arrival.road.address},
                                    {"reason", arrival.judgement->refusal->text()}});
      note(arrival, *arrival.judgement->refusal);
      co_return std::vector<smtp::Reply>(count, *arrival.judgement->refusal);
    }
  }
  const bool split = count == 1 || arrival.road.protocol.find("LMTP") != std::string::npos;
  auto processed = co_await process(arrival, split);
  if (!processed) {
    const smtp::Reply reply = Pipeline::reply_for(processed.error());
    log::info("message.refused",
              {{"id", arrival.id.get()}, {"door", arrival.road.door}, {"peer", arrival.road.address}, {"reason", processed.error()}});
    note(arrival, reply);
    co_return std::vector<smtp::Reply>(count, reply);
  }
  auto replies = std::move(processed->replies);
  if (std::none_of(replies.begin(), replies.end(), [](const auto& r) { return r.code == 0; })) {
    note(arrival, replies.front());
    co_return replies;
  }
  io::OneShot<Status> committed(co_await io::this_executor());
  if (lone)
    m_parts.spool.enqueue_and_help(std::move(processed->submission), committed.setter());
  else
    m_parts.spool.enqueue(std::move(processed->submission), committed.setter());
  const Status safe = co_await committed.wait();
  const smtp::Reply done = safe ? smtp::Reply{250, {2, 0, 0}, "accepted as " + arrival.id.get()} : Pipeline::reply_for(safe.error());
  if (!safe) log::warn("message.not_stored", {{"id", arrival.id.get()}, {"reason", safe.error()}});
  note(arrival, done);
  for (auto& reply : replies) {
    if (reply.code == 0) reply = done;
  }
  // A plain SMTP transaction has one answer: that of the recipients who were accepted.
  if (!split) std::fill(replies.begin(), replies.end(), done);
  co_return replies;
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
