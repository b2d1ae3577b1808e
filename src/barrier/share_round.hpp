// Shares that come one by one until there are enough: of an unsealing, a rekey, a new root token. Inside barrier/ and its tests.
//
// Not thread safe. Shares are wiped when the round ends, and when the secret has been combined.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "barrier/shamir.hpp"

namespace postern {

class ShareRound {
 public:
  /// Starts anew, under a new nonce (a random UUID). `secret` is the size of what the shares give.
  void begin(const ShareSplit& split, std::size_t secret);
  /// Forgets the shares given so far; nonce and parameters stay.
  void restart() noexcept { m_given.clear(); }
  /// Forgets everything.
  void end() noexcept;

  [[nodiscard]] bool active() const noexcept { return !m_nonce.empty(); }
  [[nodiscard]] const std::string& nonce() const noexcept { return m_nonce; }
  [[nodiscard]] unsigned progress() const noexcept { return static_cast<unsigned>(m_given.size()); }
  [[nodiscard]] unsigned required() const noexcept { return m_split.threshold; }

  enum class Repeat { Ignore, Refuse };
  /// The combined secret with the last share that was needed; the round has restarted then, also when combining failed. BadInput for a
  /// share of a wrong size, and for the same one again where that is refused.
  [[nodiscard]] Result<std::optional<SecretBytes>> add(ByteView share, Repeat repeat);

 private:
  ShareSplit m_split;
  std::size_t m_share_size = 0;
  std::string m_nonce;
  std::vector<SecretBytes> m_given;
};

}  // namespace postern
