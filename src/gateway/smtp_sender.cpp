#include "gateway/smtp_sender.hpp"

#include <array>

#include "pki/verify.hpp"

namespace postern::gateway {
namespace {

constexpr std::size_t kReadBytes = 16U * 1024;
thread_local std::array<Byte, kReadBytes> t_reply_buffer;  // consumed before the next await

HopFailure ours(int code, smtp::EnhancedStatus status, std::string text, bool tls = false) {
  return {{code, status, std::move(text)}, tls, false};
}

}  // namespace

std::string SmtpSender::road() const {
  if (!m_stream.is_tls()) return m_gave_up_tls ? "clear (TLS failed)" : "clear";
  return m_stream.info().version + (m_verified ? " verified" : " unverified");
}

io::Task<tl::expected<void, HopFailure>> SmtpSender::connect(HopHost host, bool allow_tls) {
  m_host = host.name;
  m_gave_up_tls = !allow_tls;
  io::DialOptions dialing;
  dialing.per_attempt = m_options->connect;
  auto stream = co_await io::dial(std::move(host.endpoints), dialing);
  if (!stream) co_return tl::unexpected(ours(451, {4, 4, 1}, "cannot connect: " + stream.error().text()));
  m_stream = *std::move(stream);
  auto options = std::make_shared<smtp::ClientOptions>(*m_options->smtp);
  options->tls_policy = allow_tls ? m_options->tls : smtp::ClientTls::Never;
  m_session = std::make_unique<smtp::ClientSession>(std::move(options), m_random);
  m_session->start(m_clock.steady());
  for (;;) {
    const auto event = co_await next_event();
    if (!event) co_return tl::unexpected(ours(451, {4, 4, 2}, "the connection ended before the greeting was done"));
    if (std::holds_alternative<smtp::Ready>(*event)) co_return tl::expected<void, HopFailure>();
    if (std::holds_alternative<smtp::StartTls>(*event)) {
      const Status secured = co_await secure();
      if (!secured) {
        m_stream.abort();
        co_return tl::unexpected(ours(451, {4, 7, 5}, "TLS failed: " + secured.error().text(), true));
      }
      continue;
    }
    if (const auto* failed = std::get_if<smtp::Failed>(&*event)) co_return tl::unexpected(failure_of(*failed));
  }
}

/// What a smarthost says before the first MAIL is about us, not about the message: a wrong password or an unpaid bill must not bounce the
/// whole queue (RFC 4954 6: 535). An MX that turns us away has said no to the message (RFC 5321 3.1, 4.2.5).
HopFailure SmtpSender::failure_of(const smtp::Failed& failed) const {
  HopFailure out{failed.reply, failed.stage == smtp::FailureStage::StartTls, failed.cause == smtp::LocalCause::None, false};
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
  tls.server_name = m_host;
  tls.check_name = false;  // check_certificate() does, and says why
  tls.verify = io::TlsClientOptions::Verify::Report;
  POSTERN_CO_CHECK(
      co_await m_stream.start_tls_client(m_options->context->shared(), std::move(tls), m_clock.steady() + m_options->handshake));
  const Status checked = check_certificate();
  m_verified = checked.has_value();
  const bool must = m_options->tls == smtp::ClientTls::Required;
  if (!checked && must) co_return fail(checked.error());
  smtp::TlsInfo info;
  info.protocol = m_stream.info().version;
  info.cipher = m_stream.info().suite;
  info.verified = m_verified;
  if (auto exported = m_stream.export_key("EXPORTER-Channel-Binding", 32)) info.exporter = *std::move(exported);
  m_session->tls_started(std::move(info), m_clock.steady());
  co_return Status();
}

/// RFC 8446 leaves trust to the application: chain, dates, name (RFC 9525) and pins.
Status SmtpSender::check_certificate() {
  const auto chain = m_stream.peer_chain();
  if (chain.empty()) return fail(ErrorCode::Denied, "the server showed no certificate");
  POSTERN_TRY(const auto leaf, Certificate::from_der(chain.front()));
  std::vector<Certificate> intermediates;
  for (std::size_t i = 1; i < chain.size() && i < kChainLimit; ++i) {
    POSTERN_TRY(auto certificate, Certificate::from_der(chain[i]));
    intermediates.push_back(std::move(certificate));
  }
  if (!m_options->pins.empty()) {
    if (m_options->pins.allows(leaf)) return {};  // a pin names the key itself; a chain adds nothing to it
    return fail(ErrorCode::Denied, "the server's certificate (" + fingerprint_text(leaf.fingerprint()) + ") is not one of the pinned ones");
  }
  VerifyRequest request;
  request.leaf = &leaf;
  request.intermediates = intermediates;
  request.roots = m_options->roots;
  request.at = m_clock.now();
  request.purpose = CertificatePurpose::TlsServer;
  const ChainVerdict verdict = verify_chain(request);
  if (!verdict.ok) return fail(ErrorCode::Denied, verdict.reason);
  if (m_options->verify_name && !certificate_matches_host(leaf, m_host))
    return fail(ErrorCode::Denied, "the server's certificate is not for " + m_host);
  return {};
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
