#include "vaultkeeper/line.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "http/client.hpp"

namespace postern::vaultkeeper {
namespace {

using std::chrono::milliseconds;

constexpr int kRounds = 3;
constexpr int kMostRedirects = 3;
constexpr milliseconds kFirstPause{200};
constexpr milliseconds kLongestPause{2000};
constexpr const char* kHealth = "sys/health?standbyok=true&perfstandbyok=true";

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

bool is_redirect(unsigned status) { return status == 301 || status == 302 || status == 307 || status == 308; }

/// 412: a node that is behind (eventual consistency); 429: limits; 472, 473: standbys that cannot serve this; 502 to 504: in between.
bool is_busy(unsigned status) {
  return status == 412 || status == 429 || status == 472 || status == 473 || (status >= 500 && status != 501 && status <= 599);
}

}  // namespace

Result<std::string> redirect_target(const std::string& url, const std::string& location) {
  POSTERN_TRY(const http::Url from, http::Url::parse(url));
  if (location.starts_with("/") && !location.starts_with("//")) {
    if (location != from.target) return fail(ErrorCode::BadInput, "the Vault redirects to another path", "location");
    return fail(ErrorCode::BadInput, "the Vault redirects in a circle", "location");
  }
  const auto to = http::Url::parse(location);
  if (!to) return fail(ErrorCode::BadInput, "the Vault redirects to what is no address", "location");
  if (to->target != from.target) return fail(ErrorCode::BadInput, "the Vault redirects to another path", "location");
  if (from.tls && !to->tls) return fail(ErrorCode::Denied, "the Vault redirects from TLS to clear text, which is not followed", "location");
  if (!to->tls && !is_loopback(to->host))
    return fail(ErrorCode::Denied, "the Vault redirects to another host in clear text, which is not followed", "location");
  return location;
}

Line::Line(std::shared_ptr<Transport> transport, const Clock& clock, LineOptions options, Pause pause)
    : m_transport(std::move(transport)), m_clock(clock), m_options(std::move(options)), m_pause(std::move(pause)) {
  m_outage.where = m_options.addresses.front();
}

Result<Reply> Line::follow(const std::string& address, const Ask& ask, ByteView token, SteadyTime deadline) {
  std::string url = address + "/v1/" + ask.path;
  for (int hop = 0; hop <= kMostRedirects; ++hop) {
    auto reply = m_transport->exchange({url, ask, token, m_options.name_space}, deadline);
    if (!reply || !is_redirect(reply->status)) return reply;
    POSTERN_TRY(url, redirect_target(url, reply->location));
  }
  return fail(ErrorCode::Unavailable, "the Vault redirects without an end");
}

Line::Tried Line::judge(const std::string& address, Result<Reply> reply, const Ask& ask) const {
  Tried out;
  if (!reply) {
    // Who cannot tell whether it was seen must not ask again.
    out.verdict = ask.repeatable || reply.error().field != "sent" ? Verdict::Broken : Verdict::Refused;
    out.error = {ErrorCode::Unavailable, address + ": " + reply.error().what, {}};
    return out;
  }
  auto answer = Answer::read(reply->status, reply->body.view());
  if (!answer) {
    out.verdict = ask.repeatable ? Verdict::Broken : Verdict::Refused;
    out.error = {ErrorCode::Unavailable, address + ": " + answer.error().what, {}};
    return out;
  }
  out.retry_after = reply->retry_after;
  if (!is_busy(reply->status)) {
    out.verdict = Verdict::Definite;
    out.answer = *std::move(answer);
    return out;
  }
  const std::string said = answer->errors();
  // A gateway in between cannot tell whether the Vault has done it.
  const bool may_be_done = reply->status > 500 && reply->status != 503;
  out.verdict = may_be_done && !ask.repeatable ? Verdict::Refused : Verdict::Busy;
  out.sealed = reply->status == 503 && (said.find("sealed") != std::string::npos || flag_of(answer->top(), "sealed"));
  out.error = {
      ErrorCode::Unavailable,
      address + (out.sealed ? " is sealed: unseal it" : " answers " + std::to_string(reply->status) + (said.empty() ? "" : ", " + said)),
      {}};
  if (reply->status == 500) out.answer = *std::move(answer);
  return out;
}

Line::Tried Line::try_address(const std::string& address, const Ask& ask, ByteView token, SteadyTime deadline) {
  return judge(address, follow(address, ask, token, deadline), ask);
}

/// Each address gets its share of the time that is left, so that a dead one does not eat that of the next.
Line::Tried Line::one_round(const Ask& ask, ByteView token, SteadyTime deadline) {
  const std::size_t count = m_options.addresses.size();
  const std::size_t first = m_current.load();
  Tried last;
  std::string reasons;
  for (std::size_t i = 0; i < count; ++i) {
    const SteadyTime now = m_clock.steady();
    if (now >= deadline) break;
    const std::size_t at = (first + i) % count;
    Tried tried = try_address(m_options.addresses[at], ask, token, now + (deadline - now) / static_cast<int>(count - i));
    const bool ends = tried.verdict == Verdict::Definite || tried.verdict == Verdict::Refused;
    tried.address = at;
    reasons += (reasons.empty() ? "" : "; ") + tried.error.what;
    tried.sealed = tried.sealed || last.sealed;
    last = std::move(tried);
    if (ends) return last;
  }
  last.error = {ErrorCode::Unavailable, reasons.empty() ? "no time was left to ask" : reasons, {}};
  return last;
}

bool Line::wait_before(int round, const Tried& tried, SteadyTime deadline) const {
  milliseconds pause = std::min(kFirstPause * (1 << round), kLongestPause);
  if (tried.retry_after) pause = std::max<milliseconds>(pause, *tried.retry_after);
  if (m_clock.steady() + pause >= deadline) return false;
  return m_pause(pause);
}

Result<Answer> Line::ask(const Ask& ask, ByteView token, SteadyTime deadline) {
  if (outage().open) return fail(outage_error());
  for (int round = 0;; ++round) {
    Tried tried = one_round(ask, token, deadline);
    if (tried.verdict == Verdict::Refused) return fail(tried.error);
    // 500 is how a Vault tells some of its users' mistakes: asked twice, then it is the answer.
    const bool again = tried.answer ? round == 0 && ask.repeatable : round + 1 < kRounds && !tried.sealed;
    if (tried.verdict != Verdict::Definite && again && wait_before(round, tried, deadline)) continue;
    if (tried.answer) {
      note_well(tried.address);
      return *std::move(tried.answer);
    }
    note_ill(tried.error, tried.sealed);
    return fail(outage_error());
  }
}

Status Line::probe() {
  const Ask health{.method = "GET", .path = kHealth, .body = {}};
  Tried tried = one_round(health, {}, deadline());
  if (tried.verdict == Verdict::Definite && tried.answer->status() == 200) {
    note_well(tried.address);
    return {};
  }
  if (tried.verdict == Verdict::Definite) {
    const bool bare = tried.answer->status() == 501;
    tried.error = {ErrorCode::Unavailable,
                   outage().where +
                       (bare ? " is not initialised" : " answers " + std::to_string(tried.answer->status()) + " when asked for its health"),
                   {}};
    tried.sealed = bare;
  }
  note_ill(tried.error, tried.sealed);
  return fail(outage_error());
}

Outage Line::outage() const {
  const std::lock_guard lock(m_mutex);
  return m_outage;
}

Error Line::outage_error() const {
  const std::lock_guard lock(m_mutex);
  const std::string since = m_outage.since ? " since " + rfc3339(*m_outage.since) : "";
  return {ErrorCode::Unavailable, "the external Vault is not available" + since + ": " + m_outage.error, "keys.vault"};
}

void Line::note_well(std::size_t address) {
  m_current = address;
  const std::lock_guard lock(m_mutex);
  m_outage.where = m_options.addresses[address];
  if (!m_outage.since) return;
  log::info("vaultkeeper.back", {{"address", m_outage.where}, {"away_since", rfc3339(*m_outage.since)}});
  m_outage.open = m_outage.sealed = false;
  m_outage.error.clear();
  m_outage.since.reset();
}

void Line::note_ill(const Error& error, bool sealed) {
  const std::lock_guard lock(m_mutex);
  if (!m_outage.since) log::warn("vaultkeeper.away", {{"reason", error.what}});
  if (!m_outage.since) m_outage.since = m_clock.now();
  m_outage.open = true;
  m_outage.sealed = sealed;
  m_outage.error = error.what;
}

}  // namespace postern::vaultkeeper
