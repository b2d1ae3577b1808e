// A SealedStore in memory for tests, with faults on order and its bytes open to be read and changed.
#pragma once

#include <map>
#include <mutex>

#include "barrier/listing.hpp"
#include "barrier/sealed_store.hpp"

namespace postern::test {

class MemorySealedStore final : public SealedStore {
 public:
  /// What the apply() that is to fail leaves behind: nothing, or (a cut after the commit) everything.
  enum class Cut { Before, After };
  using Values = std::map<std::string, Bytes, std::less<>>;

  Result<std::optional<Bytes>> get(std::string_view path) override {
    const std::lock_guard lock(m_mutex);
    if (m_dead || m_fail_reads) return fail(ErrorCode::Unavailable, "injected: the disk does not answer");
    const auto found = m_values.find(path);
    return found == m_values.end() ? std::nullopt : std::optional(found->second);
  }
  Result<std::vector<std::string>> list(std::string_view prefix, const StoragePage& page = {}) override {
    const std::lock_guard lock(m_mutex);
    if (m_dead || m_fail_reads) return fail(ErrorCode::Unavailable, "injected: the disk does not answer");
    MapCursor cursor(m_values);
    return list_names(cursor, prefix, page);
  }
  Status apply(std::vector<SealedChange> changes) override {
    const std::lock_guard lock(m_mutex);
    ++m_applies;
    if (m_dead) return fail(ErrorCode::Unavailable, "injected: the disk does not answer");
    const bool fails = m_fail_at != 0 && m_applies == m_fail_at;
    if (!fails || m_cut == Cut::After) write(changes);
    if (!fails) return {};
    m_dead = m_dies;
    return fail(ErrorCode::Unavailable, "injected: the disk failed");
  }

  /// The `nth` apply() from now on (1: the next) fails. With `dies`, nothing answers afterwards, as after a power cut; see restart().
  void fail_apply(std::size_t nth, Cut cut = Cut::Before, bool dies = false) {
    const std::lock_guard lock(m_mutex);
    m_fail_at = m_applies + nth;
    m_cut = cut;
    m_dies = dies;
  }
  /// Everything answers again, with what was stored.
  void restart() {
    const std::lock_guard lock(m_mutex);
    m_dead = m_fail_reads = false;
    m_fail_at = 0;
  }
  void fail_reads(bool failing) {
    const std::lock_guard lock(m_mutex);
    m_fail_reads = failing;
  }
  [[nodiscard]] std::size_t applies() const { return m_applies; }
  /// The stored bytes themselves. Not while other threads use the store.
  [[nodiscard]] Values& raw() { return m_values; }

 private:
  void write(std::vector<SealedChange>& changes) {
    for (SealedChange& change : changes) {
      if (change.value) {
        m_values.insert_or_assign(change.path, *std::move(change.value));
      } else {
        m_values.erase(change.path);
      }
    }
  }
  mutable std::mutex m_mutex;
  Values m_values;
  std::size_t m_applies = 0;
  std::size_t m_fail_at = 0;
  Cut m_cut = Cut::Before;
  bool m_dies = false, m_dead = false, m_fail_reads = false;
};

}  // namespace postern::test
