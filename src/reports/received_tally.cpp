#include "reports/received_tally.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <tuple>

#include "reports/tls_tally.hpp"

namespace postern {
namespace {

namespace json = boost::json;

/// The list under `name` of a body that we wrote; empty for one that was too large to be kept.
json::array list_in(const std::string& body, std::string_view name) {
  boost::system::error_code malformed;
  json::value whole = json::parse(body, malformed);
  if (malformed || !whole.is_object()) return {};
  json::value* list = whole.get_object().if_contains(name);
  return list != nullptr && list->is_array() ? std::move(list->get_array()) : json::array();
}

const json::value* find(const json::value& object, std::string_view name) {
  return object.is_object() ? object.get_object().if_contains(name) : nullptr;
}

const json::value& member(const json::value& object, std::string_view name) {
  static const json::value kNothing;
  const json::value* found = find(object, name);
  return found == nullptr ? kNothing : *found;
}

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string(std::string_view(value.get_string())) : std::string();
}

std::uint64_t count_of(const json::value& value) {
  boost::system::error_code none;
  const auto count = value.to_number<std::uint64_t>(none);
  return none ? 0 : count;
}

void count(GoodAndBad& into, std::uint64_t good, std::uint64_t bad) {
  into.good += std::min(good, ReceivedTally::kMostCounted);
  into.bad += std::min(bad, ReceivedTally::kMostCounted);
}

std::string known_policy(std::string type) {
  constexpr std::array<std::string_view, 3> kKnown{"tlsa", "sts", "no-policy-found"};
  return std::ranges::find(kKnown, type) == kKnown.end() ? std::string(ReceivedTally::kOtherPolicy) : std::move(type);
}

}  // namespace

std::int64_t day_of_report(WallTime begin, WallTime end) noexcept { return day_of(begin + (end - begin) / 2); }

void ReceivedTally::add(const ReceivedReport& report) {
  if (report.kind == "tls") add_tls(report);
  if (report.kind == "dmarc") add_dmarc(report);
}

/// RFC 8460 4.4
void ReceivedTally::add_tls(const ReceivedReport& report) {
  const std::int64_t day = day_of_report(report.begin, report.end);
  const json::array policies = list_in(report.body, "policies");
  if (policies.empty()) count(m_tls[{day, std::string(kOtherPolicy)}], report.good, report.bad);
  for (const json::value& one : policies) {
    const json::value& summary = member(one, "summary");
    count(m_tls[{day, known_policy(text_of(member(member(one, "policy"), "policy-type")))}],
          count_of(member(summary, "total-successful-session-count")), count_of(member(summary, "total-failure-session-count")));
  }
}

/// RFC 9990 3.1.1: a message passes when one of the two does.
void ReceivedTally::add_dmarc(const ReceivedReport& report) {
  count(m_dmarc[day_of_report(report.begin, report.end)], report.good, report.bad);
  for (const json::value& record : list_in(report.body, "record")) {
    const json::value& row = member(record, "row");
    const json::value& evaluated = member(row, "policy_evaluated");
    const bool passed = text_of(member(evaluated, "dkim")) == "pass" || text_of(member(evaluated, "spf")) == "pass";
    const std::uint64_t messages = count_of(member(row, "count"));
    count(source(text_of(member(row, "source_ip"))), passed ? messages : 0, passed ? 0 : messages);
  }
}

GoodAndBad& ReceivedTally::source(const std::string& address) {
  const auto known = m_sources.find(address);
  if (known != m_sources.end()) return known->second;
  return m_sources[m_sources.size() < kMostSources ? address : std::string(kOtherSources)];
}

std::vector<std::pair<std::string, GoodAndBad>> ReceivedTally::sources(std::size_t most) const {
  std::vector<std::pair<std::string, GoodAndBad>> out(m_sources.begin(), m_sources.end());
  const std::size_t kept = std::min(most, out.size());
  std::ranges::partial_sort(out, out.begin() + static_cast<std::ptrdiff_t>(kept), [](const auto& a, const auto& b) {
    return std::tie(a.second.bad, a.second.good) > std::tie(b.second.bad, b.second.good);
  });
  out.resize(kept);
  return out;
}

}  // namespace postern
