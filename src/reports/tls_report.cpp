#include "reports/tls_report.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <optional>

#include "base/text.hpp"
#include "pack/gzip.hpp"

namespace postern {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostUris = 16;
constexpr std::size_t kMostPolicies = 10'000;
constexpr std::size_t kMostFailures = 100'000;
constexpr std::size_t kMostTexts = 1000;
constexpr std::size_t kLongestText = 4096;
constexpr unsigned kDeepest = 16;

Error bad(const std::string& place, std::string_view what) { return {ErrorCode::BadInput, std::string(what), place}; }

/// Digits alone, of a number that 64 bits hold.
std::optional<std::uint64_t> digits_of(std::string_view text) {
  std::uint64_t out = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out);
  return error == std::errc() && at == end ? std::optional(out) : std::nullopt;
}

/// Reads members of one object; its place stands in front of every complaint.
class Reader {
 public:
  Reader(const json::object& object, std::string place) : m_object(object), m_place(std::move(place)) {}

  [[nodiscard]] std::string place(std::string_view name) const {
    return m_place.empty() ? std::string(name) : m_place + "." + std::string(name);
  }

  /// Empty when it is missing.
  Result<std::string> text(std::string_view name) const {
    const json::value* value = m_object.if_contains(name);
    if (value == nullptr || value->is_null()) return std::string();
    if (!value->is_string()) return fail(bad(place(name), "is no text"));
    if (value->get_string().size() > kLongestText) return fail(ErrorCode::TooLarge, "is a text of more than 4096 bytes", place(name));
    return std::string(value->get_string().data(), value->get_string().size());
  }
  Result<std::string> needed_text(std::string_view name) const {
    POSTERN_TRY(std::string out, text(name));
    if (out.empty()) return fail(bad(place(name), "is missing"));
    return out;
  }
  /// 0 when it is missing. Some senders write numbers as texts.
  Result<std::uint64_t> count(std::string_view name) const {
    const json::value* value = m_object.if_contains(name);
    if (value == nullptr || value->is_null()) return std::uint64_t{0};
    if (value->is_uint64()) return value->get_uint64();
    if (value->is_int64() && value->get_int64() >= 0) return static_cast<std::uint64_t>(value->get_int64());
    if (const auto written = value->is_string() ? digits_of(value->get_string()) : std::nullopt) return *written;
    return fail(bad(place(name), "is no count"));
  }
  /// A text stands for a list of one (4.4: mx-host is written both ways).
  Result<std::vector<std::string>> texts(std::string_view name) const {
    std::vector<std::string> out;
    const json::value* value = m_object.if_contains(name);
    if (value == nullptr || value->is_null()) return out;
    if (value->is_string()) {
      POSTERN_TRY(out.emplace_back(), text(name));
      return out;
    }
    if (!value->is_array()) return fail(bad(place(name), "is no list of texts"));
    if (value->get_array().size() > kMostTexts) return fail(ErrorCode::TooLarge, "has more than 1000 entries", place(name));
    for (const json::value& one : value->get_array()) {
      if (!one.is_string() || one.get_string().size() > kLongestText) return fail(bad(place(name), "has something that is no text"));
      out.emplace_back(one.get_string().data(), one.get_string().size());
    }
    return out;
  }
  Result<WallTime> time(std::string_view name) const {
    POSTERN_TRY(const std::string written, needed_text(name));
    const auto out = parse_rfc3339(written);
    if (!out) return fail(bad(place(name), "is no time of RFC 3339"));
    return *out;
  }
  Result<Reader> object(std::string_view name) const {
    const json::value* value = m_object.if_contains(name);
    if (value == nullptr || !value->is_object()) return fail(bad(place(name), "is no object"));
    return Reader(value->get_object(), place(name));
  }
  /// Null: it is missing.
  Result<const json::array*> list(std::string_view name, std::size_t most) const {
    const json::value* value = m_object.if_contains(name);
    const json::array* none = nullptr;
    if (value == nullptr || value->is_null()) return none;
    if (!value->is_array()) return fail(bad(place(name), "is no list"));
    if (value->get_array().size() > most)
      return fail(ErrorCode::TooLarge, "has more than " + std::to_string(most) + " entries", place(name));
    return &value->get_array();
  }

 private:
  const json::object& m_object;
  std::string m_place;
};

Result<TlsFailure> read_failure(const Reader& in) {
  TlsFailure out;
  POSTERN_TRY(out.result_type, in.needed_text("result-type"));
  POSTERN_TRY(out.sending_mta_ip, in.text("sending-mta-ip"));
  POSTERN_TRY(out.receiving_mx_hostname, in.text("receiving-mx-hostname"));
  POSTERN_TRY(out.receiving_mx_helo, in.text("receiving-mx-helo"));
  POSTERN_TRY(out.receiving_ip, in.text("receiving-ip"));
  POSTERN_TRY(out.failed_sessions, in.count("failed-session-count"));
  POSTERN_TRY(out.additional_information, in.text("additional-information"));
  POSTERN_TRY(out.reason_code, in.text("failure-reason-code"));
  return out;
}

Result<TlsPolicyReport> read_policy(const Reader& in, std::size_t& failures) {
  TlsPolicyReport out;
  POSTERN_TRY(const Reader policy, in.object("policy"));
  POSTERN_TRY(out.type, policy.needed_text("policy-type"));
  POSTERN_TRY(out.policy, policy.texts("policy-string"));
  POSTERN_TRY(out.domain, policy.needed_text("policy-domain"));
  POSTERN_TRY(out.mx_hosts, policy.texts("mx-host"));
  POSTERN_TRY(const Reader summary, in.object("summary"));
  POSTERN_TRY(out.successful_sessions, summary.count("total-successful-session-count"));
  POSTERN_TRY(out.failed_sessions, summary.count("total-failure-session-count"));
  POSTERN_TRY(const json::array* details, in.list("failure-details", kMostFailures - failures));
  if (details == nullptr) return out;
  failures += details->size();
  for (std::size_t i = 0; i < details->size(); ++i) {
    const std::string place = in.place("failure-details") + "[" + std::to_string(i) + "]";
    if (!(*details)[i].is_object()) return fail(bad(place, "is no object"));
    POSTERN_TRY(out.failures.emplace_back(), read_failure(Reader((*details)[i].get_object(), place)));
  }
  return out;
}

Result<TlsReport> read_report(const json::object& root) {
  const Reader in(root, {});
  TlsReport out;
  POSTERN_TRY(out.organization, in.needed_text("organization-name"));
  POSTERN_TRY(out.contact, in.text("contact-info"));
  POSTERN_TRY(out.id, in.needed_text("report-id"));
  POSTERN_TRY(const Reader range, in.object("date-range"));
  POSTERN_TRY(out.begin, range.time("start-datetime"));
  POSTERN_TRY(out.end, range.time("end-datetime"));
  if (out.end < out.begin) return fail(bad("date-range", "ends before it begins"));
  POSTERN_TRY(const json::array* policies, in.list("policies", kMostPolicies));
  if (policies == nullptr) return fail(bad("policies", "is missing"));
  std::size_t failures = 0;
  for (std::size_t i = 0; i < policies->size(); ++i) {
    const std::string place = "policies[" + std::to_string(i) + "]";
    if (!(*policies)[i].is_object()) return fail(bad(place, "is no object"));
    POSTERN_TRY(out.policies.emplace_back(), read_policy(Reader((*policies)[i].get_object(), place), failures));
  }
  return out;
}

void put(json::object& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out[name] = text;
}

json::array texts_json(const std::vector<std::string>& texts) {
  json::array out;
  for (const auto& text : texts) out.emplace_back(text);
  return out;
}

json::object failure_json(const TlsFailure& failure) {
  json::object out{{"result-type", failure.result_type}};
  put(out, "sending-mta-ip", failure.sending_mta_ip);
  put(out, "receiving-mx-hostname", failure.receiving_mx_hostname);
  put(out, "receiving-mx-helo", failure.receiving_mx_helo);
  put(out, "receiving-ip", failure.receiving_ip);
  out["failed-session-count"] = failure.failed_sessions;
  put(out, "additional-information", failure.additional_information);
  put(out, "failure-reason-code", failure.reason_code);
  return out;
}

json::object policy_json(const TlsPolicyReport& report) {
  json::object policy{{"policy-type", report.type}};
  if (!report.policy.empty()) policy["policy-string"] = texts_json(report.policy);
  policy["policy-domain"] = report.domain;
  if (!report.mx_hosts.empty()) policy["mx-host"] = texts_json(report.mx_hosts);
  json::object out{
      {"policy", std::move(policy)},
      {"summary",
       {{"total-successful-session-count", report.successful_sessions}, {"total-failure-session-count", report.failed_sessions}}}};
  json::array failures;
  for (const auto& failure : report.failures) failures.push_back(failure_json(failure));
  if (!failures.empty()) out["failure-details"] = std::move(failures);
  return out;
}

}  // namespace

Result<TlsReportRecord> parse_tls_report_record(std::string_view text) {
  const auto tags = split(text, ';');
  // 3: "v=TLSRPTv1" stands first.
  if (trim(tags.front()) != "v=TLSRPTv1") return fail(ErrorCode::BadInput, "does not begin with v=TLSRPTv1", "v");
  TlsReportRecord out;
  for (std::size_t i = 1; i < tags.size(); ++i) {
    const std::string_view tag = trim(tags[i]);
    if (!tag.starts_with("rua=")) continue;
    for (const std::string_view part : split(tag.substr(4), ',')) {
      const std::string_view uri = trim(part);
      const bool known = istarts_with(uri, "mailto:") || istarts_with(uri, "https:");
      if (known && is_ascii(uri) && out.report_to.size() < kMostUris) out.report_to.emplace_back(uri);
    }
  }
  if (out.report_to.empty()) return fail(ErrorCode::BadInput, "names no mailto: or https: address for reports", "rua");
  return out;
}

Result<TlsReport> parse_tls_report(ByteView bytes) {
  std::string unpacked;
  if (is_gzip(bytes)) {
    POSTERN_TRY(unpacked, gunzip(bytes, kTlsReportBytes));
    bytes = as_bytes(unpacked);
  }
  if (bytes.size() > kTlsReportBytes) return fail(ErrorCode::TooLarge, "is larger than 10 MiB", "report");
  json::parse_options options;
  options.max_depth = kDeepest;
  boost::system::error_code wrong;
  const json::value root = json::parse(as_text(bytes), wrong, {}, options);
  if (wrong) return fail(bad("report", "is no JSON: " + wrong.message()));
  if (!root.is_object()) return fail(bad("report", "is no JSON object"));
  return read_report(root.get_object());
}

std::string write_tls_report(const TlsReport& report) {
  json::array policies;
  for (const auto& policy : report.policies) policies.push_back(policy_json(policy));
  json::object out{{"organization-name", report.organization},
                   {"date-range", {{"start-datetime", rfc3339(report.begin)}, {"end-datetime", rfc3339(report.end)}}}};
  put(out, "contact-info", report.contact);
  out["report-id"] = report.id;
  out["policies"] = std::move(policies);
  return json::serialize(out);
}

}  // namespace postern
