// How far a report got: which of the places that it goes to took or refused it, which could not be reached, and when those are tried again.
//
// RFC 8460 5.5 wants a TLS report tried for 24 hours after the first attempt, by whatever way it goes; DMARC reports do the same. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace postern {

/// What one attempt at one place came to.
struct ReportTry {
  std::string words;     ///< For people, with the place in front.
  bool passing = false;  ///< It may go well later; else that was the last word of this place.
};

class ReportProgress {
 public:
  /// A new attempt: what could not be done before is forgotten, what was settled stays.
  void begin();
  /// In place of what was noted of the same place. An empty place: the report as a whole.
  void note(std::string_view place, ReportTry result);
  /// It took the report or refused it for good: it is not to get it again.
  [[nodiscard]] bool is_settled(std::string_view place) const;
  /// Some place is to be tried again.
  [[nodiscard]] bool waits() const;
  /// In words, place by place.
  [[nodiscard]] std::string text() const;

  [[nodiscard]] std::string save() const;
  /// What save() wrote. BadInput.
  [[nodiscard]] static Result<ReportProgress> load(std::string_view json);

 private:
  struct Entry {
    std::string place;
    ReportTry result;
  };
  std::vector<Entry> m_entries;
};

inline constexpr std::chrono::hours kReportTriesEnd{24};  ///< RFC 8460 5.5: after the first attempt.

/// When a report is tried again of which `tries` attempts were made, the first at `first` and the last one now: after 5 minutes, after 15,
/// then every hour, and once more at the end of its time. Nothing: its time is over.
[[nodiscard]] std::optional<WallTime> next_report_try(WallTime first, unsigned tries, WallTime now);

}  // namespace postern
