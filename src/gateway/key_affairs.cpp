#include "gateway/key_affairs.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "io/sync.hpp"

namespace postern::gateway {
namespace {

constexpr std::size_t kShredRows = 200;
constexpr auto kLongestLook = std::chrono::seconds(60);

/// Short stages are looked at more often.
std::chrono::seconds look_every(const config::Config::Keys& keys) {
  const auto shortest = std::min({keys.dkim_settle, keys.dkim_retire, keys.dkim_delete});
  return std::clamp<std::chrono::seconds>(shortest / 2, std::chrono::seconds(1), kLongestLook);
}

}  // namespace

KeyAffairs::KeyAffairs(KeyAffairsParts parts)
    : m_parts(std::move(parts)),
      m_dkim(dkim_parts()),
      m_roles(m_parts.config, m_parts.tenants, m_dkim),
      m_shredder(m_parts.store, m_parts.spool, m_parts.keeper, m_parts.clock, m_parts.key_gone),
      m_life(options(), m_parts.store, m_parts.keeper, m_parts.clock) {}

DkimRolloverParts KeyAffairs::dkim_parts() {
  return {m_parts.config,
          m_parts.store,
          m_parts.keeper,
          m_parts.signers,
          m_parts.resolver,
          m_parts.workers,
          m_parts.clock,
          [this](const KeyName& key, std::uint32_t minimum) -> Status {
            POSTERN_TRY([[maybe_unused]] const KeyInfo changed, m_life.archive(key, minimum, "system"));
            return {};
          }};
}

KeyLifeOptions KeyAffairs::options() {
  KeyLifeOptions out;
  out.role = [this](const KeyName& name) { return m_roles.role(name); };
  out.rule = [this](const KeyName& name, KeyRole role) { return m_roles.rule(name, role); };
  out.active = [this](const KeyInfo& key) {
    if (m_roles.role(key.name) != KeyRole::Server) return m_dkim.active(key);
    return (m_parts.server_version ? m_parts.server_version() : std::nullopt).value_or(key.latest);
  };
  out.governed = [this] { return m_roles.governed(); };
  out.storage_keys = [this] { return m_parts.tenants.storage_keys(); };
  out.rotated = m_parts.rotated;
  out.by_hand = [this](const KeyInfo& key, KeyRole role) { return m_roles.by_hand(key, role); };
  out.chore = [this] { return go_on_shredding(); };
  out.rewrap_rate = static_cast<std::size_t>(m_parts.config.keys.rewrap_rate);
  out.archive_after_rewrap = m_parts.config.keys.rotation_archive == "after-rewrap";
  return out;
}

void KeyAffairs::start(io::Executor loop) {
  io::spawn(std::move(loop), watch_dkim(), "gateway.dkim");
  m_life.start();
}

io::Task<void> KeyAffairs::watch_dkim() {
  for (;;) {
    co_await m_dkim.look();
    co_await io::sleep_for(look_every(m_parts.config.keys));
  }
}

Result<Shredding> KeyAffairs::shred(const std::string& tenant, const std::string& actor) {
  if (const Tenants::Entry* entry = m_parts.tenants.find(tenant)) return shred(tenant, entry->storage_key, actor);
  // No longer in the configuration, and perhaps not finished.
  POSTERN_TRY(const auto known, ShredLog(m_parts.store).find(tenant));
  if (!known) return fail(ErrorCode::NotFound, "no tenant " + printable(tenant, 64) + "; postern tenant list names them");
  return shred(tenant, known->key, actor);
}

Result<Shredding> KeyAffairs::shred(const std::string& tenant, const KeyName& key, const std::string& actor) {
  const std::lock_guard lock(m_shredding);
  m_parts.tenants.mark_shredded(tenant);  // nothing new of it is taken from here on
  POSTERN_TRY(Shredding begun, m_shredder.begin(tenant, key, actor));
  m_life.wake();
  return begun;
}

/// A bounded piece of what is begun, also of what a crash or a keeper that did not answer left; true: there is more.
bool KeyAffairs::go_on_shredding() {
  const std::lock_guard lock(m_shredding);
  const auto known = ShredLog(m_parts.store).all();
  if (!known) return false;
  for (const Shredding& one : *known) {
    if (one.finished) continue;
    m_parts.tenants.mark_shredded(one.tenant);
    const auto begun = m_shredder.begin(one.tenant, one.key, "system");
    const auto next = begun ? m_shredder.step(*begun, kShredRows) : begun;
    if (!next) log::warn("tenant.shred_waits", {{"tenant", one.tenant}, {"reason", next.error()}});
    return next.has_value();
  }
  return false;
}

Status mark_shredded_tenants(Store& store, Tenants& tenants, std::vector<std::string>& warnings) {
  POSTERN_TRY(const auto shredded, ShredLog(store).all());
  for (const Shredding& one : shredded) {
    if (tenants.find(one.tenant) == nullptr) continue;
    tenants.mark_shredded(one.tenant);
    warnings.push_back("tenant " + one.tenant + " was shredded on " + rfc3339(one.begun) +
                       " and its mail is refused; remove its [[tenant]] record and its domains");
  }
  return {};
}

/// A tenant that was shredded stays so: its key is not made again because the configuration still names it.
Status make_storage_keys(Keeper& keeper, const Tenants& tenants) {
  for (const KeyName& key : tenants.storage_keys()) {
    const auto there = keeper.ensure(key, KeyType::Aes256Gcm96);
    if (!there) return fail(Error(there.error()).context("tenant.storage_key"));
  }
  return {};
}

}  // namespace postern::gateway
