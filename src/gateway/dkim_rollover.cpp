#include "gateway/dkim_rollover.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "store/audit_log.hpp"

namespace postern::gateway {
namespace {

/// One label has 63 octets (RFC 1035 2.3.4); a selector may have several.
constexpr std::size_t kLabel = 63;

std::string next_selector(const std::string& selector, std::uint32_t version) {
  std::string name = selector + "-v" + std::to_string(version);
  const auto dot = name.rfind('.');
  const std::size_t last = dot == std::string::npos ? name.size() : name.size() - dot - 1;
  return last <= kLabel ? name : "v" + std::to_string(version) + "." + selector;
}

std::string dns_name(const DkimKeyRef& signer) { return signer.selector + "._domainkey." + signer.domain; }

}  // namespace

std::uint32_t DkimRollover::active(const KeyInfo& key) const {
  const auto signers = m_pipeline.dkim_signers();
  std::uint32_t oldest = key.latest;
  for (std::size_t i = 0; i < signers->size(); ++i) {
    if ((*signers)[i].key_name == key.name.get() && m_config.dkim[i].version == 0) oldest = std::min(oldest, (*signers)[i].key_version);
  }
  return oldest;
}

std::vector<DkimRollover::Waiting> DkimRollover::waiting() const {
  std::vector<Waiting> out;
  const auto signers = m_pipeline.dkim_signers();
  for (std::size_t i = 0; i < signers->size(); ++i) {
    const DkimKeyRef& now = (*signers)[i];
    const auto key = m_keeper.describe(KeyName(now.key_name));
    if (!key || m_config.dkim[i].version != 0 || now.key_version >= key->latest) continue;
    DkimKeyRef next = now;
    next.key_version = key->latest;
    next.selector = next_selector(m_config.dkim[i].selector, key->latest);
    out.push_back({i, std::move(next)});
  }
  return out;
}

Result<DkimPublication> DkimRollover::publication(const DkimKeyRef& signer, bool active) const {
  POSTERN_TRY(const PublicKey key, m_keeper.public_key(KeyName(signer.key_name), signer.key_version));
  const Bytes published = signer.algorithm == DkimAlgorithm::Ed25519Sha256 ? key.to_raw() : key.to_spki();
  return DkimPublication{dns_name(signer), dkim_key_record(signer.algorithm, published), signer.key_version, active};
}

Result<std::vector<DkimPublication>> DkimRollover::publications(const KeyInfo& key) const {
  std::vector<DkimPublication> out;
  const auto signers = m_pipeline.dkim_signers();
  for (const DkimKeyRef& signer : *signers) {
    if (signer.key_name != key.name.get()) continue;
    POSTERN_TRY(auto now, publication(signer, true));
    out.push_back(std::move(now));
  }
  for (const Waiting& one : waiting()) {
    if (one.next.key_name != key.name.get()) continue;
    POSTERN_TRY(auto next, publication(one.next, false));
    out.push_back(std::move(next));
  }
  return out;
}

/// A signature of the new version, checked as any receiver would check it, against nothing but this answer.
bool DkimRollover::verifies(const DkimKeyRef& as, dns::Answer answer) const {
  const std::string probe = "From: postmaster@" + as.domain + "\r\n\r\n";
  const auto bare = MessageView::parse(probe);
  if (!bare) return false;
  const auto signature =
      dkim_sign(*bare, {&as, 1}, {}, [this](const DkimKeyRef& key, ByteView data) { return m_pipeline.dkim_signature(key, data); });
  if (!signature) return false;
  const std::string message = *signature + probe;
  const auto signed_view = MessageView::parse(message);
  if (!signed_view) return false;
  dns::AnswerTable table;
  table.add(dns_name(as), dns::RecordType::Txt, std::move(answer));
  return dkim_overall(dkim_verify(*signed_view, table, m_clock.now())) == DkimResult::Pass;
}

/// What cannot be asked is no answer; it is asked again.
io::Task<dns::Answer> DkimRollover::ask(std::string name) {
  auto answer = co_await m_resolver.query(std::move(name), dns::RecordType::Txt);
  co_return answer ? *std::move(answer) : dns::Answer{};
}

io::Task<void> DkimRollover::look() {
  auto collect = [this] { return waiting(); };
  const auto found = co_await m_workers.run(std::move(collect));
  if (!found) co_return;
  for (const Waiting& one : *found) {
    DkimKeyRef in_place = one.next;
    in_place.selector = m_config.dkim[one.at].selector;
    for (const DkimKeyRef& as : {one.next, in_place}) {
      const dns::Answer answer = co_await ask(dns_name(as));
      if (answer.status != dns::AnswerStatus::NoError) continue;
      auto work = [this, at = one.at, as, answer]() -> Result<bool> {
        if (!verifies(as, answer)) return false;
        POSTERN_CHECK(use(at, as, "system"));
        return true;
      };
      const auto used = co_await m_workers.run(std::move(work));
      if (!used) log::warn("dkim.not_activated", {{"selector", as.selector}, {"domain", as.domain}, {"reason", used.error()}});
      if (used && *used) break;
    }
  }
}

/// Durable first; then it signs.
Status DkimRollover::use(std::size_t at, const DkimKeyRef& next, const std::string& actor) {
  const std::lock_guard lock(m_using);
  auto signers = *m_pipeline.dkim_signers();
  if (signers.at(at).key_version >= next.key_version) return {};
  const config::DkimSigner& setting = m_config.dkim[at];
  const std::string published = next.selector == setting.selector ? std::string() : next.selector;
  POSTERN_CHECK(DkimPins(m_store).activate(to_lower(setting.domain), setting.selector, setting.key, {next.key_version, published}));
  signers[at] = next;
  m_pipeline.set_dkim_signers(std::move(signers));
  AuditRecord record;
  record.time = m_clock.now();
  record.kind = "dkim.activated";
  record.actor = actor;
  record.facts = AuditFacts()
                     .add("domain", next.domain)
                     .add("selector", next.selector)
                     .add("key", next.key_name)
                     .add("version", next.key_version)
                     .text();
  log::info("dkim.activated", {{"domain", next.domain}, {"selector", next.selector}, {"version", next.key_version}});
  return SqliteAuditLog(m_store).append(std::move(record));
}

Result<std::size_t> DkimRollover::activate(const KeyName& key, bool in_place, const std::string& actor) {
  std::size_t count = 0;
  for (Waiting& one : waiting()) {
    if (one.next.key_name != key.get()) continue;
    if (in_place) one.next.selector = m_config.dkim[one.at].selector;
    POSTERN_CHECK(use(one.at, one.next, actor));
    ++count;
  }
  if (count == 0) return fail(ErrorCode::NotFound, "no new version of this key waits for DNS", key.get());
  return count;
}

}  // namespace postern::gateway
