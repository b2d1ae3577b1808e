// Data keys for messages to come: a session that is alone would otherwise wait for the keeper between the end of its message and the
// commit.
//
// Each key is bound to the message id that it comes with. The more of them are used, the more are asked for at once, up to kMost; those
// that nobody took for kFresh are not used any more, nor those from before a change of keys (Keeper::epoch), and all are thrown away when
// somebody waits for those who prepare content under the present key versions (Store::sealing). Any thread; nothing here waits for the
// keeper. The parts must outlive it.
#pragma once

#include <deque>
#include <mutex>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "store/sealed_content.hpp"

namespace postern {

class KeyStock {
 public:
  static constexpr std::size_t kMost = 16;
  static constexpr std::chrono::seconds kFresh{1};

  KeyStock(Keeper& keeper, GracePeriod& sealing, const Clock& clock);

  /// Null when there is none: then the message asks for its own.
  [[nodiscard]] std::shared_ptr<KeyAhead> take();
  /// When there is time: asks for new ones, if those that there were are used up.
  void refill();

 private:
  void drop();

  Keeper& m_keeper;
  GracePeriod& m_sealing;
  const Clock& m_clock;
  SystemRandom m_random;
  std::mutex m_mutex;
  std::deque<std::shared_ptr<KeyAhead>> m_keys;
  std::uint64_t m_epoch = 0;            ///< Of the keeper, before they were asked for.
  SteadyTime m_since{};                 ///< They were asked for.
  bool m_wanted = false;                ///< Somebody took, or would have taken, one.
  std::size_t m_next = 1;               ///< So many are asked for next.
  std::shared_ptr<const void> m_asked;  ///< Last: what it calls uses everything above.
};

}  // namespace postern
