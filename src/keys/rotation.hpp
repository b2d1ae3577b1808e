// When which key gets its next version: a planner without I/O. Facts and both clocks in; steps, and when to ask again, out.
//
// A key is due when its latest version is older than its rule allows (NIST SP 800-57 part 1, 5.3: a cryptoperiod), or when three quarters
// of its use limit are gone (SP 800-38D 8.3), whatever the rule says about age: at the limit it refuses, and mail would stop. A key that
// the engine rotates by itself (Vault's auto_rotate_period) is left to it, so that nothing rotates twice.
//
// Clocks: age is wall-clock time, as versions outlive processes. Where the wall clock contradicts the monotonic one, it is not believed at
// once: after a step forward of more than an hour nothing is rotated for age for ten minutes, so that a clock which is set right again has
// not rotated everything; a step back makes keys younger and rotates nothing. A version that is dated in the future (made under a wrong
// clock) ages by the monotonic clock from when it was first seen, and is warned about.
//
// Threads: one at a time. Does not: rotate, re-wrap, watch DNS, remember anything over a restart.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "keys/keeper.hpp"

namespace postern {

/// What a key is to the mail system; decides what its rotation means.
enum class KeyRole {
  Storage,    ///< Wraps the data keys of stored mail: rotated, then all of them are re-wrapped.
  Dkim,       ///< Its public half stands in DNS: a new version is announced first and used when it was seen there.
  Api,        ///< Signed API requests.
  Wrapping,   ///< Wraps OpenPGP secret keys; the keeper re-wraps them itself.
  Server,     ///< The listeners' certificate is issued anew by the built-in authority; announced where DNS vouches for it (TLSA).
  Identity,   ///< S/MIME and OpenPGP keys of our people: correspondents have their certificates.
  Authority,  ///< The built-in authority: its successor is an act of its own, not a version.
  Other,      ///< Somebody else's.
};
[[nodiscard]] std::string_view name_of(KeyRole role) noexcept;  ///< "storage", "dkim", ...

struct RotationRule {
  std::optional<std::chrono::seconds> period;  ///< None: never for its age.
  bool announce = false;                       ///< A new version waits until somebody says that it may be used.
};

/// Whether the wall clock can be believed. After a step forward of more than an hour it is not, for ten minutes: a clock that is set right
/// again has then done nothing that cannot be taken back.
class ClockWatch {
 public:
  /// At every look; the first one believes. None: believe it; else not before then.
  [[nodiscard]] std::optional<SteadyTime> held_until(WallTime now, SteadyTime steady);

 private:
  std::optional<std::pair<WallTime, SteadyTime>> m_last;
  std::optional<SteadyTime> m_hold_until;
};

/// One key as it is now.
struct RotationFacts {
  KeyName name;
  std::uint32_t latest = 1;
  std::uint32_t active = 1;  ///< What is used; less than `latest`: announced, and waiting.
  WallTime created{};        ///< Of the latest version.
  std::uint64_t uses = 0;    ///< Of the latest version.
  std::uint64_t max_uses = 0;
  std::chrono::seconds engine_period{0};
  RotationRule rule;
};

struct RotationStep {
  KeyName name;
  bool announce = false;   ///< Make the version; it is not used yet.
  std::string reason;      ///< "age", "use"
  std::uint32_t from = 0;  ///< The latest version that the step was planned for; another one by then: it is done already.
};

/// One key for status and the page.
struct RotationOutlook {
  KeyName name;
  std::optional<WallTime> due;  ///< None: never for its age.
  std::string note;             ///< "waits for DNS", "by the engine", "never"; empty: by its age.
};

struct RotationPlan {
  std::vector<RotationStep> steps;
  std::vector<RotationOutlook> keys;  ///< As the facts were given.
  std::vector<std::string> warnings;
  std::optional<WallTime> next;  ///< When the next key is due for its age; not before the clock is believed again.
};

class RotationPlanner {
 public:
  [[nodiscard]] RotationPlan plan(std::span<const RotationFacts> facts, WallTime now, SteadyTime steady);

 private:
  struct Seen {
    std::uint32_t version = 0;
    SteadyTime since{};
  };
  [[nodiscard]] SteadyTime first_seen(const RotationFacts& key, SteadyTime steady);
  void look_at(const RotationFacts& key, WallTime now, SteadyTime steady, RotationPlan& plan);

  ClockWatch m_clock;
  std::optional<SteadyTime> m_hold_until;
  std::map<KeyName, Seen> m_seen;
};

/// "90d", or "never". BadInput says what would be right.
[[nodiscard]] Result<RotationRule> parse_rotation_period(std::string_view text);

}  // namespace postern
