#include "gateway/revocations.hpp"

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "io/mx.hpp"
#include "io/sync.hpp"

namespace postern::gateway {
namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::size_t kAsked = 2;  ///< Responders, and lists, of one certificate.
constexpr std::size_t kNonce = 32;
constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kOnePatience = std::chrono::seconds(5);
constexpr auto kPause = std::chrono::minutes(5);
constexpr auto kLongest = std::chrono::hours(24 * 7);

bool decides(const RevocationVerdict& verdict) {
  return verdict.status == RevocationStatus::Good || verdict.status == RevocationStatus::Revoked;
}

CertificateRevocation open_question(std::string reason, std::string source = {}) {
  return {0, std::move(source), {RevocationStatus::Invalid, std::move(reason)}};
}

/// A CertID in effect (RFC 6960 4.1.1): the certificate, and the key that its issuer has.
std::string key_of(const Certificate& leaf, const Certificate& issuer) {
  return hex_encode(leaf.fingerprint()) + hex_encode(issuer.spki_fingerprint());
}

std::vector<std::string> first_of(std::vector<std::string> urls) {
  if (urls.size() > kAsked) urls.resize(kAsked);
  return urls;
}

void add_reason(std::string& all, const std::string& url, const std::string& reason) {
  all += (all.empty() ? "" : "; ") + url + ": " + reason;
}

/// A place among kMostQuestions, given back at the end of the scope.
class Place {
 public:
  explicit Place(std::atomic<std::size_t>& open) : m_open(open), m_free(open.fetch_add(1) < kMostQuestions) {}
  ~Place() { --m_open; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  [[nodiscard]] bool is_free() const noexcept { return m_free; }

 private:
  std::atomic<std::size_t>& m_open;
  bool m_free;
};

bool in_any(const io::IpAddress& address, std::initializer_list<const char*> networks) {
  return std::ranges::any_of(networks, [&](const char* text) { return io::IpNetwork::parse(text)->contains(address); });
}

const char* words_for(const std::string& source) {
  if (source == "stapled") return "stapled OCSP";
  return source == "ocsp" ? "OCSP" : "CRL";
}

io::Task<Result<std::string>> nobody_to_ask(RevocationPolicy policy) {
  if (policy == RevocationPolicy::Soft) co_return std::string(", revocation not known");
  co_return fail(ErrorCode::Unavailable, "whether its certificate is revoked cannot be asked while the key engine is sealed");
}

io::Task<Status> without_text(io::Task<Result<std::string>> judging) {
  const auto found = co_await std::move(judging);
  co_return found ? Status() : Status(fail(found.error()));
}

}  // namespace

Result<std::unique_ptr<Revocations>> Revocations::make(RevocationParts parts) {
  std::vector<io::IpNetwork> allowed;
  for (const std::string& text : parts.config.outbound.revocation_networks) {
    auto network = io::IpNetwork::parse(text);
    if (!network) return fail(ErrorCode::BadInput, network.error().text(), "outbound.revocation_networks");
    allowed.push_back(*std::move(network));
  }
  return std::unique_ptr<Revocations>(new Revocations(parts, std::move(allowed)));
}

io::Task<PathRevocation> Revocations::judge(PathInQuestion question) {
  std::vector<CertificateRevocation> found;
  const CertificateChain& path = question.path;
  for (std::size_t depth = 0; question.policy != RevocationPolicy::Off && depth + 1 < path.size(); ++depth) {
    Subject subject{path[depth], path[depth + 1], key_of(path[depth], path[depth + 1])};
    if (depth == 0 && !question.responder.empty()) {
      subject.responder = question.responder;
      subject.key += question.responder;  // what others could not say is no answer of this one
    }
    if (depth == 0 && question.may_staple && question.stapled.empty() && must_staple(path[depth])) {
      found.push_back(open_question("it asks to be shown with a stapled answer, and the server sent none (RFC 7633)"));
      continue;
    }
    found.push_back(co_await find(std::move(subject), depth == 0 ? std::move(question.stapled) : Bytes(), question.ask));
    found.back().depth = depth;
    if (found.back().verdict.status == RevocationStatus::Revoked) break;  // nothing that follows makes it better
  }
  PathRevocation out = decide_path_revocation(path, question.policy, std::move(found));
  count(out);
  co_return out;
}

std::optional<PathRevocation> Revocations::recall(const CertificateChain& path, RevocationPolicy policy) const {
  std::vector<CertificateRevocation> found;
  for (std::size_t depth = 0; policy != RevocationPolicy::Off && depth + 1 < path.size(); ++depth) {
    const bool names_somebody = !ocsp_urls(path[depth]).empty() || !crl_urls(path[depth]).empty();
    auto known = recall(key_of(path[depth], path[depth + 1]));
    if (!known && names_somebody) return std::nullopt;
    found.push_back(known ? *std::move(known) : open_question("it names neither an OCSP responder nor a CRL", kNobody));
    found.back().depth = depth;
    if (found.back().verdict.status == RevocationStatus::Revoked) break;
  }
  return decide_path_revocation(path, policy, std::move(found));
}

io::Task<void> Revocations::find_out(std::vector<CertificateChain> paths) {
  for (CertificateChain& path : paths) {
    PathInQuestion question{std::move(path), RevocationPolicy::Soft};
    question.may_staple = false;
    (void)co_await judge(std::move(question));
  }
}

namespace {
bool is_revoked(const PathRevocation& found) {
  return std::ranges::any_of(found.certificates,
                             [](const CertificateRevocation& one) { return one.verdict.status == RevocationStatus::Revoked; });
}
}  // namespace

io::PeerJudge Revocations::judge_of_servers(RevocationPolicy policy, std::string peers) { return judge_by({policy, std::move(peers)}); }

io::PeerJudge Revocations::judge_of_clients(RevocationPolicy policy) {
  PeerRules rules{policy, "client"};
  rules.may_staple = false;
  return judge_by(std::move(rules));
}

io::PeerJudge Revocations::judge_by(PeerRules rules) {
  return judge_of_peers([this] { return this; }, std::move(rules));
}

io::Task<Result<std::string>> Revocations::judge_path(const io::Stream& stream, CertificateChain path, const PeerRules& rules) {
  PathInQuestion question{std::move(path), rules.policy, stream.stapled_answer()};
  question.responder = rules.responder;
  question.may_staple = rules.may_staple;
  return judge_peer({stream.peer().text(), rules.peers, stream.info().verified}, std::move(question));
}

io::Task<Result<std::string>> Revocations::judge_peer(Peer peer, PathInQuestion question) {
  if (question.path.empty()) {  // trusted by a pin, say; or resumed, which says nothing of now
    if (!peer.verified || question.policy == RevocationPolicy::Soft) co_return std::string();
    co_return fail(ErrorCode::Denied, "its path is not known, so that it may be revoked; connect without resuming a session");
  }
  const std::string subject = question.path.front().subject();
  const PathRevocation found = co_await judge(std::move(question));
  if (!found.ok) {
    log::warn("revocation.peer_refused", {{"peer", peer.endpoint}, {"is", peer.kind}, {"certificate", subject}, {"reason", found.reason}});
    // That nobody can say it is nothing for good.
    co_return fail(is_revoked(found) ? ErrorCode::Denied : ErrorCode::Unavailable, found.reason);
  }
  std::string text = revocation_text(found);
  if (!text.empty())
    log::info("revocation.peer", {{"peer", peer.endpoint}, {"is", peer.kind}, {"certificate", subject}, {"found", text.substr(2)}});
  co_return text;
}

io::Task<PathRevocation> Revocations::judge_own(Certificate leaf, Certificate issuer) {
  std::vector<CertificateRevocation> found;
  if (m_parts.config.outbound.revocation == name_of(RevocationPolicy::Off)) co_return PathRevocation{};
  std::string key = key_of(leaf, issuer);
  found.push_back(co_await find({leaf, issuer, std::move(key)}, {}, true));
  co_return decide_path_revocation({&leaf, 1}, RevocationPolicy::Soft, std::move(found));
}

io::Task<CertificateRevocation> Revocations::find(Subject subject, Bytes stapled, bool may_ask_others) {
  std::string why;
  auto known = recall(subject.key);
  // A server can go on stapling an answer from before the revocation for as long as that answer holds.
  const bool known_revoked = known && known->verdict.status == RevocationStatus::Revoked;
  if (!stapled.empty() && !known_revoked) {
    CertificateRevocation found{0, "stapled", check_ocsp({&subject.leaf, &subject.issuer, stapled, m_parts.clock.now()})};
    if (decides(found.verdict)) {
      remember(subject.key, found);
      co_return found;
    }
    why = "the stapled answer: " + found.verdict.reason;
  }
  if (known) {
    ++m_stats.remembered;
    co_return *std::move(known);
  }
  if (subject.responder.empty() && ocsp_urls(subject.leaf).empty() && crl_urls(subject.leaf).empty())
    co_return open_question(why.empty() ? "it names neither an OCSP responder nor a CRL, and the server stapled no answer" : why,
                            why.empty() ? kNobody : "");
  if (!may_ask_others) co_return open_question(why.empty() ? "nobody was asked" : why, why.empty() ? kNobody : "");
  co_return co_await ask_once(std::move(subject));
}

/// Many connections to one host start one question; the others wait for what it brings.
io::Task<CertificateRevocation> Revocations::ask_once(Subject subject) {
  const io::OneShot<CertificateRevocation> shot(co_await io::this_executor());
  bool first = false;
  {
    const std::lock_guard lock(m_mutex);
    auto [flight, made] = m_flights.try_emplace(subject.key);
    first = made;
    if (!made) flight->second.push_back(shot.setter());
  }
  if (!first) co_return co_await shot.wait();
  CertificateRevocation found = open_question("asking failed in an unforeseen way; the log has more");
  try {
    found = co_await ask(subject);
  } catch (const std::exception& error) {  // whatever happens, the others must not wait for ever
    log::error("revocation.failed", {{"certificate", subject.leaf.subject()}, {"reason", error.what()}});
  }
  std::vector<Waiter> waiting;
  {
    const std::lock_guard lock(m_mutex);
    waiting = std::move(m_flights[subject.key]);
    m_flights.erase(subject.key);
  }
  for (const auto& waiter : waiting) waiter(found);
  co_return found;
}

io::Task<CertificateRevocation> Revocations::ask(Subject subject) {
  const Place place(m_open);
  if (!place.is_free()) co_return open_question("too many such questions are open; it is asked again with the next connection");
  const SteadyTime deadline = m_parts.clock.steady() + kPatience;
  std::string why;
  const auto take = [&](const char* source, const std::string& url, Result<RevocationVerdict> answer) {
    const bool decided = answer && decides(*answer);
    if (!decided) add_reason(why, url, answer ? answer->reason : answer.error().text());
    if (!decided) ++m_stats.failed_questions;
    return decided ? std::optional(CertificateRevocation{0, source, *std::move(answer)}) : std::nullopt;
  };
  std::optional<CertificateRevocation> found;
  const bool own = !subject.responder.empty();
  for (const std::string& url : own ? std::vector{subject.responder} : first_of(ocsp_urls(subject.leaf))) {
    if (found) break;
    auto said = co_await ask_responder(url, subject, m_parts.random.bytes(kNonce), deadline);
    found = take("ocsp", url, said ? Result<RevocationVerdict>(std::move(said->verdict)) : fail(std::move(said).error()));
  }
  for (const std::string& url : first_of(crl_urls(subject.leaf))) {
    if (!found) found = take("crl", url, co_await ask_list(url, subject, deadline));
  }
  if (!found) found = open_question(std::move(why));
  remember(subject.key, *found);
  log::info("revocation.asked", {{"certificate", subject.leaf.subject()},
                                 {"serial", subject.leaf.serial()},
                                 {"source", found->source},
                                 {"status", name_of(found->verdict.status)},
                                 {"reason", found->verdict.reason}});
  co_return *std::move(found);
}

io::Task<Result<OcspAnswer>> Revocations::answer_to_staple(Certificate leaf, Certificate issuer) {
  const Place place(m_open);
  if (!place.is_free()) co_return fail(ErrorCode::Unavailable, "too many such questions are open");
  std::string key = key_of(leaf, issuer);
  const Subject subject{std::move(leaf), std::move(issuer), std::move(key)};
  const SteadyTime deadline = m_parts.clock.steady() + kPatience;
  std::string why;
  for (const std::string& url : first_of(ocsp_urls(subject.leaf))) {
    auto said = co_await ask_responder(url, subject, Bytes(), deadline);
    if (said && decides(said->verdict)) {
      remember(subject.key, {0, "ocsp", said->verdict});
      co_return said;
    }
    ++m_stats.failed_questions;
    add_reason(why, url, said ? said->verdict.reason : said.error().text());
  }
  if (why.empty()) co_return fail(ErrorCode::NotFound, "it names no OCSP responder");
  co_return fail(ErrorCode::Unavailable, std::move(why));
}

io::Task<Result<OcspAnswer>> Revocations::ask_responder(std::string url, Subject subject, Bytes nonce, SteadyTime deadline) {
  POSTERN_CO_TRY(const Bytes question, make_ocsp_request(subject.leaf, subject.issuer, nonce));
  http::ClientRequest request;
  request.method = "POST";  // RFC 6960 A.1
  request.headers.set("Content-Type", "application/ocsp-request");
  request.body = std::string(as_text(question));
  const Target target = subject.responder.empty() ? Target::Named : Target::Own;
  POSTERN_CO_TRY(const std::string answer, co_await exchange(std::move(request), std::move(url), kOcspResponseLimit, target, deadline));
  OcspAnswer out{to_bytes(answer), {}};
  out.verdict = check_ocsp({&subject.leaf, &subject.issuer, out.response, m_parts.clock.now(), kRevocationSkew, nonce});
  co_return out;
}

io::Task<Result<RevocationVerdict>> Revocations::ask_list(std::string url, Subject subject, SteadyTime deadline) {
  POSTERN_CO_TRY(const Crl list, co_await fetch_list(std::move(url), deadline));
  std::vector<Crl> deltas;
  POSTERN_CO_TRY(RevocationVerdict verdict, co_await judge_list(list, deltas, subject));
  if (!decides(verdict)) co_return verdict;  // a list that its issuer did not sign sends us nowhere
  // RFC 5280 5.2.4: what changed since is worth a try; without it the complete list says what it says.
  for (const std::string& fresher : first_of(delta_urls(list, subject.leaf))) {
    auto delta = co_await fetch_list(fresher, deadline);
    if (delta) deltas.push_back(*std::move(delta));
  }
  if (deltas.empty()) co_return verdict;
  co_return co_await judge_list(list, deltas, subject);
}

io::Task<Result<RevocationVerdict>> Revocations::judge_list(const Crl& list, const std::vector<Crl>& deltas, const Subject& subject) {
  auto job = [&list, &deltas, &subject, now = m_parts.clock.now()]() -> Result<RevocationVerdict> {
    return check_crl({.leaf = &subject.leaf, .issuer = &subject.issuer, .crl = &list, .deltas = deltas, .at = now});
  };
  co_return co_await m_parts.workers.run(std::move(job));
}

/// Hundreds of thousands of entries: not read on a loop.
io::Task<Result<Crl>> Revocations::fetch_list(std::string url, SteadyTime deadline) {
  POSTERN_CO_TRY(const std::string text, co_await exchange({}, std::move(url), kMostBytes, Target::Named, deadline));
  auto job = [text = &text]() -> Result<Crl> {
    POSTERN_TRY(const std::vector<Crl> lists, Crl::from_text(*text, 1));
    return lists.front();
  };
  co_return co_await m_parts.workers.run(std::move(job));
}

io::Task<Result<std::string>> Revocations::exchange(http::ClientRequest request, std::string url, std::size_t limit, Target target,
                                                    SteadyTime deadline) {
  POSTERN_CO_TRY(request.url, http::Url::parse(url));
  const std::uint16_t port = request.url.port;
  if (request.url.tls || (target == Target::Named && port != kHttpPort))
    co_return fail(ErrorCode::Denied, "only http:// at port 80 is asked (RFC 5280 8)", "url");
  if (m_parts.clock.steady() >= deadline) co_return fail(ErrorCode::Timeout, "no time was left to ask");
  POSTERN_CO_TRY(io::MxHost host, co_await io::resolve_host(m_parts.resolver, request.url.host, {}));
  if (target == Target::Named) std::erase_if(host.addresses, [&](const io::IpAddress& address) { return !may_ask(address); });
  if (host.addresses.empty())
    co_return fail(ErrorCode::Denied, "it has no public address; outbound.revocation_networks allows others", "url");
  http::ClientOptions options;
  options.timeout = kOnePatience;
  options.body_limit = limit;
  POSTERN_CO_TRY(auto answer, co_await http::fetch(io::endpoints_of(host, port), std::move(request), std::move(options)));
  if (answer.status != 200) co_return fail(ErrorCode::Unavailable, "it answered with status " + std::to_string(answer.status), "status");
  co_return std::move(answer.body);
}

bool Revocations::may_ask(const io::IpAddress& address) const {
  return is_public_address(address) || std::ranges::any_of(m_allowed, [&](const auto& network) { return network.contains(address); });
}

std::optional<CertificateRevocation> Revocations::recall(const std::string& key) const {
  const std::lock_guard lock(m_mutex);
  const auto found = m_kept.find(key);
  if (found == m_kept.end() || found->second.until <= m_parts.clock.now()) return std::nullopt;
  return found->second.found;
}

void Revocations::remember(const std::string& key, const CertificateRevocation& found) {
  const WallTime now = m_parts.clock.now();
  const bool decided = decides(found.verdict);
  const WallTime until = decided ? std::min<WallTime>(found.verdict.usable_until, now + kLongest) : now + kPause;
  if (until <= now) return;  // good for this once
  const std::lock_guard lock(m_mutex);
  m_kept[key] = {found, until};
  if (m_kept.size() <= kMostVerdicts) return;
  m_kept.erase(std::ranges::min_element(m_kept, [](const auto& a, const auto& b) { return a.second.until < b.second.until; }));
}

std::size_t Revocations::remembered() const {
  const std::lock_guard lock(m_mutex);
  return m_kept.size();
}

void Revocations::count(const PathRevocation& verdict) {
  for (const CertificateRevocation& one : verdict.certificates) {
    if (one.source == "stapled") ++m_stats.stapled;
    if (one.source == "ocsp") ++m_stats.ocsp;
    if (one.source == "crl") ++m_stats.crl;
    const bool good = one.verdict.status == RevocationStatus::Good;
    ++(good ? m_stats.good : one.verdict.status == RevocationStatus::Revoked ? m_stats.revoked : m_stats.unknown);
  }
}

PathJudge judge_of_paths(RevocationsNow now, PeerRules rules) {
  if (rules.policy == RevocationPolicy::Off) return {};
  return [now = std::move(now), rules = std::move(rules)](const io::Stream& stream, CertificateChain path) {
    Revocations* const asked = now();
    return asked == nullptr ? nobody_to_ask(rules.policy) : asked->judge_path(stream, std::move(path), rules);
  };
}

io::PeerJudge judge_of_peers(RevocationsNow now, PeerRules rules) {
  const PathJudge judge = judge_of_paths(std::move(now), std::move(rules));
  if (!judge) return {};
  return [judge](const io::Stream& stream) {
    return without_text(judge(stream, certificates_from_der(stream.verified_path()).value_or(CertificateChain())));
  };
}

std::string revocation_text(const PathRevocation& verdict) {
  if (verdict.certificates.empty()) return {};
  const auto undecided = [](const CertificateRevocation& one) { return !decides(one.verdict) && one.source != kNobody; };
  if (std::ranges::any_of(verdict.certificates, undecided)) return ", revocation not known";
  const CertificateRevocation& leaf = verdict.certificates.front();
  return leaf.verdict.status == RevocationStatus::Good ? std::string(", not revoked (") + words_for(leaf.source) + ")" : std::string();
}

bool is_public_address(const io::IpAddress& given) {
  const io::IpAddress address = given.unmapped();
  if (address.is_v4())
    return !in_any(
        address, {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
                  "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"});
  // Of IPv6 only 2000::/3 is given out; 2001::/23 has Teredo and other protocols' own, 2002::/16 is 6to4.
  return in_any(address, {"2000::/3"}) && !in_any(address, {"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"});
}

}  // namespace postern::gateway
