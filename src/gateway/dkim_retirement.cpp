// A DKIM version that signs no more: how long DNS keeps it, and when it goes.
#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "gateway/dkim_rollover.hpp"

namespace postern::gateway {

io::Task<void> DkimRollover::retire(DkimRecord record, bool believable) {
  const auto age = m_parts.clock.now() - record.since;
  const auto& times = m_parts.config.keys;
  if (!believable || age < (record.stage == DkimStage::Retiring ? times.dkim_retire : times.dkim_delete)) co_return;
  dns::Answer answer{dns::AnswerStatus::NoData, false, {}, {}};
  const bool look = record.stage == DkimStage::Withdrawn && !record.published.empty();
  if (look) answer = co_await ask(record.published + "._domainkey." + record.signer.domain);
  auto work = [this, record, answer]() -> Status {
    if (record.stage == DkimStage::Retiring) return withdraw(record);
    // Nobody shall find a key in DNS that nobody keeps any more.
    if (answer.is_temporary_failure()) return {};
    const auto at = place_of(record.signer);
    if (!at || (!record.published.empty() && verifies(reference(*at, record), answer))) return {};
    return remove(record);
  };
  const Status done = co_await m_parts.workers.run(std::move(work));
  if (!done) log::warn("dkim.not_retired", {{"selector", record.published}, {"domain", record.signer.domain}, {"reason", done.error()}});
}

Status DkimRollover::withdraw(DkimRecord record) {
  const auto at = place_of(record.signer);
  if (!at) return {};
  record.stage = DkimStage::Withdrawn;
  record.since = m_parts.clock.now();
  POSTERN_CHECK(DkimPins(m_parts.store).keep(record));
  return note("dkim.withdrawn", reference(*at, record), "system");
}

/// The version first, then what is known of it: what fails is done at the next look.
Status DkimRollover::remove(const DkimRecord& record) {
  const auto at = place_of(record.signer);
  if (!at) return {};
  const KeyName key(record.signer.key);
  POSTERN_TRY(const std::uint32_t oldest, oldest_needed(record));
  if (m_parts.retire) POSTERN_CHECK(m_parts.retire(key, oldest));
  POSTERN_CHECK(DkimPins(m_parts.store).forget(record));
  return note("dkim.deleted", reference(*at, record), "system");
}

/// A key may sign for several domains, each at its own pace. What is not known counts as needed: then nothing goes.
Result<std::uint32_t> DkimRollover::oldest_needed(const DkimRecord& apart_from) const {
  std::uint32_t oldest = UINT32_MAX;
  const auto signers = m_parts.signers.all();
  for (const DkimKeyRef& signer : *signers) {
    if (signer.key_name == apart_from.signer.key) oldest = std::min(oldest, signer.key_version);
  }
  POSTERN_TRY(const auto known, records());
  for (const DkimRecord& other : known) {
    const bool same = other.signer == apart_from.signer && other.version == apart_from.version;
    if (!same && other.signer.key == apart_from.signer.key) oldest = std::min(oldest, other.version);
  }
  return oldest;
}

}  // namespace postern::gateway
