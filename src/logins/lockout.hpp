// How often somebody may be wrong: after kLockoutFailures wrong passwords a name is locked for kLockoutTime.
//
// Names that nobody has are counted like others, so that being locked tells nothing. Attempts count while they are being checked: a hundred
// guesses at once get no further than five. Times are of the monotonic clock, which nobody can set. In memory: a restart forgets.
// Threads: thread safe.
#pragma once

#include <chrono>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"

namespace postern::vault {

inline constexpr int kLockoutFailures = 5;
inline constexpr std::chrono::minutes kLockoutTime{15};   ///< How long a lock lasts.
inline constexpr std::chrono::minutes kLockoutReset{15};  ///< After this time without a failure counting starts again.
/// Names kept; of more, those that failed longest ago are forgotten, locked ones last.
inline constexpr std::size_t kLockoutNames = 65'536;

class Lockout {
 public:
  explicit Lockout(const Clock& clock) : m_clock(clock) {}

  /// One attempt that is being checked; without a verdict it counts as neither.
  class Attempt {
   public:
    Attempt(Lockout& of, std::string name) : m_of(&of), m_name(std::move(name)) {}
    Attempt(Attempt&& other) noexcept : m_of(std::exchange(other.m_of, nullptr)), m_name(std::move(other.m_name)) {}
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;
    Attempt& operator=(Attempt&&) = delete;
    ~Attempt() {
      if (m_of != nullptr) m_of->end(m_name, Verdict::None);
    }
    /// Counting starts again.
    void succeeded() { std::exchange(m_of, nullptr)->end(m_name, Verdict::Right); }
    void failed() { std::exchange(m_of, nullptr)->end(m_name, Verdict::Wrong); }

   private:
    Lockout* m_of;
    std::string m_name;
  };

  /// Denied while the name is locked; Exhausted while as many attempts are being checked as could lock it.
  [[nodiscard]] Result<Attempt> begin(std::string name);
  /// An administrator's word: counting starts again.
  void forget(std::string_view name);
  void clear();
  [[nodiscard]] std::size_t size() const;

 private:
  enum class Verdict { None, Right, Wrong };
  struct Entry {
    std::string name;
    int failures = 0;
    int open = 0;  // attempts being checked
    SteadyTime last{};
  };
  using Entries = std::list<Entry>;  // those that failed last at the end

  void end(const std::string& name, Verdict verdict);
  void age(Entry& entry, SteadyTime now) const;
  void make_room(SteadyTime now);
  void erase(Entries::iterator entry);

  const Clock& m_clock;
  mutable std::mutex m_mutex;
  Entries m_entries;
  std::unordered_map<std::string_view, Entries::iterator> m_by_name;  // keys point into the entries
};

}  // namespace postern::vault
