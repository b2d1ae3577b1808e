// Randomness as a port, so that engines and tests can fix it.
#pragma once

#include "base/bytes.hpp"

namespace postern {

class Random {
 public:
  virtual ~Random() = default;
  /// Fills the whole span; never fails (an implementation that cannot deliver ends the process).
  virtual void fill(ByteSpan out) = 0;

  [[nodiscard]] Bytes bytes(std::size_t count) {
    Bytes out(count);
    fill(out);
    return out;
  }
};

/// The kernel's generator (getrandom). For identifiers, boundaries, nonces, salts; key material comes from crypto/.
class SystemRandom final : public Random {
 public:
  void fill(ByteSpan out) override;
};

/// A counter-based sequence for tests; not random at all.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(std::uint64_t seed = 1) : m_state(seed) {}
  void fill(ByteSpan out) override;

 private:
  std::uint64_t m_state;
};

}  // namespace postern
