#include "gateway/dkim_rollover.hpp"

#include <algorithm>
#include <set>

#include "base/log.hpp"
#include "base/text.hpp"
#include "store/audit_log.hpp"

namespace postern::gateway {
namespace {

/// One label has 63 octets (RFC 1035 2.3.4); a selector may have several.
constexpr std::size_t kLabel = 63;

std::string numbered_selector(const std::string& selector, std::uint32_t version) {
  std::string name = selector + "-v" + std::to_string(version);
  const auto dot = name.rfind('.');
  const std::size_t last = dot == std::string::npos ? name.size() : name.size() - dot - 1;
  return last <= kLabel ? name : "v" + std::to_string(version) + "." + selector;
}

/// Two names in turn need two CNAMEs once; numbers need one for each version.
std::string next_selector(const config::DkimSigner& setting, const DkimKeyRef& now, std::uint32_t version) {
  if (setting.alternate.empty()) return numbered_selector(setting.selector, version);
  return iequals(now.selector, setting.alternate) ? setting.selector : setting.alternate;
}

}  // namespace

std::string_view name_of(DkimState state) noexcept {
  switch (state) {
    case DkimState::InUse: return "in use";
    case DkimState::Announced: return "announced";
    case DkimState::Seen: return "seen";
    case DkimState::Retiring: return "retiring";
    case DkimState::Withdrawn: return "withdrawn";
  }
  return "in use";
}

std::string dkim_record_name(const DkimKeyRef& signer) { return signer.selector + "._domainkey." + signer.domain; }

DkimSignerName DkimRollover::name_of_signer(std::size_t at) const {
  const config::DkimSigner& setting = m_parts.config.dkim.at(at);
  return {to_lower(setting.domain), setting.selector, setting.key};
}

/// A record may be older than the configuration.
std::optional<std::size_t> DkimRollover::place_of(const DkimSignerName& signer) const {
  for (std::size_t at = 0; at < m_parts.config.dkim.size(); ++at) {
    if (name_of_signer(at) == signer) return at;
  }
  return std::nullopt;
}

DkimKeyRef DkimRollover::reference(std::size_t at, const DkimRecord& record) const {
  DkimKeyRef out = m_parts.signers.all()->at(at);
  out.key_version = record.version;
  out.selector = record.published;
  return out;
}

/// Those of signers that there still are.
Result<std::vector<DkimRecord>> DkimRollover::records() const {
  POSTERN_TRY(auto known, DkimPins(m_parts.store).records());
  std::erase_if(known, [this](const DkimRecord& record) { return !place_of(record.signer); });
  return known;
}

std::uint32_t DkimRollover::active(const KeyInfo& key) const {
  const auto signers = m_parts.signers.all();
  std::uint32_t oldest = key.latest;
  for (std::size_t i = 0; i < signers->size(); ++i) {
    const DkimKeyRef& signer = (*signers)[i];
    if (signer.key_name == key.name.get() && m_parts.config.dkim[i].version == 0) oldest = std::min(oldest, signer.key_version);
  }
  return oldest;
}

Result<std::vector<DkimRollover::Waiting>> DkimRollover::waiting() const {
  std::vector<Waiting> out;
  const auto signers = m_parts.signers.all();
  POSTERN_TRY(const auto known, records());
  for (std::size_t at = 0; at < signers->size(); ++at) {
    const DkimKeyRef& now = (*signers)[at];
    const auto key = m_parts.keeper.describe(KeyName(now.key_name));
    if (!key || m_parts.config.dkim[at].version != 0 || now.key_version >= key->latest) continue;
    Waiting one{at, now, std::nullopt};
    one.next.key_version = key->latest;
    one.next.selector = next_selector(m_parts.config.dkim[at], now, key->latest);
    const auto is_ours = [&](const DkimRecord& record) { return record.signer == name_of_signer(at); };
    // The name is not free yet: mail that was signed under it is under way.
    if (std::ranges::any_of(known, [&](const DkimRecord& record) {
          return is_ours(record) && record.stage == DkimStage::Retiring && iequals(record.published, one.next.selector);
        }))
      continue;
    for (const DkimRecord& record : known) {
      if (is_ours(record) && record.stage == DkimStage::Seen && record.version == key->latest) one.seen = record.since;
    }
    out.push_back(std::move(one));
  }
  return out;
}

Result<DkimPublication> DkimRollover::publication(const DkimKeyRef& signer, DkimState state) const {
  POSTERN_TRY(const PublicKey key, m_parts.keeper.public_key(KeyName(signer.key_name), signer.key_version));
  const Bytes published = signer.algorithm == DkimAlgorithm::Ed25519Sha256 ? key.to_raw() : key.to_spki();
  DkimPublication out;
  out.name = dkim_record_name(signer);
  out.value = dkim_key_record(signer.algorithm, published);
  out.version = signer.key_version;
  out.state = state;
  for (const config::DkimSigner& setting : m_parts.config.dkim) {
    if (!setting.delegate.empty() && setting.key == signer.key_name && iequals(setting.domain, signer.domain))
      out.at = signer.selector + "." + signer.domain + "." + to_lower(setting.delegate);
  }
  return out;
}

Result<std::vector<DkimPublication>> DkimRollover::publications(const KeyInfo& key) const {
  POSTERN_TRY(const auto waits, waiting());
  POSTERN_TRY(const auto known, records());
  return publications_of(key.name.get(), waits, known);
}

/// The keeper has retired it, and the medium failed before it was forgotten (remove()): DNS has had nothing of it for a while.
bool DkimRollover::is_gone(const DkimRecord& record) const {
  const auto key = m_parts.keeper.describe(KeyName(record.signer.key));
  return key && record.version < key->min_decryption_version;
}

Result<std::vector<DkimPublication>> DkimRollover::publications_of(const std::string& key, const std::vector<Waiting>& waits,
                                                                   const std::vector<DkimRecord>& known) const {
  std::vector<DkimPublication> out;
  const auto& times = m_parts.config.keys;
  const auto add = [&](const DkimKeyRef& signer, DkimState state, std::optional<WallTime> until) -> Status {
    POSTERN_TRY(auto one, publication(signer, state));
    one.until = until;
    out.push_back(std::move(one));
    return {};
  };
  const auto signers = m_parts.signers.all();
  for (const DkimKeyRef& signer : *signers) {
    if (signer.key_name == key) POSTERN_CHECK(add(signer, DkimState::InUse, std::nullopt));
  }
  for (const Waiting& one : waits) {
    if (one.next.key_name != key) continue;
    const auto until = one.seen ? std::optional<WallTime>(*one.seen + times.dkim_settle) : std::nullopt;
    POSTERN_CHECK(add(one.next, one.seen ? DkimState::Seen : DkimState::Announced, until));
  }
  // What was overtaken is told from the moment of the rotation, and not only after the next look.
  std::vector<DkimRecord> former_ones = known;
  for (const Waiting& one : waits) std::ranges::move(skipped(one, known), std::back_inserter(former_ones));
  for (const DkimRecord& record : former_ones) {
    if (record.signer.key != key || record.stage == DkimStage::Seen || record.published.empty()) continue;
    const DkimKeyRef former = reference(*place_of(record.signer), record);
    const bool retiring = record.stage == DkimStage::Retiring;
    if (!retiring && is_gone(record)) continue;
    // A name that another version has taken is not withdrawn.
    if (!retiring && std::ranges::any_of(out, [&](const DkimPublication& one) { return iequals(one.name, dkim_record_name(former)); }))
      continue;
    POSTERN_CHECK(add(former, retiring ? DkimState::Retiring : DkimState::Withdrawn,
                      retiring ? std::optional<WallTime>(record.since + times.dkim_retire) : std::nullopt));
  }
  return out;
}

Result<std::vector<DkimPublication>> DkimRollover::publications() const {
  std::vector<DkimPublication> out;
  std::set<std::string> done;
  POSTERN_TRY(const auto waits, waiting());
  POSTERN_TRY(const auto known, records());
  const auto signers = m_parts.signers.all();
  for (const DkimKeyRef& signer : *signers) {
    if (!done.insert(signer.key_name).second) continue;
    POSTERN_TRY(auto of_key, publications_of(signer.key_name, waits, known));
    std::ranges::move(of_key, std::back_inserter(out));
  }
  return out;
}

/// A signature of the new version, checked as any receiver would check it, against nothing but this answer.
bool DkimRollover::verifies(const DkimKeyRef& as, const dns::Answer& answer) const {
  const std::string probe = "From: postmaster@" + as.domain + "\r\n\r\n";
  const auto bare = MessageView::parse(probe);
  if (!bare) return false;
  const auto signature =
      dkim_sign(*bare, {&as, 1}, {}, [this](const DkimKeyRef& key, ByteView data) { return m_parts.signers.sign(key, data); });
  if (!signature) return false;
  const std::string message = *signature + probe;
  const auto signed_view = MessageView::parse(message);
  if (!signed_view) return false;
  dns::AnswerTable table;
  table.add(dkim_record_name(as), dns::RecordType::Txt, answer);
  return dkim_overall(dkim_verify(*signed_view, table, m_parts.clock.now())) == DkimResult::Pass;
}

/// What cannot be asked is no answer; it is asked again.
io::Task<dns::Answer> DkimRollover::ask(std::string name) {
  auto answer = co_await m_parts.resolver.query(std::move(name), dns::RecordType::Txt);
  co_return answer ? *std::move(answer) : dns::Answer{};
}

io::Task<void> DkimRollover::look() {
  const bool believable = !m_clock_watch.held_until(m_parts.clock.now(), m_parts.clock.steady());
  auto collect = [this] { return waiting(); };
  const auto waits = co_await m_parts.workers.run(std::move(collect));
  if (!waits) co_return log::warn("dkim.not_looked", {{"reason", waits.error()}});
  for (const Waiting& one : *waits) co_await look_for(one, believable);
  auto read = [this] { return records(); };
  const auto known = co_await m_parts.workers.run(std::move(read));
  if (!known) co_return log::warn("dkim.not_looked", {{"reason", known.error()}});
  for (const DkimRecord& record : *known) {
    if (record.stage != DkimStage::Seen) co_await retire(record, believable);
  }
}

io::Task<void> DkimRollover::look_for(Waiting one, bool believable) {
  DkimKeyRef in_place = one.next;
  in_place.selector = m_parts.config.dkim[one.at].selector;
  const dns::Answer own = co_await ask(dkim_record_name(one.next));
  const dns::Answer replaced = in_place.selector == one.next.selector ? dns::Answer{} : co_await ask(dkim_record_name(in_place));
  auto work = [this, one, in_place, own, replaced, believable]() -> Status {
    POSTERN_CHECK(withdraw_skipped(one));
    if (verifies(one.next, own)) return found(one, believable);
    if (verifies(in_place, replaced)) return use(one.at, in_place, "system");
    return not_found(one, own);
  };
  const Status done = co_await m_parts.workers.run(std::move(work));
  if (!done) log::warn("dkim.not_activated", {{"selector", one.next.selector}, {"domain", one.next.domain}, {"reason", done.error()}});
}

Status DkimRollover::found(const Waiting& one, bool believable) {
  const WallTime now = m_parts.clock.now();
  if (!one.seen) {
    log::info("dkim.seen", {{"selector", one.next.selector}, {"domain", one.next.domain}, {"version", one.next.key_version}});
    POSTERN_CHECK(DkimPins(m_parts.store).keep({name_of_signer(one.at), one.next.key_version, one.next.selector, DkimStage::Seen, now}));
  }
  if (!believable || now - one.seen.value_or(now) < m_parts.config.keys.dkim_settle) return {};
  return use(one.at, one.next, "system");
}

std::vector<DkimRecord> DkimRollover::skipped(const Waiting& one, const std::vector<DkimRecord>& known) const {
  const config::DkimSigner& setting = m_parts.config.dkim[one.at];
  std::vector<DkimRecord> out;
  if (!setting.alternate.empty()) return out;  // the next version stands under the same name
  const DkimSignerName signer = name_of_signer(one.at);
  const std::uint32_t now = m_parts.signers.all()->at(one.at).key_version;
  for (std::uint32_t version = now + 1; version < one.next.key_version; ++version) {
    const bool done = std::ranges::any_of(known, [&](const DkimRecord& record) {
      return record.signer == signer && record.version == version && record.stage == DkimStage::Withdrawn;
    });
    if (!done) out.push_back({signer, version, numbered_selector(setting.selector, version), DkimStage::Withdrawn, m_parts.clock.now()});
  }
  return out;
}

/// What was published of them is to leave DNS.
Status DkimRollover::withdraw_skipped(const Waiting& one) {
  POSTERN_TRY(const auto known, records());
  for (const DkimRecord& record : skipped(one, known)) POSTERN_CHECK(DkimPins(m_parts.store).keep(record));
  return {};
}

/// It was there and is not any more: the time begins again. Silence says nothing.
Status DkimRollover::not_found(const Waiting& one, const dns::Answer& answer) {
  if (!one.seen || answer.is_temporary_failure()) return {};
  log::warn("dkim.record_gone", {{"selector", one.next.selector}, {"domain", one.next.domain}, {"version", one.next.key_version}});
  return DkimPins(m_parts.store).forget({name_of_signer(one.at), one.next.key_version, {}, DkimStage::Seen, {}});
}

/// Durable first; then it signs.
Status DkimRollover::use(std::size_t at, const DkimKeyRef& next, const std::string& actor) {
  const std::lock_guard lock(m_using);
  auto signers = *m_parts.signers.all();
  const DkimKeyRef now = signers.at(at);
  if (now.key_version >= next.key_version) return {};
  const DkimSignerName signer = name_of_signer(at);
  const bool in_place = iequals(now.selector, next.selector);
  DkimRecord former{signer, now.key_version, in_place ? std::string() : now.selector, DkimStage::Retiring, m_parts.clock.now()};
  if (in_place) former.stage = DkimStage::Withdrawn;
  const std::string published = next.selector == signer.selector ? std::string() : next.selector;
  POSTERN_CHECK(DkimPins(m_parts.store).activate(signer, {next.key_version, published}, former));
  signers[at] = next;
  m_parts.signers.set(std::move(signers));
  return note("dkim.activated", next, actor);
}

Status DkimRollover::note(const char* kind, const DkimKeyRef& what, const std::string& actor) {
  log::info(kind, {{"domain", what.domain}, {"selector", what.selector}, {"key", what.key_name}, {"version", what.key_version}});
  AuditRecord record;
  record.time = m_parts.clock.now();
  record.kind = kind;
  record.actor = actor;
  record.facts = AuditFacts()
                     .add("domain", what.domain)
                     .add("selector", what.selector)
                     .add("key", what.key_name)
                     .add("version", what.key_version)
                     .text();
  return SqliteAuditLog(m_parts.store).append(std::move(record));
}

}  // namespace postern::gateway
