#include "gateway/smtp_sender.hpp"

#include <array>

#include "base/log.hpp"
#include "io/device.hpp"
#include "pki/verify.hpp"

namespace postern::gateway {
namespace {

constexpr std::size_t kReadBytes = 16U * 1024;
thread_local std::array<Byte, kReadBytes> t_reply_buffer;  // consumed before the next await

HopFailure ours(int code, smtp::EnhancedStatus status, std::string text, bool tls = false) {
  return {{code, status, std::move(text)}, tls, false};
}

/// RFC 8460 4.3.1
const char* tls_result_of(ChainFault fault) {
  if (fault == ChainFault::Expired) return "certificate-expired";
  return fault == ChainFault::WrongName ? "certificate-host-mismatch" : "certificate-not-trusted";
}

}  // namespace

std::string SmtpSender::road() const {
  std::string out = m_gave_up_tls ? "clear (TLS failed)" : "clear";
  if (m_stream.is_tls()) out = m_stream.info().version + (m_verified ? " verified" + m_verified_by : " unverified");
  if (!m_trust.exception.empty()) out += " (exception " + m_trust.exception + ")";
  return out;
}

smtp::ClientTls SmtpSender::tls_policy(bool allow_tls) const {
  if (!allow_tls || m_trust.plan.proof == HopProof::Clear) return smtp::ClientTls::Never;
  return m_trust.plan.needs_tls() ? smtp::ClientTls::Required : smtp::ClientTls::Opportunistic;
}

/// Who asked for it, so that a bounce says whom to talk to.
std::string SmtpSender::demand() const {
  switch (m_trust.plan.proof) {
    case HopProof::Dane: return " (demanded by the TLSA records of " + m_trust.sni + ")";
    case HopProof::MtaSts: return " (demanded by the MTA-STS policy of the recipient's domain)";
    case HopProof::Encrypted: return m_trust.exception.empty() ? " (demanded by the TLSA records of " + m_trust.sni + ")" : std::string();
    default: return {};
  }
}

io::Task<tl::expected<void, HopFailure>> SmtpSender::connect(HopHost host, bool allow_tls) {
  m_host = host.name;
  m_trust = std::move(host.trust);
  m_gave_up_tls = !allow_tls;
  io::DialOptions dialing;
  dialing.per_attempt = m_options->connect;
  dialing.device = m_options->interface;
  auto stream = co_await io::dial(std::move(host.endpoints), dialing);
  if (!stream) co_return tl::unexpected(ours(451, {4, 4, 1}, "cannot connect: " + stream.error().text()));
  m_stream = *std::move(stream);
  m_local = m_stream.local();
  auto options = std::make_shared<smtp::ClientOptions>(*m_options->smtp);
  options->tls_policy = tls_policy(allow_tls);
  m_session = std::make_unique<smtp::ClientSession>(std::move(options), m_random);
  m_session->start(m_clock.steady());
  for (;;) {
    const auto event = co_await next_event();
    if (!event) co_return tl::unexpected(ours(451, {4, 4, 2}, "the connection ended before the greeting was done"));
    if (std::holds_alternative<smtp::Ready>(*event)) {
      if (!m_stream.is_tls()) m_tls_result = "starttls-not-supported";
      co_return tl::expected<void, HopFailure>();
    }
    if (std::holds_alternative<smtp::StartTls>(*event)) {
      const Status secured = co_await secure();
      if (!secured) {
        m_stream.abort();
        if (m_tls_reason.empty()) m_tls_reason = secured.error().what;
        co_return tl::unexpected(ours(451, {4, 7, 5}, "TLS failed: " + secured.error().text() + demand(), true));
      }
      continue;
    }
    if (const auto* failed = std::get_if<smtp::Failed>(&*event)) co_return tl::unexpected(failure_of(*failed));
  }
}

/// What a smarthost says before the first MAIL is about us, not about the message: a wrong password or an unpaid bill must not bounce the
/// whole queue (RFC 4954 6: 535). An MX that turns us away has said no to the message (RFC 5321 3.1, 4.2.5).
HopFailure SmtpSender::failure_of(const smtp::Failed& failed) {
  HopFailure out{failed.reply, failed.stage == smtp::FailureStage::StartTls, failed.cause == smtp::LocalCause::None, false};
  if (!out.from_peer && out.reply.status == smtp::EnhancedStatus{4, 7, 10}) {
    m_tls_result = "starttls-not-supported";
    out.tls_failed = true;
    out.reply.lines.back() += demand();
  }
  if (!out.from_peer || !failed.permanent()) return out;
  const bool login = failed.stage == smtp::FailureStage::Auth;
  if (!login && !m_options->named_host) return out;
  out.refuses_us = true;
  out.from_peer = false;
  if (login)
    out.reply = {451, {4, 7, 8}, "login refused by " + m_host + ": " + failed.reply.text()};
  else
    out.reply = {451, {4, 3, 2}, m_host + " refuses to talk to us: " + failed.reply.text()};
  return out;
}

io::Task<Status> SmtpSender::secure() {
  if (!m_options->context) co_return fail(ErrorCode::Unavailable, "TLS is not configured for this route");
  const bool written = co_await write_output();
  if (!written) co_return fail(ErrorCode::Unavailable, "the connection broke");
  io::TlsClientOptions tls;
  tls.server_name = m_trust.sni;  // RFC 7672 8.1
  tls.check_name = false;         // check_certificate() does, and says why
  tls.verify = io::TlsClientOptions::Verify::Report;
  tls.ask_for_status = m_options->revocation != RevocationPolicy::Off;
  m_tls_result = "validation-failure";  // until it went well
  POSTERN_CO_CHECK(
      co_await m_stream.start_tls_client(m_options->context->shared(), std::move(tls), m_clock.steady() + m_options->handshake));
  auto checked = check_certificate();
  if (checked && !m_path.empty()) {
    if (const Status standing = co_await check_revocation(); !standing) checked = fail(standing.error());
  }
  m_verified = checked.has_value();
  if (checked) m_verified_by = *checked + m_verified_by;
  // A policy that is only being tested fails in the report alone (RFC 8461 5); where nothing is demanded nothing fails.
  const bool must = m_trust.plan.authenticates();
  if (checked || (!must && !m_trust.plan.sts_testing))
    m_tls_result.clear();
  else
    m_tls_reason = checked.error().what;
  if (!checked && must) co_return fail(checked.error());
  smtp::TlsInfo info;
  info.protocol = m_stream.info().version;
  info.cipher = m_stream.info().suite;
  info.verified = m_verified;
  if (auto exported = m_stream.export_key("EXPORTER-Channel-Binding", 32)) info.exporter = *std::move(exported);
  m_session->tls_started(std::move(info), m_clock.steady());
  co_return Status();
}

/// RFC 8446 leaves trust to the application: chain, dates, name (RFC 9525), pins, TLSA records. How it was verified, in words.
Result<std::string> SmtpSender::check_certificate() {
  POSTERN_TRY(const CertificateChain chain, certificates_from_der(m_stream.peer_chain()));
  if (chain.empty()) return fail(ErrorCode::Denied, "the server showed no certificate");
  if (m_trust.plan.proof == HopProof::Dane) return check_dane(chain);
  if (m_trust.plan.proof == HopProof::Pins) return check_pins(chain.front());
  POSTERN_CHECK(check_path(chain));
  return std::string(m_trust.plan.proof == HopProof::MtaSts ? " by MTA-STS" : "");
}

/// RFC 7672 3.1, 3.2: what the records say is all that counts.
Result<std::string> SmtpSender::check_dane(const std::vector<Certificate>& chain) {
  const DaneVerdict verdict = dane_check({m_trust.plan.records, chain, m_trust.names, m_clock.now()});
  if (verdict.result != DaneResult::Match || !verdict.record) {
    if (verdict.fault == ChainFault::Expired || verdict.fault == ChainFault::WrongName) m_tls_result = tls_result_of(verdict.fault);
    return fail(ErrorCode::Denied, verdict.reason);
  }
  const auto number = [](std::uint8_t n) { return std::to_string(n); };
  return " by DANE (" + number(verdict.record->usage) + " " + number(verdict.record->selector) + " " + number(verdict.record->matching) +
         ")";
}

/// A pin names the key itself; a chain adds nothing to it.
Result<std::string> SmtpSender::check_pins(const Certificate& leaf) const {
  if (m_options->pins.allows(leaf)) return std::string(" by a pin");
  return fail(ErrorCode::Denied, "the server's certificate (" + fingerprint_text(leaf.fingerprint()) + ") is not one of the pinned ones");
}

Status SmtpSender::check_path(std::span<const Certificate> chain) {
  VerifyRequest request;
  request.leaf = &chain.front();
  request.intermediates = chain.subspan(1);
  request.roots = m_options->roots;
  request.at = m_clock.now();
  request.purpose = CertificatePurpose::TlsServer;
  const ChainVerdict verdict = verify_chain(request);
  if (!verdict.ok) {
    m_tls_result = tls_result_of(verdict.fault);
    return fail(ErrorCode::Denied, verdict.reason);
  }
  m_path = verdict.chain;
  // RFC 8461 4.1: with a policy the name counts, whatever the route says of names.
  const bool named = m_options->verify_name || m_trust.plan.proof == HopProof::MtaSts;
  if (!named || certificate_matches_host(chain.front(), m_host)) return {};
  m_tls_result = "certificate-host-mismatch";
  return fail(ErrorCode::Denied, "the server's certificate is not for " + m_host);
}

/// A certificate that is revoked proves nothing; whether one that nobody answers for does is the policy's to say. Where any certificate
/// will do, nobody is asked: only what the server sends along, or what is remembered, counts.
io::Task<Status> SmtpSender::check_revocation() {
  const bool matters = m_trust.plan.authenticates() || m_trust.name_secure;
  PathInQuestion question{m_path, m_options->revocation, m_stream.stapled_answer(), matters};
  if (!matters && question.policy == RevocationPolicy::Hard) question.policy = RevocationPolicy::Soft;
  const PathRevocation found = co_await m_revocations.judge(std::move(question));
  m_verified_by = revocation_text(found);
  if (found.ok && !found.notes.empty() && !m_verified_by.empty())
    log::info("courier.revocation_not_known", {{"host", m_host}, {"reason", found.notes.front()}});
  if (found.ok) co_return Status();
  m_tls_result = "certificate-not-trusted";
  log::warn("courier.revocation", {{"host", m_host}, {"reason", found.reason}});
  co_return fail(ErrorCode::Denied, found.reason);
}

io::Task<bool> SmtpSender::write_output() {
  while (m_session->has_output()) {
    std::string piece = m_session->take_output();
    m_session->tick(m_clock.steady());  // each block of content has its own deadline (RFC 5321 4.5.3.2.5)
    if (piece.empty()) break;
    const Status written = co_await m_stream.write_all(piece, m_session->deadline());
    if (m_session->logging_in()) wipe(piece);
    if (!written) {
      m_session->connection_lost(written.error().text());
      co_return false;
    }
  }
  co_return true;
}

/// Writes, reads and waits until the engine has something to say. Nothing: it has ended.
io::Task<std::optional<smtp::ClientEvent>> SmtpSender::next_event() {
  for (;;) {
    if (auto event = m_session->next_event()) co_return event;
    if (m_session->wants_close()) co_return std::nullopt;
    (void)co_await write_output();
    if (auto event = m_session->next_event()) co_return event;
    const Status ready = co_await m_stream.wait_readable(m_session->deadline());
    if (!ready) {
      if (ready.error().code == ErrorCode::Timeout)
        m_session->tick(m_clock.steady());
      else
        m_session->connection_lost(ready.error().text());
      continue;
    }
    const auto got = m_stream.try_read(t_reply_buffer);
    if (!got)
      m_session->connection_lost(got.error().text());
    else if (got->has_value() && **got == 0)
      m_session->connection_lost("the server closed the connection");
    else if (got->has_value())
      m_session->receive(ByteView(t_reply_buffer).first(**got), m_clock.steady());
  }
}

/// RFC 5321 3.8, 4.5.3.2.7: a server ends an idle connection with a 421, whose bytes hide the end of the stream behind them.
bool SmtpSender::still_good() {
  // What is written into a dead interface is not refused: it would wait for the timeouts of TCP, and the queue would not say why.
  if (!m_options->interface.empty() && !io::usable_device(m_options->interface)) return false;
  while (ready()) {
    const auto got = m_stream.try_read(t_reply_buffer);
    if (got && !got->has_value()) break;
    if (!got || **got == 0) return false;
    m_session->receive(ByteView(t_reply_buffer).first(**got), m_clock.steady());
  }
  return ready() && !m_stream.peer_gone();
}

io::Task<smtp::TransactionDone> SmtpSender::send(smtp::OutgoingMessage message) {
  const std::size_t count = message.recipients.size();
  const auto broken = [count](std::string text) {
    smtp::TransactionDone done;
    smtp::RecipientResult result;
    result.reply = {451, {4, 4, 2}, std::move(text)};
    result.cause = smtp::LocalCause::ConnectionLost;
    done.results.assign(count, result);
    return done;
  };
  if (const Status sent = m_session->send(std::move(message), m_clock.steady()); !sent) co_return broken(sent.error().text());
  for (;;) {
    auto event = co_await next_event();
    if (!event) co_return broken("the connection ended in the middle of a message");
    if (auto* done = std::get_if<smtp::TransactionDone>(&*event)) co_return std::move(*done);
    if (const auto* failed = std::get_if<smtp::Failed>(&*event)) co_return broken(failed->reply.text());
  }
}

io::Task<void> SmtpSender::quit() {
  if (ready()) {
    m_session->quit(m_clock.steady());
    auto event = co_await next_event();
    while (event && !std::holds_alternative<smtp::Finished>(*event) && !std::holds_alternative<smtp::Failed>(*event))
      event = co_await next_event();
  }
  if (m_stream) m_stream.close();
  m_session.reset();
}

}  // namespace postern::gateway
