// Memory for what peers send, shared by all sessions of a gateway: it counts while it arrives, not when it is complete.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace postern {

/// Thread safe. A quarter is kept for small messages, so that a few huge ones (or somebody who sends half of many and waits) do not keep
/// everybody's mail out.
class ContentBudget {
 public:
  explicit ContentBudget(std::uint64_t most) noexcept : m_most(most) {}
  ContentBudget(const ContentBudget&) = delete;
  ContentBudget& operator=(const ContentBudget&) = delete;

  /// Whether a message of this size would find room now; a question, not a promise.
  [[nodiscard]] bool has_room(std::uint64_t bytes) const noexcept { return m_used.load() + bytes <= most_for(bytes); }
  [[nodiscard]] std::uint64_t used() const noexcept { return m_used.load(); }
  [[nodiscard]] std::uint64_t most() const noexcept { return m_most; }

 private:
  friend class ContentShare;
  static constexpr std::uint64_t kSmall = 256U * 1024;
  [[nodiscard]] std::uint64_t most_for(std::uint64_t message) const noexcept { return message <= kSmall ? m_most : m_most - m_most / 4; }
  /// `more` bytes for a message that then has `message` bytes.
  [[nodiscard]] bool take(std::uint64_t more, std::uint64_t message) noexcept {
    if (m_used.fetch_add(more) + more <= most_for(message)) return true;
    m_used -= more;
    return false;
  }
  void give(std::uint64_t bytes) noexcept { m_used -= bytes; }

  std::uint64_t m_most;
  std::atomic<std::uint64_t> m_used{0};
};

/// One message's part of the budget; given back with the object, whoever still lives by then. Grows in coarse steps: a small message costs
/// two atomic operations. Without a budget everything fits.
class ContentShare {
 public:
  explicit ContentShare(std::shared_ptr<ContentBudget> budget) noexcept : m_budget(std::move(budget)) {}
  ~ContentShare() { release(); }
  ContentShare(const ContentShare&) = delete;
  ContentShare& operator=(const ContentShare&) = delete;

  /// False: no room; what was held stays held.
  [[nodiscard]] bool grow_to(std::uint64_t bytes) noexcept {
    if (bytes <= m_held || !m_budget) return true;
    const std::uint64_t wanted = coarse(bytes);
    if (!m_budget->take(wanted - m_held, wanted)) return false;
    m_held = wanted;
    return true;
  }
  /// Holds so many now, more or fewer than before. False: no room for more; what was held stays held.
  [[nodiscard]] bool settle_at(std::uint64_t bytes) noexcept {
    if (bytes == 0) return release(), true;
    if (bytes > m_held || !m_budget) return grow_to(bytes);
    const std::uint64_t wanted = coarse(bytes);
    m_budget->give(m_held - wanted);
    m_held = wanted;
    return true;
  }
  void release() noexcept {
    if (m_held > 0) m_budget->give(m_held);
    m_held = 0;
  }

 private:
  static constexpr std::uint64_t kFirst = 16U * 1024;
  static constexpr std::uint64_t kStep = 64U * 1024;
  static constexpr std::uint64_t coarse(std::uint64_t bytes) noexcept {
    return bytes <= kFirst ? kFirst : (bytes + kStep - 1) / kStep * kStep;
  }
  std::shared_ptr<ContentBudget> m_budget;
  std::uint64_t m_held = 0;
};

}  // namespace postern
