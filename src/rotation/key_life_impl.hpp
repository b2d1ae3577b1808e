// The inside of KeyLife (rotation/ only).
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "rotation/key_life.hpp"

namespace postern {

struct KeyLife::Impl {
  Impl(KeyLifeOptions o, Store& where, Keeper& keys, const Clock& time)
      : options(std::move(o)), store(where), keeper(keys), clock(time), audit(where), runs(where, keys, time) {}

  const KeyLifeOptions options;
  Store& store;
  Keeper& keeper;
  const Clock& clock;
  SqliteAuditLog audit;
  RewrapStore runs;

  std::mutex acting;         ///< One look-then-rotate, or begin of a run, at a time.
  RotationPlanner planner;   ///< Of the thread.
  std::string last_trouble;  ///< Of the thread; said once.

  mutable std::mutex mutex;
  std::condition_variable_any bell;
  bool poked = false;
  std::set<KeyName> settled;  ///< Nothing of the last run is left to look for.
  std::vector<std::string> last_warnings;
  std::optional<WallTime> next_due;
  std::jthread thread;  ///< Last: it uses the rest.

  [[nodiscard]] std::uint32_t active_of(const KeyInfo& info) const;
  [[nodiscard]] RotationFacts facts_of(const KeyInfo& info) const;
  [[nodiscard]] AuditRecord record(std::string kind, const KeyName& key, const std::string& actor, AuditFacts facts) const;
  [[nodiscard]] Status note(std::string kind, const KeyName& key, const std::string& actor, AuditFacts facts);
  [[nodiscard]] bool is_storage(const KeyName& name) const;

  [[nodiscard]] Result<KeyInfo> rotate(const KeyName& name, std::uint32_t from, const std::string& actor, const char* reason);
  void look();
  [[nodiscard]] Result<bool> go_on(const KeyName& name);
  [[nodiscard]] Result<RewrapRun> begin(const KeyName& name, std::uint32_t target, bool archive, const std::string& actor);
  [[nodiscard]] Result<bool> settle(const RewrapRun& run);
  void set_settled(const KeyName& name, bool is);
  [[nodiscard]] std::size_t batch_rows() const;
  [[nodiscard]] bool rewrap_some();
  [[nodiscard]] Status may_archive(const KeyInfo& info, KeyRole role, std::uint32_t minimum);
  [[nodiscard]] Result<KeyInfo> archive(const KeyName& name, std::uint32_t minimum, const std::string& actor);
  [[nodiscard]] RotatedKey rotate_one(const KeyName& name, bool emergency, const std::string& actor, std::vector<std::string>& by_hand);
  void run(const std::stop_token& stop);
  void wake();
};

}  // namespace postern
