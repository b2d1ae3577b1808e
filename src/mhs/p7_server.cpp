#include "mhs/p7_server.hpp"

#include "base/log.hpp"
#include "base/text.hpp"
#include "mhs/rose_caller.hpp"
#include "mhs/user_administration.hpp"
#include "mhs/user_proof.hpp"
#include "ms/store_session.hpp"
#include "oraddress/or_text.hpp"
#include "osi/oids.hpp"

namespace postern::mhs {
namespace {

constexpr auto kAlertTime = std::chrono::seconds(30);

/// The store's reply as one of ROSE.
struct ToReply {
  RoseReply operator()(asn1::Any& result) const { return std::move(result); }
  RoseReply operator()(ms::OperationError& error) const {
    if (!error.why.empty()) log::info("x400.ms_error", {{"reason", error.why}});
    ms::ErrorReply reply = ms::reply_of(error);
    return RoseFault{reply.code, std::move(reply.parameter)};
  }
  RoseReply operator()(ms::Reply::Rejected& rejected) const {
    log::info("x400.ms_rejected", {{"reason", rejected.text}});
    return rejected.why == ms::Reply::Rejected::Why::MistypedArgument ? osi::InvokeProblem::MistypedArgument
                                                                      : osi::InvokeProblem::UnrecognizedOperation;
  }
};
RoseReply reply_of_store(Result<ms::Reply> reply) {
  if (reply) return std::visit(ToReply(), reply->value);
  log::info("x400.ms_busy", {{"reason", reply.error()}});
  return osi::InvokeProblem::ResourceLimitation;
}

/// What came of a bind: the store that is open, or what the user is told and the reason for our log.
struct Admitted {
  ms::MSBindResult result;
  OpenStore store;
};
struct Refused {
  ms::MSBindError error;
  std::string why;
};
using Verdict = tl::expected<Admitted, Refused>;

Verdict refused(ms::BindProblem problem, std::string why) { return tl::unexpected<Refused>(Refused{{problem}, std::move(why)}); }

/// A store is called by the name of its user (X.413), or by that of the MTA it stands beside.
std::vector<mts::TokenName> names_of_store(const P7Parts& parts, const mts::ORName& user) {
  return {mts::TokenName{user}, token_name_of(parts.gate.mta)};
}

/// On a worker.
Result<Verdict> judge(const P7Parts& parts, const ms::MSBindArgument& argument) {
  mts::ResponderCredentials ours;
  const ms::CheckUser check = [&](const mts::ORName& name, const mts::Credentials& shown) -> Status {
    POSTERN_TRY(ours, judge_user(parts.gate, name, shown, names_of_store(parts, name)));
    return {};
  };
  ms::BindAnswer answer = ms::judge_bind(argument, check, ms::Offer());
  if (auto* error = std::get_if<ms::MSBindError>(&answer.value)) return Verdict(tl::unexpected<Refused>(Refused{*error, answer.why}));
  auto store = parts.stores.open(argument.initiator_name);
  if (!store) return refused(ms::BindProblem::UnableToEstablishAssociation, "no mailbox: " + store.error().text());
  auto& result = std::get<ms::MSBindResult>(answer.value);
  result.responder_credentials = std::move(ours);
  return Verdict(Admitted{std::move(result), *std::move(store)});
}

void settle_store(PasswordGuesses::Attempt attempt, const Verdict& verdict) {
  if (verdict) return attempt.succeeded();
  const auto* problem = std::get_if<ms::BindProblem>(&verdict.error().error.value);
  if (problem != nullptr && *problem == ms::BindProblem::AuthenticationError) attempt.failed();
}

class P7Session {
 public:
  P7Session(P7Parts& parts, Wire& wire, bool with_tags)
      : m_parts(parts),
        m_wire(wire),
        m_with_tags(with_tags),
        m_rose(wire, &m_table),
        m_submission(parts.mts, m_user),
        m_administration(parts.gate, m_user) {}

  io::Task<void> run(osi::AssociationRequested requested) {
    auto refusal = co_await bind(std::move(requested));
    if (refusal) refuse(*std::move(refusal));
    RoseCaller::Serving serving;
    serving.idle = m_parts.idle;
    if (m_session) {
      serving.every = m_parts.look_for_news;
      serving.meanwhile = [this] { return alert(); };
    }
    const std::string end = co_await m_rose.serve(std::move(serving));
    if (m_session) log::info("x400.user_gone", {{"user", m_user.text}, {"protocol", "p7"}, {"reason", end}});
  }

 private:
  // ---- bind
  io::Task<std::optional<Refused>> bind(osi::AssociationRequested requested) {
    using ms::BindProblem;
    const auto* open = std::get_if<asn1::Any>(&requested.data.value);
    if (open == nullptr) co_return refused(BindProblem::AuthenticationError, "recovery of a session connection without a bind").error();
    auto argument = asn1::from_any<ms::MSBindArgument>(untagged(*open, RoseTag::BindInvoke));
    if (!argument) co_return refused(BindProblem::AuthenticationError, "no bind of P7: " + argument.error().text()).error();
    m_user = {argument->initiator_name, printable(oraddress::write(argument->initiator_name))};
    if (m_parts.gate.tls_required && !m_wire.stream().is_tls())
      co_return refused(BindProblem::InadequateAssociationConfidentiality, m_user.text + " must come by TLS").error();
    auto attempt =
        co_await begin_attempt(m_parts.gate, argument->initiator_name, argument->initiator_credentials, road_of(m_wire.stream()));
    if (!attempt) {
      const bool busy = attempt.error().error == mts::BindError::Busy;
      co_return refused(busy ? BindProblem::UnableToEstablishAssociation : BindProblem::AuthenticationError, attempt.error().why).error();
    }
    auto job = [&parts = m_parts, argument = *argument] { return judge(parts, argument); };
    auto verdict = co_await m_parts.gate.workers.run(std::move(job));
    if (*attempt && verdict) settle_store(**std::move(attempt), *verdict);
    if (!verdict) co_return refused(BindProblem::UnableToEstablishAssociation, verdict.error().text()).error();
    if (!*verdict) co_return Refused{verdict->error().error, m_user.text + " " + verdict->error().why};
    co_return accept(**std::move(verdict), std::move(argument->fetch_restrictions));
  }
  std::optional<Refused> accept(Admitted admitted, std::optional<ms::Restrictions> restrictions) {
    auto value = asn1::to_any(admitted.result);
    if (!value) return refused(ms::BindProblem::UnableToEstablishAssociation, value.error().text()).error();
    osi::AssociationAccept answer;
    answer.data.value = m_with_tags ? tagged(*value, RoseTag::BindResult) : *std::move(value);
    if (const Status accepted = m_wire->accept(std::move(answer)); !accepted)
      return refused(ms::BindProblem::UnableToEstablishAssociation, accepted.error().text()).error();
    m_wire->allow(m_parts.gate.apdu_octets);
    open(std::move(admitted.store), std::move(restrictions));
    ++m_parts.stats.associations;
    log::info("x400.user_bound", {{"user", m_user.text}, {"protocol", "p7"}, {"address", m_wire.stream().peer().text()}});
    return std::nullopt;
  }
  void open(OpenStore store, std::optional<ms::Restrictions> restrictions) {
    m_store = std::move(store);
    m_seen = m_store.deliveries();
    ms::SessionOptions options;
    options.fetch_restrictions = std::move(restrictions);
    options.change_password = [this](const mts::Password& before, const mts::Password& after) { return change_password(before, after); };
    m_session = std::make_unique<ms::StoreSession>(*m_store.mailbox, std::move(options));
    add_operations();
  }
  void refuse(Refused refusal) {
    ++m_parts.stats.binds_refused;
    log::warn("x400.bind_refused", {{"peer", m_wire.stream().peer().text()}, {"protocol", "p7"}, {"reason", refusal.why}});
    osi::AssociationRefusal answer;
    if (auto error = asn1::to_any(refusal.error)) answer.user_data = m_with_tags ? tagged(*error, RoseTag::BindError) : *std::move(error);
    static_cast<void>(m_wire->refuse(std::move(answer)));
  }

  // ---- operations
  void add_operations() {
    m_submission.add_to(m_table);
    m_table.on<ms::MSMessageSubmissionArgument>(osi::oid::as_msse(), static_cast<std::int64_t>(ms::Operation::MessageSubmission),
                                                [this](auto argument) { return submit(std::move(argument)); });
    m_administration.add_to(m_table);
    constexpr ms::Operation retrieval[] = {ms::Operation::Summarize, ms::Operation::List,       ms::Operation::Fetch,
                                           ms::Operation::Delete,    ms::Operation::RegisterMS, ms::Operation::Modify};
    for (const ms::Operation each : retrieval) {
      const auto code = static_cast<std::int64_t>(each);
      m_table.add(osi::oid::as_mrse(), code, [this, code](const asn1::Any& argument) { return retrieve(code, argument); });
    }
  }
  io::Task<RoseReply> retrieve(std::int64_t code, asn1::Any argument) {
    auto job = [session = m_session.get(), code, argument = std::move(argument)] { return session->invoke(code, argument); };
    co_return reply_of_store(co_await m_parts.gate.workers.run(std::move(job)));
  }
  /// X.413 9.1: the store may put an entry of the mailbox into the message before it goes to the MTS.
  io::Task<RoseReply> submit(ms::MSMessageSubmissionArgument argument) {
    using Prepared = ms::Answer<mts::MessageSubmissionArgument>;
    auto job = [session = m_session.get(), argument = std::move(argument)]() -> Result<Prepared> { return session->prepare(argument); };
    auto prepared = co_await m_parts.gate.workers.run(std::move(job));
    if (!prepared) co_return submission_fault(prepared.error());
    if (!*prepared) co_return ToReply()(prepared->error());
    co_return co_await m_submission.submit(**std::move(prepared));
  }
  /// In register-MS, on a worker.
  Result<ms::PasswordVerdict> change_password(const mts::Password& before, const mts::Password& after) {
    const Status changed = m_parts.gate.users.change_password(m_user.address, before.octets(), after.octets());
    if (changed) return ms::PasswordVerdict::Changed;
    if (changed.error().code == ErrorCode::Denied) return ms::PasswordVerdict::OldIsWrong;
    if (changed.error().code == ErrorCode::BadInput) return ms::PasswordVerdict::NewIsUnacceptable;
    return fail(changed.error());
  }

  // ---- alerts (X.413 8.7)
  io::Task<void> alert() {
    const std::uint64_t now = m_store.deliveries();
    if (now == m_seen) co_return;
    m_seen = now;
    auto look = [session = m_session.get(), &from = m_store.next]() -> Result<std::vector<ms::AlertArgument>> {
      ms::SequenceNumber last = from - 1;
      POSTERN_TRY(std::vector<ms::AlertArgument> alerts, session->alerts(from, last));
      from = last + 1;
      return alerts;
    };
    auto alerts = co_await m_parts.gate.workers.run(std::move(look));
    if (!alerts) co_return log::info("x400.no_alerts", {{"user", m_user.text}, {"reason", alerts.error()}});
    for (ms::AlertArgument& each : *alerts) {
      auto argument = asn1::to_any(each);
      if (!argument || m_wire.over()) co_return;
      const auto answered = co_await m_rose.call(osi::oid::as_mrse(), static_cast<std::int64_t>(ms::Operation::Alert), *std::move(argument),
                                                 io::deadline_in(kAlertTime));
      if (!answered) co_return log::info("x400.alert_unanswered", {{"user", m_user.text}, {"reason", answered.error()}});
    }
  }

  P7Parts& m_parts;
  Wire& m_wire;
  const bool m_with_tags;
  BoundUser m_user;
  OpenStore m_store;
  std::unique_ptr<ms::StoreSession> m_session;
  std::uint64_t m_seen = 0;
  RoseOperations m_table;
  RoseCaller m_rose;
  UserSubmission m_submission;
  UserAdministration m_administration;
};

io::Task<void> serve_p7(P7Parts& parts, Wire& wire, osi::AssociationRequested requested, bool with_tags) {
  P7Session session(parts, wire, with_tags);
  co_await session.run(std::move(requested));
}

}  // namespace

std::vector<UserService> p7_services(P7Parts& parts) {
  const auto service = [&parts](osi::AssociationService which) {
    const bool with_tags = which.profile != osi::AssociationProfile::RtseX410;  // X.219: in normal mode a bind has its tags
    return UserService{std::move(which), [&parts, with_tags](Wire& wire, osi::AssociationRequested requested) {
                         return serve_p7(parts, wire, std::move(requested), with_tags);
                       }};
  };
  return {service(osi::ms_access()), service(osi::ms_reliable_access())};
}

}  // namespace postern::mhs
