// What concerns all keys: settings, the regular tick, forgetting.
#include <algorithm>
#include <charconv>

#include "base/cursor.hpp"
#include "crypto/random.hpp"
#include "transit/core.hpp"

namespace postern::transit {

using detail::Core;
using detail::KeyPtr;

namespace {

constexpr std::size_t kTickRotations = 16;
constexpr std::size_t kTickLooks = 2000;
constexpr Byte kSettingsFormat = 1;
constexpr std::string_view kSettingsPath = "settings";

bool is_due(const detail::Key& key, WallTime now) {
  const detail::Policy& p = key.policy;
  if (p.soft_deleted || p.auto_rotate.count() == 0 || !p.may_rotate()) return false;
  if (p.expires != WallTime{} && now >= p.expires) return false;
  return now >= key.newest().created + p.auto_rotate;
}

// True when it was due.
Result<bool> rotate_if_due(Core& core, std::string_view name) {
  const std::lock_guard lock(core.writer(name));
  POSTERN_TRY(const KeyPtr key, core.find_locked(name));
  if (!is_due(*key, core.clock.now())) return false;
  POSTERN_CHECK(rotate_locked(core, *key));
  return true;
}

void look_at(Core& core, const std::string& name, TickReport& report) {
  ++report.looked_at;
  core.tick_after = name;
  const auto rotated = rotate_if_due(core, name);
  if (rotated && *rotated) report.rotated.push_back(name);
  if (!rotated && rotated.error().code != ErrorCode::NotFound) report.failed.push_back(name + ": " + rotated.error().what);
}

Result<Settings> read_settings(ByteView record) {
  ByteReader in(record);
  Settings out;
  POSTERN_TRY(const std::uint8_t format, in.read_u8("format"));
  POSTERN_TRY(const std::uint8_t upsert, in.read_u8("disable_upsert"));
  POSTERN_TRY(const std::uint64_t size, in.read_u64("cache_size"));
  if (format != kSettingsFormat || upsert > 1 || !in.at_end()) return fail(ErrorCode::IntegrityFailed, "stored settings are damaged");
  out.disable_upsert = upsert == 1;
  out.cache_size = static_cast<std::size_t>(size);
  return out;
}

}  // namespace

Result<Settings> Engine::settings() {
  POSTERN_TRY(const auto record, m_core->storage.get(kSettingsPath));
  if (!record) return Settings{};
  return read_settings(record->view());
}

Status Engine::change_settings(const Settings& settings) {
  if (settings.cache_size != 0 && settings.cache_size < 10)
    return fail(ErrorCode::BadInput, "size must be 0 or a value greater or equal to 10", "size");
  ByteWriter out;
  out.write_u8(kSettingsFormat).write_u8(settings.disable_upsert ? 1 : 0).write_u64(settings.cache_size);
  POSTERN_CHECK(m_core->storage.put(std::string(kSettingsPath), SecretBytes(out.bytes())));
  m_core->cache.resize(settings.cache_size == 0 ? m_core->options.cached_keys : settings.cache_size);
  return {};
}

// Only keys with automatic rotation have a mark, so that 100,000 others cost nothing. Names go round: where one call ends the next begins.
TickReport Engine::tick() {
  TickReport report;
  const std::lock_guard one_at_a_time(m_core->tick_mutex);
  m_core->give_back_evicted();
  for (const KeyPtr& key : m_core->cache.all()) m_core->reserve_ahead(*key);
  const auto names = m_core->storage.list("rotation/", {.after = m_core->tick_after, .limit = kTickLooks});
  if (!names) {
    report.failed.push_back("listing: " + names.error().what);
    return report;
  }
  for (const std::string& name : *names) {
    if (report.rotated.size() + report.failed.size() >= kTickRotations) return report;
    look_at(*m_core, name, report);
  }
  if (names->size() < kTickLooks) m_core->tick_after.clear();
  return report;
}

void Engine::settle() noexcept {
  m_core->give_back_evicted();
  for (const KeyPtr& key : m_core->cache.all()) m_core->give_back(*key);
}

void Engine::forget_all() noexcept {
  m_core->epoch.fetch_add(1, std::memory_order_acq_rel);
  m_core->cache.clear();
}

std::size_t Engine::cached() const noexcept { return m_core->cache.size(); }

Result<std::uint32_t> version_from_text(std::string_view text, std::uint32_t latest) {
  if (text.empty()) return 0;
  if (text == "latest") return latest;
  if (text.front() == 'v') text.remove_prefix(1);
  std::uint32_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size())
    return fail(ErrorCode::BadInput, "invalid key version: a number, v and a number, or latest", "version");
  return value;
}

Result<WipedBytes> random_bytes(std::int64_t count) {
  if (count < 1) return fail(ErrorCode::BadInput, "\"bytes\" cannot be less than 1", "bytes");
  if (static_cast<std::uint64_t>(count) > kRandomMost)
    return fail(ErrorCode::BadInput, "\"bytes\" should be less than " + std::to_string(kRandomMost), "bytes");
  const SecretBytes drawn = random_key(static_cast<std::size_t>(count));  // the private generator: callers make keys of it
  return WipedBytes(drawn.view().begin(), drawn.view().end());
}

}  // namespace postern::transit
