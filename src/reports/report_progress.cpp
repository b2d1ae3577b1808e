#include "reports/report_progress.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.hpp"

namespace postern {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongestPlace = 1024;
constexpr std::size_t kLongestWords = 2048;

/// Places are what strangers wrote into DNS; this form can be kept.
std::string place_of(std::string_view text) { return printable(text, kLongestPlace); }

std::optional<std::string> text_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string().data(), value->get_string().size());
}

Error damaged() { return {ErrorCode::BadInput, "is not what was kept of a report's way: it was damaged", "progress"}; }

}  // namespace

void ReportProgress::begin() {
  std::erase_if(m_entries, [](const Entry& one) { return one.result.passing; });
}

void ReportProgress::note(std::string_view place, ReportTry result) {
  const std::string name = place_of(place);
  result.words = printable(result.words, kLongestWords);
  const auto found = std::ranges::find(m_entries, name, &Entry::place);
  if (found != m_entries.end())
    found->result = std::move(result);
  else
    m_entries.push_back({name, std::move(result)});
}

bool ReportProgress::is_settled(std::string_view place) const {
  const auto found = std::ranges::find(m_entries, place_of(place), &Entry::place);
  return found != m_entries.end() && !found->result.passing;
}

bool ReportProgress::waits() const {
  return std::ranges::any_of(m_entries, [](const Entry& one) { return one.result.passing; });
}

std::string ReportProgress::text() const {
  std::string out;
  for (const Entry& one : m_entries) out += (out.empty() ? "" : "; ") + one.result.words;
  return out;
}

std::string ReportProgress::save() const {
  json::array out;
  for (const Entry& one : m_entries) out.push_back({{"place", one.place}, {"words", one.result.words}, {"passing", one.result.passing}});
  return json::serialize(out);
}

Result<ReportProgress> ReportProgress::load(std::string_view text) {
  boost::system::error_code wrong;
  const json::value root = json::parse(text, wrong);
  if (wrong || !root.is_array()) return fail(damaged());
  ReportProgress out;
  for (const json::value& one : root.get_array()) {
    if (!one.is_object()) return fail(damaged());
    const auto place = text_in(one.get_object(), "place"), words = text_in(one.get_object(), "words");
    const json::value* passing = one.get_object().if_contains("passing");
    if (!place || !words || passing == nullptr || !passing->is_bool()) return fail(damaged());
    out.m_entries.push_back({*place, {*words, passing->get_bool()}});
  }
  return out;
}

std::optional<WallTime> next_report_try(WallTime first, unsigned tries, WallTime now) {
  const WallTime end = first + kReportTriesEnd;
  if (now >= end) return std::nullopt;
  const std::chrono::minutes pause(tries <= 1 ? 5 : tries == 2 ? 15 : 60);
  return std::min<WallTime>(now + pause, end);
}

}  // namespace postern
