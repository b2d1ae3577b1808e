#include "store/key_stock.hpp"

#include <algorithm>

namespace postern {

KeyStock::KeyStock(Keeper& keeper, GracePeriod& sealing, const Clock& clock)
    : m_keeper(keeper), m_sealing(sealing), m_clock(clock), m_asked(sealing.before_waiting([this] { drop(); })) {}

std::shared_ptr<KeyAhead> KeyStock::take() {
  const std::lock_guard lock(m_mutex);
  m_wanted = true;
  if (m_keys.empty()) return nullptr;
  if (m_clock.steady() >= m_since + kFresh || m_keeper.epoch() != m_epoch) {
    m_keys.clear();
    m_next = 1;
    return nullptr;
  }
  auto key = std::move(m_keys.front());
  m_keys.pop_front();
  if (m_keys.empty()) m_next = std::min(m_next * 2, kMost);
  return key;
}

void KeyStock::refill() {
  const std::lock_guard lock(m_mutex);
  if (!m_keys.empty() || !std::exchange(m_wanted, false)) return;
  const auto ticket = m_sealing.enter();
  m_epoch = m_keeper.epoch();
  std::vector<MessageId> ids;
  std::vector<std::string> aads;
  for (std::size_t i = 0; i < m_next; ++i) {
    ids.push_back(make_message_id(m_clock.now(), m_random));
    aads.push_back(content_aad(ids.back()));
  }
  auto keys = m_keeper.begin_data_keys(key_names::kMailStorage, aads);
  for (std::size_t i = 0; i < keys.size(); ++i) m_keys.push_back(std::make_shared<KeyAhead>(std::move(ids[i]), std::move(keys[i]), ticket));
  m_since = m_clock.steady();
}

void KeyStock::drop() {
  const std::lock_guard lock(m_mutex);
  m_keys.clear();
}

}  // namespace postern
