// Test vectors of others (the form of C2SP Wycheproof, version 1) through the crypto layer that the product runs.
//
// One case is one JSON object: {"id","type","algorithm","group":{...},"test":{...}}. `type` says which fields there are, as in the files;
// a field is looked for in the test, then in the group. What a test is after (a plaintext, a shared secret, key material) may be left out
// or there: then it counts, and an answer that differs is not valid.
//
// "valid" means that the product would accept: a signature or tag that verifies, a ciphertext that opens, a public key that it agrees with.
// Unsupported is what the product has no use for: see README.md. Pure and thread safe; costs what the algorithm costs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace postern::vectors {

/// The largest line that is looked at.
inline constexpr std::size_t kLine = 1U << 20;

struct Verdict {
  bool supported = true;
  bool valid = false;
  std::optional<Bytes> output = std::nullopt;  ///< Where there is one: plaintext, ciphertext || tag, MAC, key material, shared secret.

  static Verdict unsupported() { return {.supported = false}; }
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

struct Reply {
  std::string json;         ///< One object without line end.
  bool understood = false;  ///< False: the line is no case, and `json` says why and on which line.
};

/// The verdict on one line. BadInput with the field for what is no case, TooLarge over kLine.
[[nodiscard]] Result<Verdict> judge(std::string_view line);

/// {"id","valid","output"}, {"id","unsupported":true}, or {"id","line","error":{"code","field","what"}} with the number of the line (from
/// 1); "id" as it came, null when there is none. "output" is hex.
[[nodiscard]] Reply answer(std::string_view line, std::uint64_t number);

}  // namespace postern::vectors
