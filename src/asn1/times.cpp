// UTCTime and GeneralizedTime as seconds: X.680 46 and 47.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "asn1/values.hpp"
#include "base/text.hpp"

namespace postern::asn1 {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

constexpr std::int64_t kMinute = 60, kHour = 3600, kDay = 86'400;

/// Reads a time from left to right; every read fails once and for all where the text is not as expected.
class Reader {
 public:
  explicit Reader(std::string_view text) : m_text(text) {}

  /// `digits` digits, from `least` to `most`.
  std::int64_t number(std::size_t digits, std::int64_t least, std::int64_t most) {
    if (m_text.size() < digits) return refuse();
    std::int64_t value = 0;
    for (const char c : m_text.substr(0, digits)) {
      if (!is_digit(c)) return refuse();
      value = value * 10 + (c - '0');
    }
    if (value < least || value > most) return refuse();
    m_text.remove_prefix(digits);
    return value;
  }
  /// One of `characters`, taken; 0 where none of them is next.
  char one_of(std::string_view characters) {
    if (m_text.empty() || characters.find(m_text.front()) == std::string_view::npos) return 0;
    const char taken = m_text.front();
    m_text.remove_prefix(1);
    return taken;
  }
  [[nodiscard]] bool digit_follows() const { return !m_text.empty() && is_digit(m_text.front()); }
  [[nodiscard]] std::size_t digits_ahead() const {
    const auto end = m_text.find_first_not_of("0123456789");
    return end == std::string_view::npos ? m_text.size() : end;
  }
  [[nodiscard]] bool is_done() const { return m_is_right && m_text.empty(); }
  [[nodiscard]] bool is_right() const { return m_is_right; }
  std::int64_t refuse() {
    m_is_right = false;
    m_text = {};
    return 0;
  }

 private:
  std::string_view m_text;
  bool m_is_right = true;
};

/// MMDD after a year, as seconds since 1970.
std::int64_t read_date(Reader& reader, std::int64_t year) {
  const auto month = reader.number(2, 1, 12);
  const auto day = reader.number(2, 1, 31);
  if (!reader.is_right()) return 0;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return reader.refuse();
  return sys_days(date).time_since_epoch().count() * kDay;
}

/// Z, +hhmm, -hhmm or nothing: what is to be added to get UTC.
std::int64_t read_zone(Reader& reader, bool minutes_may_lack) {
  const char sign = reader.one_of("Z+-");
  if (sign == 0 || sign == 'Z') return 0;
  std::int64_t offset = reader.number(2, 0, 23) * kHour;
  if (!minutes_may_lack || reader.digit_follows()) offset += reader.number(2, 0, 59) * kMinute;
  return sign == '+' ? -offset : offset;
}

/// What follows the point of a fraction, in whole seconds of `unit`.
std::int64_t read_fraction(Reader& reader, std::int64_t unit) {
  if (!reader.digit_follows()) return reader.refuse();
  std::int64_t seconds = 0, place = 1;
  while (reader.digit_follows()) {
    const auto digit = reader.number(1, 0, 9);
    if (place > 1'000'000'000) continue;  // less than a second of any unit
    place *= 10;
    seconds = seconds * 10 + digit;
  }
  return seconds * unit / place;
}

/// The year that the digits of a UTCTime begin with. Two of them are the standard; three are the `tm_year` of C, four the whole year.
std::int64_t read_utc_year(Reader& reader) {
  const std::size_t digits = reader.digits_ahead();
  if (digits == 14) return reader.number(4, 0, 9999);
  if (digits == 13 || digits == 11) return reader.number(3, 0, 999) + 1900;
  const auto year = reader.number(2, 0, 99);
  return year + (year < 50 ? 2000 : 1900);  // RFC 5280 4.1.2.5.1
}

struct Civil {
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

constexpr std::int64_t kYear0 = -62'167'219'200, kYear9999 = 253'402'300'799;

Civil civil_of(std::int64_t unix_seconds) {
  const std::int64_t within = std::min(std::max(unix_seconds, kYear0), kYear9999);
  const std::chrono::sys_seconds time{std::chrono::seconds(within)};
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          static_cast<unsigned>(clock.hours().count()),
          static_cast<unsigned>(clock.minutes().count()),
          static_cast<unsigned>(clock.seconds().count())};
}

std::string digits(const char* year_format, int year, const Civil& at) {
  std::array<char, 48> text{};
  const int used = std::snprintf(text.data(), text.size(), year_format, year);
  std::snprintf(text.data() + used, text.size() - static_cast<std::size_t>(used), "%02u%02u%02u%02u%02uZ", at.month, at.day, at.hour,
                at.minute, at.second);
  return text.data();
}

}  // namespace

UtcTime UtcTime::at(std::int64_t unix_seconds) {
  const Civil civil = civil_of(unix_seconds);
  return {digits("%02d", civil.year % 100, civil)};
}

Result<std::int64_t> UtcTime::unix_seconds() const {
  Reader reader(text);
  std::int64_t seconds = read_date(reader, read_utc_year(reader));
  seconds += reader.number(2, 0, 23) * kHour;
  seconds += reader.number(2, 0, 59) * kMinute;
  if (reader.digit_follows()) seconds += reader.number(2, 0, 59);
  seconds += read_zone(reader, false);
  if (!reader.is_done()) return fail(ErrorCode::BadInput, "a UTCTime is YYMMDDhhmmssZ, not '" + printable(text, 32) + "'");
  return seconds;
}

bool UtcTime::is_exact() const noexcept {
  const auto zone = text.find_first_not_of("0123456789");
  return (zone == 10 || zone == 12) && unix_seconds().has_value();  // X.680 47.3
}

GeneralizedTime GeneralizedTime::at(std::int64_t unix_seconds) {
  const Civil civil = civil_of(unix_seconds);
  return {digits("%04d", civil.year, civil)};
}

Result<std::int64_t> GeneralizedTime::unix_seconds() const {
  Reader reader(text);
  std::int64_t seconds = read_date(reader, reader.number(4, 0, 9999));
  seconds += reader.number(2, 0, 23) * kHour;
  std::int64_t unit = kHour;  // X.680 46.2: what a fraction is a fraction of
  if (reader.digit_follows()) {
    seconds += reader.number(2, 0, 59) * kMinute;
    unit = kMinute;
    if (reader.digit_follows()) {
      seconds += reader.number(2, 0, 60);  // ISO 8601: 60 is a leap second, the first of the next minute here
      unit = 1;
    }
  }
  if (reader.one_of(".,") != 0) seconds += read_fraction(reader, unit);
  seconds += read_zone(reader, true);
  if (!reader.is_done()) return fail(ErrorCode::BadInput, "a GeneralizedTime is YYYYMMDDhhmmssZ, not '" + printable(text, 32) + "'");
  return seconds;
}

}  // namespace postern::asn1
