#include "rotation/key_life.hpp"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "base/log.hpp"
#include "rotation/key_life_impl.hpp"

namespace postern {

using std::chrono::milliseconds;

// Facts -------------------------------------------------------------------------------------------------------------------------------

std::uint32_t KeyLife::Impl::active_of(const KeyInfo& info) const {
  const std::uint32_t active = options.active ? options.active(info) : info.latest;
  return active == 0 ? info.latest : std::min(active, info.latest);
}

RotationFacts KeyLife::Impl::facts_of(const KeyInfo& info) const {
  RotationFacts out;
  out.name = info.name;
  out.latest = info.latest;
  out.rule = options.rule(info.name, options.role(info.name));
  out.active = out.rule.announce ? active_of(info) : info.latest;
  if (const KeyVersionInfo* version = info.find(info.latest)) {
    out.created = version->created;
    out.uses = version->uses;
  }
  out.max_uses = info.max_uses;
  out.engine_period = info.auto_rotate;
  return out;
}

AuditRecord KeyLife::Impl::record(std::string kind, const KeyName& key, const std::string& actor, AuditFacts facts) const {
  AuditRecord out;
  out.time = clock.now();
  out.kind = std::move(kind);
  out.actor = actor;
  out.facts = facts.add("key", key.get()).text();
  return out;
}

/// An act that is done is not undone because its record could not be written; that it could not is an error all the same.
Status KeyLife::Impl::note(std::string kind, const KeyName& key, const std::string& actor, AuditFacts facts) {
  return audit.append(record(std::move(kind), key, actor, std::move(facts)));
}

bool KeyLife::Impl::is_storage(const KeyName& name) const {
  const auto names = options.storage_keys();
  return std::ranges::find(names, name) != names.end();
}

// The plan ----------------------------------------------------------------------------------------------------------------------------

/// `from`: the latest version that was seen; when it is another one by now, the rotation is done. 0: whatever it is.
Result<KeyInfo> KeyLife::Impl::rotate(const KeyName& name, std::uint32_t from, const std::string& actor, const char* reason) {
  KeyInfo info;
  {
    const std::lock_guard lock(acting);
    if (from != 0) {
      POSTERN_TRY(info, keeper.describe(name));
      if (info.latest != from) return info;
    }
    POSTERN_TRY(info, keeper.rotate(name));
  }
  const KeyRole role = options.role(name);
  if (options.rotated) options.rotated(name, role);
  wake();
  POSTERN_CHECK(note("key.rotated", name, actor, AuditFacts().add("version", info.latest).add("reason", reason)));
  return info;
}

void KeyLife::Impl::look() {
  std::vector<RotationFacts> facts;
  std::vector<std::string> trouble;
  for (const KeyName& name : options.governed()) {
    const auto info = keeper.describe(name);
    if (info)
      facts.push_back(facts_of(*info));
    else if (info.error().code == ErrorCode::Unavailable || info.error().code == ErrorCode::Timeout)
      return;  // sealed, or away: it says so itself, and nothing is due until it is back
    else if (info.error().code != ErrorCode::NotFound)
      trouble.push_back("key " + name.get() + " cannot be rotated: " + info.error().text());
  }
  RotationPlan plan = planner.plan(facts, clock.now(), clock.steady());
  for (const RotationStep& step : plan.steps) {
    if (step.announce)
      log::warn("keys.announced", {{"key", step.name.get()}, {"next", "publish its DNS record: postern key show " + step.name.get()}});
    const auto rotated = rotate(step.name, step.from, "system", step.reason.c_str());
    if (!rotated) trouble.push_back("key " + step.name.get() + " is due and cannot be rotated: " + rotated.error().text());
  }
  const bool acted = !plan.steps.empty();
  plan.warnings.insert(plan.warnings.end(), trouble.begin(), trouble.end());
  const std::lock_guard lock(mutex);
  for (const std::string& text : trouble) {
    if (std::ranges::find(last_warnings, text) == last_warnings.end()) log::error("keys.rotation_failed", {{"error", text}});
  }
  last_warnings = std::move(plan.warnings);
  next_due = plan.next;
  if (acted) poked = true;  // the plan after the rotation is another one
}

// Re-wrapping -------------------------------------------------------------------------------------------------------------------------

/// One batch of one key, or what follows when there is none left; true: there is more to do at once.
Result<bool> KeyLife::Impl::go_on(const KeyName& name) {
  auto info = keeper.describe(name);
  if (!info && info.error().code == ErrorCode::NotFound) return false;
  if (!info) return fail(std::move(info).error());
  POSTERN_TRY(auto run, runs.run(name));
  if (!run && info->latest == 1) return false;
  if (!run || run->target != info->latest) {
    POSTERN_TRY(run, begin(name, info->latest, options.archive_after_rewrap, "system"));
  }
  if (run->finished) return settle(*run);
  POSTERN_TRY(const RewrapRun next, runs.step(name, batch_rows()));
  if (next.finished) {
    POSTERN_CHECK(note("key.rewrapped", name, "system",
                       AuditFacts().add("version", next.target).add("messages", next.done).add("failed", next.failed)));
    set_settled(name, false);
  }
  return true;
}

void KeyLife::Impl::set_settled(const KeyName& name, bool is) {
  const std::lock_guard lock(mutex);
  if (is)
    settled.insert(name);
  else
    settled.erase(name);
}

Result<RewrapRun> KeyLife::Impl::begin(const KeyName& name, std::uint32_t target, bool archive, const std::string& actor) {
  const std::lock_guard lock(acting);
  POSTERN_TRY(RewrapRun run, runs.begin(name, target, archive));
  set_settled(name, false);
  if (run.cursor == 0 && !run.finished)
    POSTERN_CHECK(note("key.rewrap_begun", name, actor, AuditFacts().add("version", target).add("messages", run.total)));
  return run;
}

/// After the end of a run: what was sealed before the rotation and written after the run had passed is looked for once, and then the old
/// versions are retired if that was wanted.
Result<bool> KeyLife::Impl::settle(const RewrapRun& run) {
  {
    const std::lock_guard lock(mutex);
    if (settled.contains(run.key) && !run.archive) return false;
  }
  if (!store.sealing().wait(milliseconds(200))) return false;  // look again at the next turn
  POSTERN_TRY(const std::uint64_t older, runs.count_older(run.key, run.target));
  if (older > run.failed) {
    POSTERN_CHECK(begin(run.key, run.target, run.archive, "system"));
    return true;
  }
  set_settled(run.key, true);
  if (!run.archive) return false;
  if (older == 0) {
    const auto done = archive(run.key, run.target, "system");
    if (!done && done.error().code != ErrorCode::Conflict) return fail(done.error());
  } else {
    log::error("keys.archive_refused", {{"key", run.key.get()}, {"messages", older}});
    POSTERN_CHECK(note("key.archive_refused", run.key, "system", AuditFacts().add("version", run.target).add("messages", older)));
  }
  POSTERN_CHECK(runs.clear_archive(run.key));
  return false;
}

std::size_t KeyLife::Impl::batch_rows() const { return std::clamp<std::size_t>(options.rewrap_rate / 10, 1, 256); }

/// True: a batch was done.
bool KeyLife::Impl::rewrap_some() {
  bool more = false;
  for (const KeyName& name : options.storage_keys()) {
    const auto busy = go_on(name);
    if (busy)
      more = more || *busy;
    else if (busy.error().text() != last_trouble)
      log::warn("keys.rewrap_waits", {{"key", name.get()}, {"reason", busy.error()}});
    last_trouble = busy ? std::string() : busy.error().text();
  }
  return more;
}

// Retiring ----------------------------------------------------------------------------------------------------------------------------

Status KeyLife::Impl::may_archive(const KeyInfo& info, KeyRole role, std::uint32_t minimum) {
  if (minimum > info.latest) return fail(ErrorCode::BadInput, "must be a version that exists", "minimum");
  if ((role == KeyRole::Dkim || role == KeyRole::Server) && minimum > active_of(info))
    return fail(ErrorCode::Conflict, "version " + std::to_string(active_of(info)) + " is in use until the next one was seen in DNS",
                info.name.get());
  if (!is_storage(info.name)) return {};
  POSTERN_TRY(const auto run, runs.run(info.name));
  if (run && !run->finished)
    return fail(ErrorCode::Conflict, "stored mail is still being re-wrapped; wait for it: postern key show " + info.name.get());
  if (!store.sealing().wait(std::chrono::seconds(10)))
    return fail(ErrorCode::Conflict, "mail that was sealed before is still being stored; try again in a moment", info.name.get());
  POSTERN_TRY(const std::uint64_t older, runs.count_older(info.name, minimum));
  if (older == 0) return {};
  return fail(ErrorCode::Conflict,
              std::to_string(older) + " stored messages are under older versions; re-wrap them first (postern key rewrap " +
                  info.name.get() + "), those that cannot be are named by postern key show",
              info.name.get());
}

Result<KeyInfo> KeyLife::Impl::archive(const KeyName& name, std::uint32_t minimum, const std::string& actor) {
  POSTERN_TRY(const KeyInfo info, keeper.describe(name));
  const KeyRole role = options.role(name);
  if (minimum == 0 && (role == KeyRole::Identity || role == KeyRole::Authority || role == KeyRole::Other))
    return fail(ErrorCode::BadInput,
                "name the oldest version that is to go on opening and verifying: what is under older ones is lost to its owner", "minimum");
  if (minimum == 0) minimum = options.rule(name, role).announce ? active_of(info) : info.latest;
  if (minimum <= info.min_decryption_version) return info;
  POSTERN_CHECK(may_archive(info, role, minimum));
  KeySettings settings;
  settings.min_decryption_version = minimum;
  if (info.min_encryption_version != 0 && info.min_encryption_version < minimum) settings.min_encryption_version = minimum;
  POSTERN_TRY(KeyInfo changed, keeper.configure(name, settings));
  POSTERN_CHECK(note("key.archived", name, actor, AuditFacts().add("minimum", minimum)));
  return changed;
}

// All at once -------------------------------------------------------------------------------------------------------------------------

RotatedKey KeyLife::Impl::rotate_one(const KeyName& name, bool emergency, const std::string& actor, std::vector<std::string>& by_hand) {
  const KeyRole role = options.role(name);
  RotatedKey out;
  out.name = name;
  out.role = role;
  if (role == KeyRole::Authority) {
    by_hand.push_back(name.get() +
                      ": the built-in CA is not rotated, as every certificate it issued would lose its trust; make a new one and hand "
                      "out its root");
    return out;
  }
  const auto info = rotate(name, 0, actor, emergency ? "emergency" : "all");
  if (!info) {
    out.failure = info.error().text();
    return out;
  }
  out.version = info->latest;
  if (options.by_hand) std::ranges::move(options.by_hand(*info, role), std::back_inserter(by_hand));
  if (role == KeyRole::Storage) {
    const auto run = begin(name, info->latest, emergency || options.archive_after_rewrap, actor);
    if (!run) out.failure = run.error().text();
    out.archive_pending = run && run->archive;
  } else if (emergency && (role == KeyRole::Api || role == KeyRole::Wrapping)) {
    const auto archived = archive(name, info->latest, actor);
    if (archived) out.minimum = info->latest;
    if (!archived && archived.error().code != ErrorCode::Conflict) out.failure = archived.error().text();
    if (!archived && archived.error().code == ErrorCode::Conflict)
      by_hand.push_back(name.get() + ": older versions still open something; " + archived.error().what);
  }
  return out;
}

// The thread --------------------------------------------------------------------------------------------------------------------------

void KeyLife::Impl::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "keys");
  while (!stop.stop_requested()) {
    look();
    bool more = rewrap_some();
    if (options.chore && options.chore()) more = true;
    std::unique_lock lock(mutex);
    milliseconds pause = options.look_every;
    if (more) pause = milliseconds(1000 * batch_rows() / std::max<std::size_t>(options.rewrap_rate, 1));
    if (next_due) pause = std::clamp<milliseconds>(*next_due - clock.now(), std::min(pause, milliseconds(more ? 0 : 50)), pause);
    bell.wait_for(lock, stop, pause, [&] { return poked && !more; });
    poked = false;
  }
}

void KeyLife::Impl::wake() {
  {
    const std::lock_guard lock(mutex);
    poked = true;
  }
  bell.notify_all();
}

KeyLife::KeyLife(KeyLifeOptions options, Store& store, Keeper& keeper, const Clock& clock)
    : m_impl(std::make_unique<Impl>(std::move(options), store, keeper, clock)) {}
KeyLife::~KeyLife() { stop(); }

void KeyLife::start() {
  m_impl->thread = std::jthread([impl = m_impl.get()](const std::stop_token& stop) { impl->run(stop); });
}

void KeyLife::stop() noexcept {
  if (!m_impl->thread.joinable()) return;
  m_impl->thread.request_stop();
  m_impl->thread.join();
}

void KeyLife::wake() { m_impl->wake(); }

// Verbs -------------------------------------------------------------------------------------------------------------------------------

Result<KeyState> KeyLife::key(const KeyName& name) {
  Impl& s = *m_impl;
  KeyState out;
  POSTERN_TRY(out.info, s.keeper.describe(name));
  out.role = s.options.role(name);
  const RotationFacts facts = s.facts_of(out.info);
  out.active = facts.active;
  RotationPlanner fresh;  // what a calm clock would say
  out.outlook = fresh.plan({&facts, 1}, s.clock.now(), s.clock.steady()).keys.front();
  if (s.is_storage(name)) {
    POSTERN_TRY(out.rewrap, s.runs.run(name));
  }
  return out;
}

Result<std::vector<KeyState>> KeyLife::keys() {
  POSTERN_TRY(const auto names, m_impl->keeper.list());
  std::vector<KeyState> out;
  for (const KeyName& name : names) {
    auto state = key(name);
    if (!state) {
      const ErrorCode code = state.error().code;
      if (code == ErrorCode::NotFound || code == ErrorCode::Unsupported) continue;  // removed meanwhile, or of a kind of others
      return fail(std::move(state).error());
    }
    out.push_back(*std::move(state));
  }
  return out;
}

std::vector<std::string> KeyLife::warnings() const {
  const std::lock_guard lock(m_impl->mutex);
  return m_impl->last_warnings;
}

std::optional<WallTime> KeyLife::next_rotation() const {
  const std::lock_guard lock(m_impl->mutex);
  return m_impl->next_due;
}

Result<KeyInfo> KeyLife::create(const KeyName& name, KeyType type, std::string_view user_id, const std::string& actor) {
  Impl& s = *m_impl;
  POSTERN_TRY(KeyInfo info, type == KeyType::OpenPgp ? s.keeper.openpgp_create(name, user_id) : s.keeper.create(name, type));
  POSTERN_CHECK(s.note("key.created", name, actor, AuditFacts().add("type", name_of(type))));
  return info;
}

Result<KeyInfo> KeyLife::rotate(const KeyName& name, const std::string& actor) { return m_impl->rotate(name, 0, actor, "asked"); }

Result<RewrapRun> KeyLife::rewrap(const KeyName& name, const std::string& actor) {
  Impl& s = *m_impl;
  POSTERN_TRY(const KeyInfo info, s.keeper.describe(name));
  if (!s.is_storage(name)) return fail(ErrorCode::Unsupported, "this key wraps no stored mail: there is nothing to re-wrap", name.get());
  POSTERN_TRY(RewrapRun run, s.begin(name, info.latest, false, actor));
  s.wake();
  return run;
}

Result<std::vector<RewrapFailure>> KeyLife::failures(const KeyName& name, std::size_t limit) const {
  return m_impl->runs.failures(name, limit);
}

Result<KeyInfo> KeyLife::archive(const KeyName& name, std::uint32_t minimum, const std::string& actor) {
  return m_impl->archive(name, minimum, actor);
}

Status KeyLife::remove(const KeyName& name, const std::string& actor) {
  Impl& s = *m_impl;
  const KeyRole role = s.options.role(name);
  if (role == KeyRole::Storage)
    return fail(ErrorCode::Denied, "stored mail is sealed under this key; a tenant's is destroyed by postern tenant shred", name.get());
  if (role != KeyRole::Other && role != KeyRole::Identity)
    return fail(ErrorCode::Denied, "the mail system needs this key; rotate it instead", name.get());
  KeySettings allow;
  allow.deletion_allowed = true;
  POSTERN_CHECK(s.keeper.configure(name, allow));
  POSTERN_CHECK(s.keeper.remove(name));
  if (s.options.rotated) s.options.rotated(name, role);
  return s.note("key.removed", name, actor, {});
}

Result<RotateAll> KeyLife::rotate_all(bool emergency, const std::string& actor) {
  Impl& s = *m_impl;
  POSTERN_TRY(auto names, s.keeper.list());
  if (!emergency) {
    const auto governed = s.options.governed();
    std::erase_if(names, [&](const KeyName& name) { return std::ranges::find(governed, name) == governed.end(); });
  }
  POSTERN_CHECK(s.note(emergency ? "key.emergency" : "key.rotate_all", KeyName("*"), actor, AuditFacts().add("keys", names.size())));
  RotateAll out;
  for (const KeyName& name : names) out.keys.push_back(s.rotate_one(name, emergency, actor, out.by_hand));
  s.wake();
  return out;
}

}  // namespace postern
