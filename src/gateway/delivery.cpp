// The courier's ways out.
#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "gateway/courier_impl.hpp"
#include "gateway/envelope.hpp"
#include "gateway/file_sink.hpp"
#include "io/device.hpp"
#include "io/mx.hpp"
#include "mime/writer.hpp"
#include "reports/report_mail.hpp"

namespace postern::gateway {
namespace {

constexpr std::uint16_t kSmtpPort = 25;
constexpr auto kRefusedPause = std::chrono::seconds(10);

std::vector<Fate> same_fate(std::size_t count, const smtp::Reply& reply, bool from_peer) {
  Fate fate;
  fate.reply = reply;
  fate.delivery = reply.permanent() ? smtp::Delivery::PermanentFailure : smtp::Delivery::TemporaryFailure;
  fate.from_peer = from_peer;
  return std::vector<Fate>(count, fate);
}

std::vector<Fate> delivered_here(std::size_t count, const char* text) {
  Fate fate;
  fate.reply = {250, {2, 0, 0}, text};
  fate.delivery = smtp::Delivery::Accepted;
  fate.final_delivery = true;
  return std::vector<Fate>(count, fate);
}

/// What DNS said, as the reply an SMTP client would understand (io/mx.hpp lists the fields).
smtp::Reply reply_of(const Error& error) {
  if (error.field == "null_mx") return {556, {5, 1, 10}, error.what};
  if (error.field == "mx_hosts") return {550, {5, 4, 4}, error.what};
  if (error.field == "mail_loop") return {554, {5, 4, 6}, error.what};
  if (error.field == "domain") return {550, {5, 1, 2}, error.what};
  return {451, {4, 4, 3}, error.text()};
}

/// The interface that the route must leave by, as it is now.
Status check_road(const Route& route) {
  if (route.settings.interface.empty()) return {};
  const auto device = io::usable_device(route.settings.interface);
  if (device) return {};
  return fail(Error{device.error().code, device.error().what + "; the mail waits, it takes no other road", {}});
}

/// What the copy needs: sealing made it 7bit, or it came as binary and may be less.
smtp::BodyType body_of(const QueueItem& item) {
  if (item.envelope->body != BodyType::BinaryMime) return static_cast<smtp::BodyType>(item.envelope->body);
  if (is_7bit(*item.content)) return smtp::BodyType::SevenBit;
  const bool lines = has_only_crlf(*item.content) && item.content->find('\0') == std::string::npos;
  return lines ? smtp::BodyType::EightBitMime : smtp::BodyType::BinaryMime;
}

Result<smtp::OutgoingMessage> outgoing(const QueueItem& item) {
  smtp::OutgoingMessage out;
  POSTERN_TRY(out.from, reverse_path_of(*item.envelope));
  out.parameters = mail_parameters_of(*item.envelope);
  out.parameters.body = body_of(item);
  out.content = *item.content;
  for (const auto& recipient : item.recipients) {
    POSTERN_TRY(auto to, to_smtp(recipient, item.envelope->smtputf8));
    out.recipients.push_back(std::move(to));
  }
  return out;
}

bool is_tls_optional(const QueueItem& item) {
  if (item.envelope->requiretls) return false;
  const auto view = MessageView::parse(*item.content);
  const HeaderField* field = view ? view->find("TLS-Required") : nullptr;
  return field != nullptr && iequals(trim(field->unfolded()), "No");
}

std::vector<Fate> fates_of(const smtp::TransactionDone& done) {
  std::vector<Fate> out;
  for (const auto& result : done.results) {
    Fate fate;
    fate.reply = result.reply;
    fate.delivery = result.delivery;
    fate.from_peer = result.cause == smtp::LocalCause::None;
    fate.dsn_passed = done.dsn_passed;
    out.push_back(std::move(fate));
  }
  return out;
}

/// Somebody still waits, and surely nobody has got it: only then may it be sent again at once (RFC 1047, RFC 5321 6.1).
bool surely_undelivered(const smtp::TransactionDone& done) {
  const auto is = [](smtp::Delivery fate) { return [fate](const smtp::RecipientResult& r) { return r.delivery == fate; }; };
  return std::any_of(done.results.begin(), done.results.end(), is(smtp::Delivery::TemporaryFailure)) &&
         std::none_of(done.results.begin(), done.results.end(), is(smtp::Delivery::Accepted)) &&
         std::none_of(done.results.begin(), done.results.end(), [](const smtp::RecipientResult& r) { return r.maybe_delivered; });
}

/// What a bounce says: the refusal of policy, or that nobody released what it held.
std::string refusal_of(const QueueItem& item) {
  return item.seal == "held" ? "was held for review, and nobody released it in time" : item.seal;
}

}  // namespace

io::Task<void> Courier::Impl::deliver(Destination& d, Work work, std::unique_ptr<SmtpSender>& connection) {
  const auto item = co_await loaded(work);
  if (!item) co_return;
  ++stats.attempts;
  if (!item->unfinished.empty()) {
    log::warn("courier.not_signed", {{"id", item->message.get()}, {"reason", item->unfinished}});
    const smtp::Reply why{451, {4, 7, 5}, "the message could not be signed; the log has the reason"};
    co_return report(*item, same_fate(item->recipients.size(), why, false));
  }
  if (!item->content)  // one too large for memory came here by a route that was changed; nobody shall lose it
    co_return report(*item,
                     same_fate(item->recipients.size(), {451, {4, 3, 5}, "a message taken in pieces cannot leave by " + d.route}, false));
  if (d.route == kBounceRoute) co_return report(*item, same_fate(item->recipients.size(), {550, {5, 7, 1}, refusal_of(*item)}, false));
  if (d.route == kPolicyRoute) co_return co_await decide_again(item, Override::None);
  if (d.route == kPolicyClearRoute) co_return co_await decide_again(item, Override::SendInClear);
  // Cannot be after a start (RouteTable::requeue_id). Recipients of one item may have domains that go different ways: none is guessed here.
  if (d.settings == nullptr)
    co_return report(*item, same_fate(item->recipients.size(), {451, {4, 3, 5}, "the configuration has no route " + d.route}, false));
  const Route& route = *d.settings;
  switch (route.via) {
    case Via::Mailbox: into_mailbox(*item); co_return;
    case Via::File: co_return co_await into_folder(item, route);
    case Via::Mx:
    case Via::Smtp:
    case Via::Lmtp: co_return co_await over_network(d, item, route, connection);
  }
}

/// Null: there is nothing to do for this work now. NotFound: an operator removed it. IntegrityFailed: quarantined and audited by the spool.
io::Task<std::shared_ptr<const QueueItem>> Courier::Impl::loaded(Work& work) {
  if (work.loaded && !work.loaded->late) co_return work.loaded;
  if (auto content = work.loaded ? work.loaded->late->get() : nullptr) {
    auto whole = std::make_shared<QueueItem>(*work.loaded);
    whole->content = std::move(content);
    whole->finished = true;
    co_return whole;
  }
  auto job = [spool = &parts.spool, work] { return spool->load(work); };
  auto item = co_await parts.workers.run(std::move(job));
  if (item) co_return std::make_shared<const QueueItem>(*std::move(item));
  const ErrorCode code = item.error().code;
  if (code != ErrorCode::NotFound && code != ErrorCode::IntegrityFailed) {
    log::warn("courier.load_failed", {{"route", work.route}, {"reason", item.error()}});
    parts.spool.give_back(std::move(work), std::chrono::seconds(1));
  }
  co_return nullptr;
}

void Courier::Impl::into_mailbox(const QueueItem& item) {
  DeliveryReport out = make_report(item, delivered_here(item.recipients.size(), "kept in the mailbox"), "", "", context());
  std::vector<MailboxAddition> additions;
  for (const auto& r : item.recipients) additions.push_back({to_lower(r.address), item.envelope->reverse_path, parts.clock.now(), "{}"});
  if (item.finished)  // by way of a route that was changed; a mailbox keeps what is stored
    out.follow_ups.push_back(copy_for(item, std::move(additions)));
  else
    out.mailboxes = std::move(additions);
  send_report(std::move(out), item.storage_key);
}

/// The item's content as a message of its own.
Submission Courier::Impl::copy_for(const QueueItem& item, std::vector<MailboxAddition> owners) const {
  Submission out;
  out.message = make_message_id(parts.clock.now(), parts.random);
  out.envelope = *item.envelope;
  Variant copy;
  copy.content = *item.content;
  copy.seal = item.seal;
  copy.mailboxes = std::move(owners);
  copy.storage_key = item.storage_key;
  out.variants.push_back(std::move(copy));
  return out;
}

io::Task<void> Courier::Impl::into_folder(std::shared_ptr<const QueueItem> item, const Route& route) {
  const std::size_t count = item->recipients.size();
  auto job = [item, directory = route.directory]() -> Result<bool> {
    POSTERN_CHECK(write_to_folder(directory, *item));
    return true;
  };
  const auto written = co_await parts.workers.run(std::move(job));
  if (written) co_return report(*item, delivered_here(count, "written to the folder"));
  report(*item, same_fate(count, {451, {4, 3, 0}, written.error().text()}, false));
}

/// An operator released a held message: policy decides again, with today's certificates. What goes on is a new submission, made in the same
/// transaction that finishes the old one.
io::Task<void> Courier::Impl::decide_again(std::shared_ptr<const QueueItem> item, Override how) {
  auto again = co_await decide_once(item, how, true);
  if (again && !again->questions.empty()) {  // about signers, as for what arrives
    co_await parts.revocations.find_out(std::move(again->questions));
    again = co_await decide_once(item, how, false);
  }
  if (!again) co_return report(*item, same_fate(item->recipients.size(), Pipeline::reply_for(again.error()), false));
  DeliveryReport out;
  out.item = item->item;
  out.message = item->message;
  auto& variants = again->submission.variants;
  out.results = released_results(*item, again->submission);
  variants.erase(std::remove_if(variants.begin(), variants.end(), [](const Variant& v) { return v.seal == "held"; }), variants.end());
  for (RecipientResult& result : out.results) result.route = kPolicyRoute;  // an order to send in clear is good for one time
  if (!variants.empty())
    out.follow_ups.push_back(std::move(again->submission));
  else
    out.audit = std::move(again->submission.audit);
  send_report(std::move(out), item->storage_key);
}

io::Task<Result<Processed>> Courier::Impl::decide_once(std::shared_ptr<const QueueItem> item, Override how, bool questions) {
  auto job = [pipeline = &parts.pipeline, item = std::move(item), how, questions] { return pipeline->reprocess(*item, how, questions); };
  co_return co_await parts.workers.run(std::move(job));
}

io::Task<void> Courier::Impl::over_network(Destination& d, std::shared_ptr<const QueueItem> item, const Route& route,
                                           std::unique_ptr<SmtpSender>& connection) {
  if (connection && !connection->still_good()) connection.reset();
  const bool reused = connection != nullptr;
  Attempt last = co_await attempt(d, item, route, connection);
  if (reused && last.lost) {
    // A connection that was kept open may have died unseen: that says nothing about the host, and costs the message no delay.
    connection.reset();
    last = co_await attempt(d, item, route, connection);
  }
  report(*item, last.fates, connection ? connection->host() : std::string(), connection ? connection->road() : std::string());
  if (connection && connection->lenient()) {  // not for the next message
    co_await connection->quit();
    connection.reset();
  }
}

io::Task<Attempt> Courier::Impl::attempt(Destination& d, std::shared_ptr<const QueueItem> item, const Route& route,
                                         std::unique_ptr<SmtpSender>& connection) {
  const std::size_t count = item->recipients.size();
  if (!connection) {
    auto connected = co_await connect(d, route, Demands::All, counting_of(*item), connection);
    if (!connected && connected.error().tls_failed && is_tls_optional(*item))
      connected = co_await connect(d, route, Demands::None, Counting::No, connection);
    if (!connected) co_return Attempt{same_fate(count, connected.error().reply, connected.error().from_peer), false};
  }
  // RFC 8689 4.2.1: a REQUIRETLS message goes only over a verified connection.
  if (item->envelope->requiretls && !connection->fit_for_requiretls())
    co_return Attempt{same_fate(count, {550, {5, 7, 30}, "REQUIRETLS: the next hop offers no verified TLS"}, false), false};
  auto message = outgoing(*item);
  if (!message) co_return Attempt{same_fate(count, {554, {5, 6, 0}, message.error().text()}, false), false};
  const auto done = co_await connection->send(*std::move(message));
  co_return Attempt{fates_of(done), !connection->ready() && surely_undelivered(done)};
}

/// RFC 8460 3: a session that brings a TLS report is not in the next one, or reports would cause reports for ever. Those of DMARC reports
/// are sessions as any other.
Counting Courier::Impl::counting_of(const QueueItem& item) const {
  const auto& from = parts.config.reports.from;
  if (from.empty() || !iequals(item.envelope->reverse_path, from)) return Counting::Yes;
  const auto view = MessageView::parse(*item.content);
  return view && is_tls_report_of(*view, parts.config.server.hostname) ? Counting::No : Counting::Yes;
}

io::Task<tl::expected<void, HopFailure>> Courier::Impl::connect(Destination& d, const Route& route, Demands demands, Counting counting,
                                                                std::unique_ptr<SmtpSender>& connection) {
  const SteadyTime now = parts.clock.steady();
  if (d.failure && demands == Demands::All && now - d.failed_at < d.failure_took) co_return tl::unexpected(*d.failure);
  if (d.failure && d.failure->refuses_us) d.failed_at = now;  // one tries, for all
  // Before anybody is asked for the host: DNS answers by other roads. What happens after this look, dial() sees.
  if (const Status road = check_road(route); !road) {
    connection.reset();
    co_return tl::unexpected(HopFailure{{451, {4, 4, 1}, road.error().text()}, false, false});
  }
  const std::string domain = route.via == Via::Mx ? routing_domain(d.domain) : std::string();
  auto hosts = co_await hosts_of(domain, route);
  if (!hosts) co_return tl::unexpected(std::move(hosts).error());
  const StsAnswer sts = co_await trust.policy_of(route, domain);
  HopFailure last{{451, {4, 4, 1}, "no host to connect to"}, false, false};
  for (const Candidate& candidate : *hosts) {
    HopHost host{candidate.mx.name, io::endpoints_of(candidate.mx, candidate.port), {}};
    host.trust = co_await trust.of(route, route.via == Via::Mx ? domain : route.host, candidate, sts, demands == Demands::None);
    std::optional<TlsSession> kind;
    if (counting == Counting::Yes && route.via == Via::Mx && host.trust.plan.proof != HopProof::Clear)
      kind = session_kind(domain, host.trust, sts, host.name);
    auto connected = co_await connect_to(host, route, std::move(kind), connection);
    if (connected) {
      d.failure.reset();
      note_refusal(d.route, nullptr);
      co_return connected;
    }
    ++stats.connect_failures;
    last = std::move(connected).error();
    log::info("courier.connect_failed", {{"route", d.route}, {"host", host.name}, {"reason", last.reply.text()}});
    if (last.from_peer && last.reply.permanent()) break;  // RFC 5321 4.2.5: the host knows us and says no
  }
  connection.reset();
  d.failed_at = parts.clock.steady();
  d.failure_took = d.failed_at - now;
  // One refused login speaks for the whole queue; a smarthost locks accounts that try on.
  if (last.refuses_us) d.failure_took = std::max<SteadyTime::duration>(d.failure_took, kRefusedPause);
  if (last.refuses_us) note_refusal(d.route, &last);
  d.failure = last;
  co_return tl::unexpected(std::move(last));
}

/// The domain's mail exchangers, or the host that the route names. `domain` is that of routing_domain(), empty for the latter.
io::Task<tl::expected<std::vector<Candidate>, HopFailure>> Courier::Impl::hosts_of(const std::string& domain, const Route& route) {
  std::vector<Candidate> out;
  if (route.via != Via::Mx) {
    auto host = co_await io::resolve_host(parts.resolver, route.host, {});
    if (!host) co_return tl::unexpected(HopFailure{{451, {4, 4, 3}, host.error().text()}, false, false});
    out.push_back({*std::move(host), route.port, true});
    out.back().mx.name = route.host;  // as the operator wrote it, in certificates too
    co_return out;
  }
  // RFC 5890: what has no A-labels is no name in the DNS, and will be none tomorrow.
  if (!is_ascii(domain))
    co_return tl::unexpected(
        HopFailure{{550, {5, 1, 2}, "the domain " + domain + " has no form for the DNS; write it with xn-- labels"}, false, false});
  io::MxOptions options;
  options.own_names = {parts.config.server.hostname};
  auto answer = co_await io::resolve_mx(parts.resolver, domain, options, parts.random);
  if (!answer) co_return tl::unexpected(HopFailure{reply_of(answer.error()), false, false});
  for (auto& host : answer->hosts) out.push_back({std::move(host), kSmtpPort, answer->secure});
  co_return out;
}

/// `kind`: how its session is counted for TLS reports, if at all.
io::Task<tl::expected<void, HopFailure>> Courier::Impl::connect_to(HopHost host, const Route& route, std::optional<TlsSession> kind,
                                                                   std::unique_ptr<SmtpSender>& connection) {
  const auto options = hops.find(route);
  if (!host.trust.plan.refusal.empty()) {
    if (kind) parts.note_session(*std::move(kind));
    co_return tl::unexpected(HopFailure{{451, {4, 7, 5}, host.trust.plan.refusal}, true, false});
  }
  const bool must_have_tls = host.trust.plan.needs_tls();
  ++stats.connections;
  connection = std::make_unique<SmtpSender>(options, parts.revocations, parts.random, parts.clock);
  auto connected = co_await connection->connect(host, true);
  if (kind) note_session(*std::move(kind), host, *connection, !connected);
  if (connected || !connected.error().tls_failed) co_return connected;
  ++stats.tls_failures;
  // RFC 7435: opportunistic means that mail goes on when TLS does not work; every other proof means that it does not.
  if (must_have_tls) co_return connected;
  log::warn(
      "courier.tls_given_up",
      {{"route", route.id}, {"host", host.name}, {"reason", connected.error().reply.text()}, {"effect", "the mail goes out in clear"}});
  connection = std::make_unique<SmtpSender>(options, parts.revocations, parts.random, parts.clock);
  co_return co_await connection->connect(std::move(host), false);
}

/// A session in which TLS was never reached says nothing about it (RFC 8460 4.3 counts what was negotiated).
void Courier::Impl::note_session(TlsSession kind, const HopHost& host, const SmtpSender& connection, bool failed) const {
  const bool unlisted = host.trust.plan.sts_testing && kind.policy_type == "sts" && !host.trust.listed;
  if (!connection.tls_result().empty()) {
    kind.result_type = connection.tls_result();
    kind.reason = printable(connection.tls_reason(), 200);
  } else if (failed) {
    return;
  } else if (unlisted) {
    kind.result_type = "validation-failure";
    kind.reason = "the policy does not name this host";
  }
  // RFC 8460 4.4: a success needs no address; without it equal sessions are one row.
  if (kind.result_type.empty()) {
    kind.mx.clear();
  } else {
    kind.ip = connection.peer().ip.text();
    if (connection.local()) kind.local_ip = connection.local()->ip.text();  // sending-mta-ip
  }
  parts.note_session(std::move(kind));
}

/// Remembered for status and logged once; without a failure: it works again.
void Courier::Impl::note_refusal(const std::string& route, const HopFailure* failure) {
  const std::lock_guard lock(refusals_mutex);
  if (failure == nullptr) {
    if (refusals.erase(route) > 0) log::info("courier.accepted_again", {{"route", route}});
  } else if (refusals.insert_or_assign(route, failure->reply.text()).second) {
    log::warn("courier.refused", {{"route", route}, {"reason", failure->reply.text()}});
  }
}

OutcomeContext Courier::Impl::context() const {
  return {parts.config.server.hostname, schedule, parts.config.queue.delay_notice, parts.clock.now(), parts.random};
}

void Courier::Impl::report(const QueueItem& item, const std::vector<Fate>& fates, const std::string& host, const std::string& road) {
  send_report(make_report(item, fates, host, road, context()), item.storage_key);
}

/// `about`: what the item it is about is kept under.
void Courier::Impl::send_report(DeliveryReport out, const KeyName& about) {
  for (auto& follow_up : out.follow_ups) route_report(follow_up, about);
  // Of a tenant that was shredded meanwhile nothing more is written, and its outcome must not wait for a key that never comes back.
  const auto is_destroyed = [&](const Variant& v) {
    const Tenants* tenants = parts.pipeline.parts().tenants;
    return tenants != nullptr && tenants->is_destroyed(v.storage_key);
  };
  std::erase_if(out.follow_ups, [&](const Submission& s) { return std::any_of(s.variants.begin(), s.variants.end(), is_destroyed); });
  parts.spool.report(std::move(out));
}

/// Whose a report is: its reader's if he is one of ours, else that of the people whose message it quotes.
KeyName Courier::Impl::storage_key_of_report(std::string_view domain, const KeyName& about) const {
  const Tenants* tenants = parts.pipeline.parts().tenants;
  if (tenants == nullptr) return about;
  return parts.routes.is_local(domain) ? tenants->storage_key(domain, true, {}) : about;
}

/// A bounce written by make_report() has an address and no route yet.
void Courier::Impl::route_report(Submission& submission, const KeyName& about) const {
  for (auto& variant : submission.variants) {
    for (auto& recipient : variant.recipients) {
      if (!recipient.route.empty()) continue;
      const std::string_view domain = domain_of(recipient.address);
      recipient.route = parts.routes.queue_id(domain);
      variant.storage_key = storage_key_of_report(domain, about);
      if (parts.routes.find(domain).via == Via::Mailbox)
        variant.content.insert(0, "Return-Path: <>\r\n");  // RFC 5321 4.4: at final delivery
    }
  }
}

}  // namespace postern::gateway
