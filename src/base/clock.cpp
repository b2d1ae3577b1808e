#include "base/clock.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace postern {
namespace {

using namespace std::chrono;

struct Parts {
  year_month_day date;
  hh_mm_ss<milliseconds> time;
  weekday day;
};

Parts split(WallTime t) {
  const auto midnight = floor<days>(t);
  return {year_month_day(midnight), hh_mm_ss<milliseconds>(t - midnight), weekday(midnight)};
}

/// Takes exactly `width` digits off the front.
bool take_number(std::string_view& text, std::size_t width, int& out) {
  if (text.size() < width) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + width, out);
  if (error != std::errc() || end != text.data() + width || text[0] == '-') return false;
  text.remove_prefix(width);
  return true;
}

bool take_char(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

bool take_fraction(std::string_view& text, int& milli) {
  milli = 0;
  if (!take_char(text, ".")) return true;
  int digits = 0;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), ++digits) {
    if (digits < 3) milli = milli * 10 + (text[0] - '0');
  }
  for (int i = digits; i < 3; ++i) milli *= 10;
  return digits >= 1 && digits <= 9;
}

bool take_offset(std::string_view& text, minutes& offset) {
  if (take_char(text, "Zz")) return true;
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return false;
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  int h = 0;
  int m = 0;
  if (!take_number(text, 2, h) || !take_char(text, ":") || !take_number(text, 2, m) || h > 23 || m > 59) return false;
  offset = minutes(sign * (h * 60 + m));
  return true;
}

}  // namespace

WallTime SystemClock::now() const { return floor<milliseconds>(system_clock::now()); }

std::string rfc3339(WallTime t) {
  const Parts p = split(t);
  std::array<char, 40> buffer{};
  const int n = std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", int(p.date.year()),
                              unsigned(p.date.month()), unsigned(p.date.day()), int(p.time.hours().count()), int(p.time.minutes().count()),
                              int(p.time.seconds().count()), int(p.time.subseconds().count()));
  return {buffer.data(), static_cast<std::size_t>(n)};
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, milli = 0;
  minutes offset{0};
  const bool shaped = take_number(text, 4, y) && take_char(text, "-") && take_number(text, 2, mo) && take_char(text, "-") &&
                      take_number(text, 2, d) && take_char(text, "Tt ") && take_number(text, 2, h) && take_char(text, ":") &&
                      take_number(text, 2, mi) && take_char(text, ":") && take_number(text, 2, s) && take_fraction(text, milli) &&
                      take_offset(text, offset) && text.empty();
  const year_month_day date{year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
  if (!shaped || !date.ok() || h > 23 || mi > 59 || s > 60)
    return fail(ErrorCode::BadInput, "not an RFC 3339 time such as 2026-11-22T00:41:07Z");
  return WallTime(sys_days(date) + hours(h) + minutes(mi) + seconds(s) + milliseconds(milli) - offset);
}

std::string rfc5322_date(WallTime t) {
  constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Parts p = split(t);
  std::array<char, 48> buffer{};
  const int n = std::snprintf(buffer.data(), buffer.size(), "%s, %02u %s %04d %02d:%02d:%02d +0000", kDays.at(p.day.c_encoding()),
                              unsigned(p.date.day()), kMonths.at(unsigned(p.date.month()) - 1), int(p.date.year()),
                              int(p.time.hours().count()), int(p.time.minutes().count()), int(p.time.seconds().count()));
  return {buffer.data(), static_cast<std::size_t>(n)};
}

Result<seconds> parse_duration(std::string_view text) {
  constexpr std::int64_t kMost = std::int64_t{100} * 365 * 24 * 3600;  // a century: far past any real setting, far from overflow
  const auto bad = [] { return fail(ErrorCode::BadInput, "not a duration such as 90s, 15m, 2h, 7d or 1h30m"); };
  if (text.empty()) return bad();
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0 || number > kMost) return bad();
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    std::int64_t unit = 1;
    if (!text.empty()) {
      switch (text[0]) {
        case 's': unit = 1; break;
        case 'm': unit = 60; break;
        case 'h': unit = 3600; break;
        case 'd': unit = 86400; break;
        default: return bad();
      }
      text.remove_prefix(1);
    }
    if (number > kMost / unit) return bad();
    total += number * unit;
    if (total > kMost) return bad();
  }
  return seconds(total);
}

}  // namespace postern
