// A copy that is committed while its DKIM signatures are being made: one wait for the disk and the signer together, not one after the
// other.
//
// What is stored then is the copy without them and, in front, what they are made from; whoever reads it later makes them anew, with the
// same keys and the same time (t=). The message in memory gets those that are under way. So what was acknowledged is whole on disk, and
// what leaves is signed, whatever happens in between.
//
// Stored form: a zero byte, "late-dkim ", a JSON object on one line, LF, the copy. No message begins with a zero byte.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "mailauth/dkim.hpp"

namespace postern::gateway {

/// What makes the fields again.
struct LateSignature {
  std::size_t at = 0;  ///< In the copy: where the fields go. What is signed begins here.
  WallTime time{};     ///< DkimSignOptions::time
  std::vector<DkimKeyRef> keys;
};

[[nodiscard]] std::string write_late(const LateSignature& late, std::string_view copy);
[[nodiscard]] inline bool is_late(std::string_view stored) noexcept { return stored.starts_with('\0'); }
/// The keys that sign for a domain now.
using KeysNow = std::function<std::vector<DkimKeyRef>(const std::string& domain)>;
/// The copy with its signatures; `stored` itself when it has them. With the keys of now where one of then is no more (NotFound, BadInput,
/// Unsupported): mail may wait for days. Internal for what write_late() did not write; errors of `sign`, and of dkim_sign(). On a thread
/// that may wait.
[[nodiscard]] Result<std::string> finish_late(std::string stored, const SignFn& sign, const KeysNow& now);

}  // namespace postern::gateway
