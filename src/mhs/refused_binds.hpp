// Binds in the name of a peer that were refused, for an operator to see: the peer's password, pin or name has changed, or somebody tries.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/clock.hpp"

namespace postern::mhs {

/// By Peer::name, so as many as there are peers. Thread safe.
class RefusedBinds {
 public:
  static constexpr std::chrono::minutes kShown{60};  ///< The last one is shown for so long.

  explicit RefusedBinds(const Clock& clock) : m_clock(clock) {}

  void refused(const std::string& peer, std::string why);
  /// It came as it should: what was before is mended.
  void admitted(const std::string& peer);
  /// "3 binds refused, the last 5 minutes ago: …"; empty where there is nothing to say.
  [[nodiscard]] std::string text_for(const std::string& peer) const;

 private:
  struct Entry {
    unsigned count = 0;
    SteadyTime last{};
    std::string why;
  };
  const Clock& m_clock;
  mutable std::mutex m_mutex;
  std::map<std::string, Entry> m_entries;
};

}  // namespace postern::mhs
