// Sender Policy Framework, RFC 7208: check_host() with all its limits.
//
// Asks a DnsPort that answers at once. Which names an evaluation needs shows only as it goes on, so a shell runs it over a
// dns::QuestionTable (dns/questions.hpp), fetches what was asked, and runs it again until nothing is left open; the outcome does not
// depend on how the answers came. Total: whatever DNS says, one of the seven results comes out, after at most the lookups of the limits.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "dns/record.hpp"

namespace postern {

/// RFC 7208 2.6.
enum class SpfResult { None, Neutral, Pass, Fail, SoftFail, TempError, PermError };
[[nodiscard]] std::string_view name_of(SpfResult result) noexcept;  ///< "softfail"

struct SpfLimits {
  unsigned terms = 10;      ///< Mechanisms and modifiers that ask DNS (4.6.4).
  unsigned voids = 2;       ///< Lookups without an answer (4.6.4).
  unsigned exchanges = 10;  ///< Address lookups of one mx; more: permerror.
  unsigned pointers = 10;   ///< Names of one ptr or %{p}; those beyond are ignored.
};

struct SpfQuestion {
  dns::IpAddress ip;
  std::string helo;
  std::string mail_from;  ///< Without brackets; empty: postmaster@helo (2.4).
  std::string receiver;   ///< Our name, for %{r}.
  WallTime now{};         ///< For %{t}.
};

struct SpfVerdict {
  SpfResult result = SpfResult::None;
  std::string domain;  ///< Whose policy was asked: of MAIL FROM, or HELO for the null sender. Lower case; as given when it is no name.
  bool helo_identity = false;  ///< MAIL FROM was empty.
  std::string matched;         ///< The mechanism that decided, as written; empty: none did.
  std::string reason;          ///< For none, temperror and permerror: why, in one sentence.
  std::string explanation;     ///< Of a fail whose record has exp=: printable ASCII, at most 512 characters; somebody else's words.
  unsigned terms = 0;          ///< DNS terms evaluated.
};

[[nodiscard]] SpfVerdict spf_check(const SpfQuestion& question, DnsPort& dns, const SpfLimits& limits = {});

}  // namespace postern
