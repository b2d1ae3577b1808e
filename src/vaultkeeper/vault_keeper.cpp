// Beginning, tending and ending of the keeper; its calls are in vault_keeper_calls.cpp.
#include "vaultkeeper/vault_keeper.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace postern::vaultkeeper {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTend{500};
constexpr milliseconds kFirstProbe{250};
constexpr milliseconds kLastProbe{5000};
constexpr std::chrono::hours kRewrapEvery{1};

}  // namespace

VaultKeeper::VaultKeeper(std::shared_ptr<Transport> transport, std::unique_ptr<Credentials> credentials, KeyStore& store,
                         const Clock& clock, VaultKeeperOptions options, bool background)
    : m_store(store),
      m_clock(clock),
      m_options(std::move(options)),
      m_line(std::move(transport), clock, m_options.line, [this](milliseconds span) { return pause(span); }),
      m_session(m_line, std::move(credentials), clock),
      m_client(m_line, m_session, m_options.mount),
      m_data_keys(m_client, clock, m_options.data_keys),
      m_transit(m_client, clock),
      m_local(store, m_data_keys, clock, m_options.local_keys),
      m_probe_pause(kFirstProbe) {
  if (background) m_thread = std::thread([this] { run(); });
}

VaultKeeper::~VaultKeeper() {
  {
    const std::lock_guard lock(m_stop_mutex);
    m_stopping = true;
  }
  m_stop_bell.notify_all();
  if (m_thread.joinable()) m_thread.join();
  m_session.close();
}

bool VaultKeeper::pause(milliseconds span) {
  std::unique_lock lock(m_stop_mutex);
  return !m_stop_bell.wait_for(lock, span, [this] { return m_stopping; });
}

// Ready ------------------------------------------------------------------------------------------------------------------------------

bool VaultKeeper::goes_to_transit(const KeyName& name, KeyType type) const {
  if (is_symmetric(type) || type == KeyType::Ed25519) return true;
  if (type == KeyType::X25519 || type == KeyType::OpenPgp) return false;
  return m_options.signing_only.contains(name);
}

/// A key that other mail depends on is made on the first start only: later, its absence is a loss, and a new one would hide it.
Status VaultKeeper::named_key(const KeyName& name, KeyType type, bool first_start) {
  auto info = m_transit.describe(name);
  if (!info && info.error().code == ErrorCode::NotFound && first_start) info = m_transit.create(name, type);
  if (!info && info.error().code == ErrorCode::NotFound)
    return fail(ErrorCode::IntegrityFailed,
                "the external Vault has no key " + name.get() +
                    " any more: restore it from the Vault's backup; a new one would not open what "
                    "the old one sealed",
                "keys.vault");
  if (!info) return fail(std::move(info).error());
  if (info->type == type) return {};
  return fail(ErrorCode::Conflict,
              "the external Vault's key " + name.get() + " is of type " + std::string(name_of(info->type)) + ", and " +
                  std::string(name_of(type)) + " is needed",
              "keys.vault");
}

Status VaultKeeper::ready_now() {
  POSTERN_TRY(const Bytes blob, m_store.load_root());
  POSTERN_CHECK(LocalKeys::check_root(blob));
  POSTERN_CHECK(m_session.token(m_line.deadline()));
  const bool first = blob.empty();
  POSTERN_CHECK(named_key(key_names::kPgpEncryption, KeyType::Aes256Gcm96, first));
  POSTERN_CHECK(m_local.open());
  POSTERN_CHECK(named_key(key_names::kMailStorage, KeyType::Aes256Gcm96, first));
  POSTERN_CHECK(named_key(key_names::kDkim, KeyType::Ed25519, first));
  return named_key(key_names::kApiHmac, KeyType::Hmac, first);
}

Status VaultKeeper::connect() {
  if (m_ready) return {};
  const std::lock_guard lock(m_opening);
  if (m_ready) return {};
  POSTERN_CHECK(ready_now());
  m_ready = true;
  const KeeperState now = state();
  log::info("vaultkeeper.ready", {{"address", now.where}, {"mount", m_options.mount}});
  return {};
}

/// Whatever keeps us from being ready is the operator's to mend, and no fault of the message: it waits.
Status VaultKeeper::ready_to_use() {
  Status done = connect();
  if (done || done.error().code == ErrorCode::Unavailable) return done;
  return fail(ErrorCode::Unavailable, done.error().what, done.error().field);
}

/// A name becomes a part of a path over there: none that is not a name gets that far.
Status VaultKeeper::ready_for(const KeyName& name) {
  if (!parse_key_name(name.get())) return fail(ErrorCode::NotFound, "no key has such a name", "name");
  return ready_to_use();
}

KeeperState VaultKeeper::state() const {
  const Outage outage = m_line.outage();
  KeeperState out;
  out.backend = "vault";
  out.reachable = !outage.open || outage.sealed;
  out.sealed = outage.sealed;
  out.where = outage.where;
  out.last_error = outage.error;
  out.since = outage.since;
  out.token_expires = m_session.expires();
  out.cached_data_keys = m_data_keys.cached();
  out.cached_keys = m_local.cached();
  return out;
}

// Background -------------------------------------------------------------------------------------------------------------------------

/// Somebody may rotate pgp_key_encryption over there: our keys follow, so that its old versions can be retired.
void VaultKeeper::rewrap_when_rotated() {
  if (m_clock.steady() < m_next_rewrap) return;
  m_next_rewrap = m_clock.steady() + kRewrapEvery;
  const auto info = m_transit.describe(key_names::kPgpEncryption);
  const Status done = info ? m_local.rewrap(info->latest) : Status(fail(info.error()));
  if (!done) log::warn("vaultkeeper.rewrap_failed", {{"reason", done.error()}});
}

milliseconds VaultKeeper::tend() {
  if (m_line.outage().open) {
    if (m_clock.steady() < m_next_probe) return kFirstProbe;
    const bool well = m_line.probe().has_value();
    m_probe_pause = well ? kFirstProbe : std::min(m_probe_pause * 2, kLastProbe);
    m_next_probe = m_clock.steady() + m_probe_pause;
    if (!well) return kFirstProbe;
  }
  m_session.tend();
  if (!connect()) return kTend;
  m_data_keys.tend(key_names::kMailStorage);
  m_local.tend();
  rewrap_when_rotated();
  return kTend;
}

void VaultKeeper::run() {
  while (pause(tend())) {
  }
}

}  // namespace postern::vaultkeeper
