#include "gateway/sts.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "http/client.hpp"
#include "io/mx.hpp"
#include "io/sync.hpp"
#include "tlspolicy/profile.hpp"

namespace postern::gateway {
namespace {

constexpr std::uint16_t kHttpsPort = 443;
constexpr auto kFetchTime = std::chrono::seconds(60);  ///< RFC 8461 3.3 suggests a minute.
constexpr auto kPause = std::chrono::minutes(5);       ///< RFC 8461 3.3 suggests so between fetches.
constexpr auto kRefresh = std::chrono::hours(24);
constexpr std::size_t kMostMissed = 4096;

Result<io::SslContext> tls_of(const config::Config& config) {
  const auto& outbound = config.outbound;
  TlsClientProfile profile;
  profile.min_version = outbound.mta_sts_min_tls == "1.2" ? TlsVersion::Tls12 : TlsVersion::Tls13;
  profile.system_roots = outbound.mta_sts_ca.empty();
  if (!outbound.mta_sts_ca.empty()) {
    auto roots = certificates_from_file(config.beside_config(outbound.mta_sts_ca));
    if (!roots) return fail(std::move(roots).error().context("outbound.mta_sts_ca"));
    profile.roots = *std::move(roots);
  }
  auto context = client_context(std::move(profile));
  if (!context) return fail(std::move(context).error().context("outbound.mta_sts"));
  return context->shared();
}

std::vector<std::string> texts_of(const dns::Answer& answer) {
  std::vector<std::string> out;
  for (const auto& txt : answer.all<dns::TxtData>()) out.push_back(txt.joined());
  return out;
}

/// RFC 8461 3.2: text/plain, so that nobody who may only upload pictures makes policy.
bool is_plain_text(const http::Headers& headers) {
  const std::string_view type = headers.get("Content-Type");
  return iequals(trim(type.substr(0, type.find(';'))), "text/plain");
}

/// RFC 8461 3.3: only 200 counts, and redirects are not followed.
Status check_answer(const http::ClientResponse& answer) {
  if (answer.status != 200) return fail(ErrorCode::Unavailable, "the policy host answered " + std::to_string(answer.status), "status");
  if (!is_plain_text(answer.headers)) return fail(ErrorCode::BadInput, "the policy is not served as text/plain", "content-type");
  return {};
}

StsFault fault_of(const Error& error) {
  if (error.code == ErrorCode::Denied) return StsFault::WebPki;
  return error.code == ErrorCode::BadInput || error.code == ErrorCode::TooLarge ? StsFault::Invalid : StsFault::Fetch;
}

}  // namespace

Result<std::unique_ptr<StsPolicies>> StsPolicies::make(StsParts parts) {
  POSTERN_TRY(auto tls, tls_of(parts.config));
  std::unique_ptr<StsPolicies> out(new StsPolicies(parts, std::move(tls)));
  POSTERN_TRY(auto stored, StsPolicyStore(parts.store).load(parts.clock.now(), kMostPolicies));
  for (auto& one : stored) {
    auto policy = parse_mta_sts_policy(one.text);
    if (!policy) continue;  // written by a version that read more generously: it is fetched again
    const std::string domain = one.domain;
    out->m_entries[domain] = std::make_shared<const StsEntry>(StsEntry{std::move(one), *std::move(policy)});
  }
  return out;
}

StsEntryPtr StsPolicies::known(const std::string& domain) const {
  const std::lock_guard lock(m_mutex);
  const auto found = m_entries.find(domain);
  if (found == m_entries.end() || found->second->stored.expires <= m_parts.clock.now()) return nullptr;
  return found->second;
}

bool StsPolicies::is_due(const StsEntry& entry) const {
  const auto age = m_parts.clock.now() - entry.stored.fetched;
  return age >= kRefresh || age >= entry.policy.max_age / 2;
}

std::optional<StsAnswer> StsPolicies::missed_lately(const std::string& domain, const std::string& id) const {
  const std::lock_guard lock(m_mutex);
  const auto found = m_missed.find(domain);
  if (found == m_missed.end() || found->second.id != id || m_parts.clock.steady() - found->second.at >= kPause) return std::nullopt;
  return found->second.answer;
}

io::Task<StsAnswer> StsPolicies::policy_of(std::string domain) {
  if (!m_parts.config.outbound.mta_sts || domain.empty() || domain.front() == '[') co_return StsAnswer{};
  const auto answer = co_await m_parts.resolver.query("_mta-sts." + domain, dns::RecordType::Txt);
  const StsEntryPtr now = known(domain);
  // RFC 8461 5.1: a record that is missing, wrong or out of reach takes nothing back that was known.
  if (!answer || answer->is_temporary_failure()) co_return StsAnswer{now, StsFault::None, {}};
  const auto id = mta_sts_id(texts_of(*answer));
  if (!id) co_return StsAnswer{now, StsFault::None, {}};
  if (now && now->stored.id == *id && !is_due(*now)) co_return StsAnswer{now, StsFault::None, {}};
  if (auto missed = missed_lately(domain, *id)) {
    missed->entry = now;
    co_return *std::move(missed);
  }
  co_return co_await fetch_once(std::move(domain), *id);
}

/// Many messages for one domain start one fetch; the others wait for what it brings.
io::Task<StsAnswer> StsPolicies::fetch_once(std::string domain, std::string id) {
  const io::OneShot<StsAnswer> shot(co_await io::this_executor());
  bool first = false;
  {
    const std::lock_guard lock(m_mutex);
    auto [flight, made] = m_flights.try_emplace(domain);
    first = made;
    if (!made) flight->second.push_back(shot.setter());
  }
  if (!first) co_return co_await shot.wait();
  StsAnswer answer = co_await fetch(domain, id);
  std::vector<Waiter> waiting;
  {
    const std::lock_guard lock(m_mutex);
    waiting = std::move(m_flights[domain]);
    m_flights.erase(domain);
  }
  for (const auto& waiter : waiting) waiter(answer);
  co_return answer;
}

io::Task<StsAnswer> StsPolicies::fetch(std::string domain, std::string id) {
  auto text = co_await download(domain);
  auto policy = text ? parse_mta_sts_policy(*text) : Result<MtaStsPolicy>(tl::unexpected(text.error()));
  if (!policy) {
    const StsAnswer out{known(domain), fault_of(policy.error()), policy.error().text()};
    note_miss(domain, id, out);
    log::info("sts.fetch_failed", {{"domain", domain}, {"reason", policy.error()}, {"known", out.entry != nullptr}});
    co_return out;
  }
  const WallTime now = m_parts.clock.now();
  StoredStsPolicy stored{domain, std::move(id), now, now + policy->max_age, *std::move(text)};
  const auto entry = std::make_shared<const StsEntry>(StsEntry{std::move(stored), *std::move(policy)});
  keep(entry);
  auto job = [store = &m_parts.store, entry, now]() -> Result<bool> {
    POSTERN_CHECK(StsPolicyStore(*store).save(entry->stored, now, kMostPolicies));
    return true;
  };
  if (const auto saved = co_await m_parts.workers.run(std::move(job)); !saved)
    log::warn("sts.not_kept", {{"domain", domain}, {"reason", saved.error()}, {"effect", "it is fetched again after a restart"}});
  log::info("sts.fetched", {{"domain", domain}, {"id", entry->stored.id}, {"mode", name_of(entry->policy.mode)}});
  co_return StsAnswer{entry, StsFault::None, {}};
}

io::Task<Result<std::string>> StsPolicies::download(const std::string& domain) {
  const std::string host = "mta-sts." + domain;
  POSTERN_CO_TRY(const auto found, co_await io::resolve_host(m_parts.resolver, host, {}));
  http::ClientRequest request;
  request.url = {true, host, kHttpsPort, "/.well-known/mta-sts.txt"};
  http::ClientOptions options;
  options.timeout = kFetchTime;
  options.body_limit = kMtaStsPolicyLimit;
  options.tls = m_tls;
  options.judge = m_parts.judge;
  POSTERN_CO_TRY(auto answer, co_await http::fetch(io::endpoints_of(found, kHttpsPort), std::move(request), std::move(options)));
  POSTERN_CO_CHECK(check_answer(answer));
  co_return std::move(answer.body);
}

void StsPolicies::keep(const StsEntryPtr& entry) {
  const std::lock_guard lock(m_mutex);
  m_missed.erase(entry->stored.domain);
  m_entries[entry->stored.domain] = entry;
  if (m_entries.size() <= kMostPolicies) return;
  const auto soonest = [](const auto& a, const auto& b) { return a.second->stored.expires < b.second->stored.expires; };
  m_entries.erase(std::ranges::min_element(m_entries, soonest));
}

void StsPolicies::note_miss(const std::string& domain, const std::string& id, const StsAnswer& answer) {
  const std::lock_guard lock(m_mutex);
  if (m_missed.size() >= kMostMissed) m_missed.clear();  // costs a fetch too many, at worst
  m_missed[domain] = {id, m_parts.clock.steady(), answer};
}

io::Task<void> StsPolicies::refresh() {
  for (const StsEntryPtr& entry : all()) {
    if (!is_due(*entry)) continue;
    (void)co_await policy_of(entry->stored.domain);
  }
}

std::vector<StsEntryPtr> StsPolicies::all() const {
  const std::lock_guard lock(m_mutex);
  const WallTime now = m_parts.clock.now();
  std::vector<StsEntryPtr> out;
  for (const auto& [domain, entry] : m_entries) {
    if (entry->stored.expires > now) out.push_back(entry);
  }
  return out;
}

}  // namespace postern::gateway
