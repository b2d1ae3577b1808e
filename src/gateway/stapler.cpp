#include "gateway/stapler.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "store/staples.hpp"

namespace postern::gateway {
namespace {

constexpr auto kLook = std::chrono::seconds(5);
constexpr auto kSoonest = std::chrono::minutes(1);
constexpr auto kLongest = std::chrono::hours(24);
constexpr unsigned kMostDoublings = 6;  // 64 minutes

std::chrono::seconds pause_after(unsigned failures) { return kSoonest * (1U << std::min(failures - 1, kMostDoublings)); }

std::chrono::seconds half_of(std::chrono::milliseconds life) {
  return std::clamp<std::chrono::seconds>(std::chrono::duration_cast<std::chrono::seconds>(life / 2), kSoonest, kLongest);
}

}  // namespace

void Stapler::restore() { take_up(m_parts.shown()); }

io::Task<void> Stapler::watch() {
  for (;; co_await io::sleep_for(kLook)) co_await look();
}

/// Another certificate is shown, or the same one anew: what is kept about it counts, if it still does.
void Stapler::take_up(ShownCertificate shown) {
  m_shown = std::move(shown);
  m_next = {};
  m_failures = 0;
  const bool demanded = !m_shown.chain.empty() && must_staple(m_shown.chain.front());
  std::string why = obstacle(demanded);
  m_asks = why.empty() && m_parts.ask && !m_shown.chain.empty() && !ocsp_urls(m_shown.chain.front()).empty();
  drop(m_asks ? "the responder was not asked yet" : std::move(why));
  {
    const std::lock_guard lock(m_mutex);
    m_demanded = demanded;
  }
  if (m_asks) staple_what_was_kept();
}

/// Why nobody can be asked; also empty where nothing needs to be stapled at all.
std::string Stapler::obstacle(bool demanded) const {
  if (m_shown.chain.empty()) return {};
  if (ocsp_urls(m_shown.chain.front()).empty()) return demanded ? "it names no OCSP responder" : "";
  if (!m_parts.ask) return demanded ? "tls.stapling is off" : "";
  return m_shown.chain.size() == 1 ? "its issuer does not stand behind it in tls.certificate" : "";
}

void Stapler::staple_what_was_kept() {
  const Certificate& leaf = m_shown.chain.front();
  auto kept = Staples(m_parts.store).load(leaf.fingerprint());
  if (!kept) return log::warn("tls.staple_not_read", {{"reason", kept.error()}});
  const RevocationVerdict verdict = check_ocsp({&leaf, &m_shown.chain[1], *kept, m_parts.clock.now()});
  if (verdict.status == RevocationStatus::Good) staple(*std::move(kept), verdict.usable_until);
}

io::Task<void> Stapler::look() {
  ShownCertificate shown = m_parts.shown();
  if (shown.staple != m_shown.staple) {
    auto job = [this, &shown] { take_up(std::move(shown)); };
    (void)co_await m_parts.workers.run(std::move(job));
  }
  if (!m_asks) co_return;
  if (m_until && m_parts.clock.now() >= *m_until)
    drop("the last answer ended at " + rfc3339(*m_until) + (m_why.empty() ? "" : ", and no other came: " + m_why));
  if (m_parts.clock.steady() < m_next) co_return;
  const auto answer = co_await m_parts.ask(m_shown.chain[0], m_shown.chain[1]);
  if (!answer) co_return fail_with(answer.error().text());
  auto job = [this, &answer] { keep(*answer); };
  (void)co_await m_parts.workers.run(std::move(job));
}

void Stapler::keep(const OcspAnswer& answer) {
  const auto left = answer.verdict.usable_until - m_parts.clock.now();
  m_failures = 0;
  m_next = m_parts.clock.steady() + half_of(std::chrono::duration_cast<std::chrono::milliseconds>(left));
  const bool good = answer.verdict.status == RevocationStatus::Good && left > left.zero();
  if (good)
    staple(answer.response, answer.verdict.usable_until);
  else
    drop("the responder says: " + answer.verdict.reason);
  const Status kept = Staples(m_parts.store).save(m_shown.chain.front().fingerprint(), good ? ByteView(answer.response) : ByteView());
  if (!kept) log::warn("tls.staple_not_kept", {{"reason", kept.error()}, {"effect", "it is asked for again after a restart"}});
}

void Stapler::fail_with(std::string why) {
  ++m_failures;
  m_next = m_parts.clock.steady() + pause_after(m_failures);
  log::warn("tls.staple_failed", {{"certificate", m_shown.chain.front().subject()}, {"reason", why}});
  const std::lock_guard lock(m_mutex);
  m_why = std::move(why);
}

void Stapler::staple(Bytes response, WallTime until) {
  m_shown.staple->set(std::move(response));
  log::info("tls.stapled", {{"certificate", m_shown.chain.front().subject()}, {"until", rfc3339(until)}});
  const std::lock_guard lock(m_mutex);
  m_until = until;
  m_why.clear();
}

void Stapler::drop(std::string why) {
  if (m_shown.staple) m_shown.staple->set({});
  const std::lock_guard lock(m_mutex);
  m_until.reset();
  m_why = std::move(why);
}

std::string Stapler::text() const {
  const std::lock_guard lock(m_mutex);
  if (m_until) return "until " + rfc3339(*m_until);
  return m_why.empty() ? std::string() : "no: " + m_why;
}

std::optional<Stapler::Trouble> Stapler::trouble() const {
  const std::lock_guard lock(m_mutex);
  if (m_until || m_why.empty()) return std::nullopt;
  if (m_demanded)
    return Trouble{"the listeners' certificate demands a stapled OCSP answer (RFC 7633), and clients refuse it without one: " + m_why,
                   true};
  return Trouble{"no OCSP answer is stapled to the listeners' certificate: " + m_why, false};
}

}  // namespace postern::gateway
