// Reports of others, summed for charts: by day, by policy, by who sent the mail. Pure.
//
// What the reports say is their senders' word, and goes in as such: counts are cut off at kMostCounted, texts are kept only as keys, and
// there are at most kMostSources of them. A report counts for the day in the middle of its time, whatever zone its sender's days are in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/received.hpp"

namespace postern {

struct GoodAndBad {
  std::uint64_t good = 0, bad = 0;
  friend bool operator==(const GoodAndBad&, const GoodAndBad&) = default;
};

class ReceivedTally {
 public:
  static constexpr std::uint64_t kMostCounted = 1'000'000'000;  ///< Of one entry, so that no sum overflows.
  static constexpr std::size_t kMostSources = 10'000;           ///< Beyond them, mail of further sources stands under kOtherSources.
  static constexpr std::string_view kOtherSources = "others";
  static constexpr std::string_view kOtherPolicy = "other";

  /// With its body. A body that is not there (too large) leaves its sums.
  void add(const ReceivedReport& report);

  /// Sessions by day and policy: "tlsa", "sts", "no-policy-found", or kOtherPolicy.
  [[nodiscard]] const std::map<std::pair<std::int64_t, std::string>, GoodAndBad>& tls() const noexcept { return m_tls; }
  /// Messages that passed and failed DMARC, by day.
  [[nodiscard]] const std::map<std::int64_t, GoodAndBad>& dmarc() const noexcept { return m_dmarc; }
  /// The same by the address that sent them: those with the most failures first, then those with the most mail. At most `most`.
  [[nodiscard]] std::vector<std::pair<std::string, GoodAndBad>> sources(std::size_t most) const;
  [[nodiscard]] std::size_t source_count() const noexcept { return m_sources.size(); }

 private:
  void add_tls(const ReceivedReport& report);
  void add_dmarc(const ReceivedReport& report);
  GoodAndBad& source(const std::string& address);

  std::map<std::pair<std::int64_t, std::string>, GoodAndBad> m_tls;
  std::map<std::int64_t, GoodAndBad> m_dmarc;
  std::map<std::string, GoodAndBad> m_sources;
};

/// Days since 1970-01-01, UTC.
[[nodiscard]] std::int64_t day_of_report(WallTime begin, WallTime end) noexcept;

}  // namespace postern
