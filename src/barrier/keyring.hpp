// The barrier's keys: one for each term, all kept, the newest in use. Values and bytes only; barrier/barrier.hpp seals and stores them.
//
// Encoded: "PBK1", revision (8), rotation policy (most operations 8, interval in seconds 8, enabled 1), number of terms (4), and for each
// term its number (4), install time in ms (8), encryptions (8) and key (32). Integers are big-endian. Decoding is total and bounded.
// Not thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/clock.hpp"
#include "base/secret.hpp"

namespace postern {

/// SP 800-38D 8.3 allows 2^32 encryptions under one key with random 96-bit nonces; nine tenths of that, as Vault has it.
inline constexpr std::uint64_t kTermEncryptions = 3'865'470'566;
inline constexpr std::size_t kTerms = 65'536;

/// When a new term begins by itself.
struct RotationPolicy {
  std::uint64_t max_operations = kTermEncryptions;  ///< 1,000,000 to kTermEncryptions.
  std::chrono::seconds interval{0};                 ///< 0: never by age; else at least 24 h and at most 100 years.
  bool enabled = true;                              ///< Off: only at kTermEncryptions, which no setting turns off.

  [[nodiscard]] std::uint64_t limit() const noexcept { return enabled ? max_operations : kTermEncryptions; }
  friend bool operator==(const RotationPolicy&, const RotationPolicy&) = default;
};
/// BadInput, in the API's words.
[[nodiscard]] Status check_rotation(const RotationPolicy& policy);

struct Term {
  std::uint32_t number = 0;
  WallTime installed{};
  std::uint64_t encryptions = 0;  ///< Never fewer than were made.
  SecretBytes key;
};

struct Keyring {
  std::uint64_t revision = 0;  ///< One more with each version that is stored.
  RotationPolicy policy;
  std::vector<Term> terms;  ///< Never empty; ascending numbers; the last is the active one.

  /// Term 1, random.
  [[nodiscard]] static Keyring create(WallTime now);
  [[nodiscard]] static Result<Keyring> decode(ByteView encoded);
  [[nodiscard]] SecretBytes encode() const;
  [[nodiscard]] Keyring clone() const;
  /// A new random active term. Exhausted at kTerms.
  [[nodiscard]] Status add_term(WallTime now);

  [[nodiscard]] Term& active() noexcept { return terms.back(); }
  [[nodiscard]] const Term& active() const noexcept { return terms.back(); }
};

}  // namespace postern
