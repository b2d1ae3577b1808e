#include "reports/dmarc_report_json.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace postern {
namespace {

namespace json = boost::json;

constexpr std::array kPolicies{DmarcPolicy::None, DmarcPolicy::Quarantine, DmarcPolicy::Reject};
constexpr std::array kDispositions{DmarcDisposition::None, DmarcDisposition::Pass, DmarcDisposition::Quarantine, DmarcDisposition::Reject};

std::string_view name_of(DmarcAlignment alignment) { return alignment == DmarcAlignment::Strict ? "s" : "r"; }
constexpr std::array kAlignments{DmarcAlignment::Relaxed, DmarcAlignment::Strict};

void put(json::object& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out[name] = text;
}

json::object dkim_json(const DmarcDkimResult& dkim) {
  json::object out{{"domain", dkim.domain}, {"selector", dkim.selector}, {"result", dkim.result}};
  put(out, "human_result", dkim.human_result);
  return out;
}

json::object spf_json(const DmarcSpfResult& spf) {
  json::object out{{"domain", spf.domain}};
  put(out, "scope", spf.scope);
  out["result"] = spf.result;
  put(out, "human_result", spf.human_result);
  return out;
}

json::object evaluated_json(const DmarcReportRow& row) {
  json::object out{
      {"disposition", name_of(row.disposition)}, {"dkim", row.dkim_pass ? "pass" : "fail"}, {"spf", row.spf_pass ? "pass" : "fail"}};
  json::array reasons;
  for (const auto& reason : row.reasons) {
    put(reasons.emplace_back(json::object{{"type", reason.type}}).get_object(), "comment", reason.comment);
  }
  if (!reasons.empty()) out["reason"] = std::move(reasons);
  return out;
}

json::object metadata_json(const DmarcReport& report) {
  json::object out{{"org_name", report.org_name}};
  put(out, "email", report.email);
  put(out, "extra_contact_info", report.extra_contact_info);
  out["report_id"] = report.report_id;
  out["date_range"] = json::object{{"begin", unix_seconds(report.begin)}, {"end", unix_seconds(report.end)}};
  json::array errors;
  for (const auto& error : report.errors) errors.emplace_back(error);
  if (!errors.empty()) out["error"] = std::move(errors);
  put(out, "generator", report.generator);
  return out;
}

/// Members of what was written here: anything else is damage, and named.
class Reader {
 public:
  Reader(const json::object& object, std::string place) : m_object(object), m_place(std::move(place)) {}

  [[nodiscard]] Error bad(std::string_view name, std::string_view what) const {
    return {ErrorCode::BadInput, std::string(what), m_place + "." + std::string(name)};
  }
  [[nodiscard]] const json::value* find(std::string_view name) const { return m_object.if_contains(name); }
  Result<std::string> text(std::string_view name) const {
    const json::value* value = find(name);
    if (value == nullptr) return std::string();
    if (!value->is_string()) return fail(bad(name, "is no text"));
    return std::string(value->get_string().data(), value->get_string().size());
  }
  Result<Reader> object(std::string_view name) const {
    const json::value* value = find(name);
    if (value == nullptr || !value->is_object()) return fail(bad(name, "is no object"));
    return Reader(value->get_object(), m_place + "." + std::string(name));
  }
  /// Nothing there: none.
  Result<std::vector<Reader>> list(std::string_view name) const {
    std::vector<Reader> out;
    const json::value* value = find(name);
    if (value == nullptr) return out;
    if (!value->is_array()) return fail(bad(name, "is no list"));
    for (const json::value& one : value->get_array()) {
      if (!one.is_object()) return fail(bad(name, "has something that is no object"));
      out.emplace_back(one.get_object(), m_place + "." + std::string(name) + "[" + std::to_string(out.size()) + "]");
    }
    return out;
  }
  template <class E, std::size_t N>
  Result<std::optional<E>> word(std::string_view name, const std::array<E, N>& known) const {
    POSTERN_TRY(const std::string written, text(name));
    if (written.empty()) return std::optional<E>();
    const auto* found = std::ranges::find_if(known, [&written](E one) { return name_of(one) == written; });
    if (found == known.end()) return fail(bad(name, "is an unknown word"));
    return std::optional<E>(*found);
  }

 private:
  const json::object& m_object;
  std::string m_place;
};

Status read_evaluated(const Reader& in, DmarcReportRow& out) {
  POSTERN_TRY(const auto disposition, in.word("disposition", kDispositions));
  out.disposition = disposition.value_or(DmarcDisposition::None);
  POSTERN_TRY(const std::string dkim, in.text("dkim"));
  out.dkim_pass = dkim == "pass";
  POSTERN_TRY(const std::string spf, in.text("spf"));
  out.spf_pass = spf == "pass";
  POSTERN_TRY(const auto reasons, in.list("reason"));
  for (const Reader& reason : reasons) {
    DmarcOverride& one = out.reasons.emplace_back();
    POSTERN_TRY(one.type, reason.text("type"));
    POSTERN_TRY(one.comment, reason.text("comment"));
  }
  return {};
}

Status read_identifiers(const Reader& in, DmarcReportRow& out) {
  POSTERN_TRY(out.header_from, in.text("header_from"));
  if (in.find("envelope_from") != nullptr) {
    POSTERN_TRY(out.envelope_from, in.text("envelope_from"));
  }
  POSTERN_TRY(out.envelope_to, in.text("envelope_to"));
  return {};
}

Status read_results(const Reader& in, DmarcReportRow& out) {
  POSTERN_TRY(const auto signatures, in.list("dkim"));
  for (const Reader& one : signatures) {
    DmarcDkimResult& dkim = out.dkim.emplace_back();
    POSTERN_TRY(dkim.domain, one.text("domain"));
    POSTERN_TRY(dkim.selector, one.text("selector"));
    POSTERN_TRY(dkim.result, one.text("result"));
    POSTERN_TRY(dkim.human_result, one.text("human_result"));
  }
  POSTERN_TRY(const auto senders, in.list("spf"));
  for (const Reader& one : senders) {
    DmarcSpfResult& spf = out.spf.emplace_back();
    POSTERN_TRY(spf.domain, one.text("domain"));
    POSTERN_TRY(spf.scope, one.text("scope"));
    POSTERN_TRY(spf.result, one.text("result"));
    POSTERN_TRY(spf.human_result, one.text("human_result"));
  }
  return {};
}

Status read_row(const Reader& in, DmarcReportRow& out) {
  POSTERN_TRY(const std::string address, in.text("source_ip"));
  const auto ip = dns::IpAddress::parse(address);
  if (!ip) return fail(in.bad("source_ip", "is no IP address"));
  out.source_ip = *ip;
  const json::value* count = in.find("count");
  boost::system::error_code wrong;
  out.count = count == nullptr ? 0 : count->to_number<std::uint64_t>(wrong);
  if (count == nullptr || wrong) return fail(in.bad("count", "is no count"));
  POSTERN_TRY(const Reader evaluated, in.object("policy_evaluated"));
  return read_evaluated(evaluated, out);
}

}  // namespace

json::object dmarc_published_json(const DmarcPublished& policy) {
  json::object out{{"domain", policy.domain}};
  put(out, "discovery_method", policy.discovery_method);
  out["p"] = name_of(policy.p);
  if (policy.sp) out["sp"] = name_of(*policy.sp);
  if (policy.np) out["np"] = name_of(*policy.np);
  if (policy.adkim) out["adkim"] = name_of(*policy.adkim);
  if (policy.aspf) out["aspf"] = name_of(*policy.aspf);
  if (policy.testing) out["testing"] = *policy.testing ? "y" : "n";
  put(out, "fo", policy.fo);
  if (policy.pct) out["pct"] = *policy.pct;
  return out;
}

json::object dmarc_row_json(const DmarcReportRow& row) {
  json::object identifiers{{"header_from", row.header_from}};
  if (row.envelope_from) identifiers["envelope_from"] = *row.envelope_from;
  put(identifiers, "envelope_to", row.envelope_to);
  json::array dkim, spf;
  for (const auto& one : row.dkim) dkim.push_back(dkim_json(one));
  for (const auto& one : row.spf) spf.push_back(spf_json(one));
  return {{"row", json::object{{"source_ip", row.source_ip.text()}, {"count", row.count}, {"policy_evaluated", evaluated_json(row)}}},
          {"identifiers", std::move(identifiers)},
          {"auth_results", json::object{{"dkim", std::move(dkim)}, {"spf", std::move(spf)}}}};
}

json::object dmarc_report_json(const DmarcReport& report) {
  json::array rows;
  for (const auto& row : report.rows) rows.push_back(dmarc_row_json(row));
  return {
      {"report_metadata", metadata_json(report)}, {"policy_published", dmarc_published_json(report.policy)}, {"record", std::move(rows)}};
}

Result<DmarcPublished> dmarc_published_of(const json::object& object, const std::string& place) {
  const Reader in(object, place);
  DmarcPublished out;
  POSTERN_TRY(out.domain, in.text("domain"));
  POSTERN_TRY(out.discovery_method, in.text("discovery_method"));
  POSTERN_TRY(const auto p, in.word("p", kPolicies));
  out.p = p.value_or(DmarcPolicy::None);
  POSTERN_TRY(out.sp, in.word("sp", kPolicies));
  POSTERN_TRY(out.np, in.word("np", kPolicies));
  POSTERN_TRY(out.adkim, in.word("adkim", kAlignments));
  POSTERN_TRY(out.aspf, in.word("aspf", kAlignments));
  POSTERN_TRY(const std::string testing, in.text("testing"));
  if (!testing.empty()) out.testing = testing == "y";
  POSTERN_TRY(out.fo, in.text("fo"));
  return out;
}

Result<DmarcReportRow> dmarc_row_of(const json::object& object, const std::string& place) {
  const Reader in(object, place);
  DmarcReportRow out;
  POSTERN_TRY(const Reader row, in.object("row"));
  POSTERN_CHECK(read_row(row, out));
  POSTERN_TRY(const Reader identifiers, in.object("identifiers"));
  POSTERN_CHECK(read_identifiers(identifiers, out));
  POSTERN_TRY(const Reader results, in.object("auth_results"));
  POSTERN_CHECK(read_results(results, out));
  return out;
}

}  // namespace postern
