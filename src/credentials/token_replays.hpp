// Bind tokens that were accepted while they could still be shown again.
//
// In memory: after a restart a token that was accepted before it may be taken once more while its time is within the tolerance. Thread
// safe.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "crypto/hash.hpp"

namespace postern::credentials {

class TokenReplays {
 public:
  /// Tokens of one key; a key comes in only with a certificate that is believed, so there are about as many as there are peers and users.
  static constexpr std::size_t kEach = 16'384;

  /// `kept`: from the earliest to the latest moment at which one token is accepted.
  explicit TokenReplays(std::chrono::seconds kept, std::size_t each = kEach) : m_kept(kept), m_each(each) {}

  /// `who`: by whose key. Denied: it was there. Exhausted: more of this one than there is room for; nothing is forgotten for it.
  [[nodiscard]] Status note(const std::string& who, const Sha256& token, SteadyTime now);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Seen {
    std::deque<std::pair<SteadyTime, Sha256>> by_age;
    std::set<Sha256> tokens;
    void forget_until(SteadyTime time);
  };
  const std::chrono::seconds m_kept;
  const std::size_t m_each;
  mutable std::mutex m_mutex;
  std::map<std::string, Seen> m_seen;
};

}  // namespace postern::credentials
