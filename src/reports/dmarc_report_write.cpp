// Values to XML.
#include <algorithm>
#include <array>
#include <span>

#include "base/text.hpp"
#include "reports/dmarc_report.hpp"
#include "reports/xml_elements.hpp"

namespace postern {
namespace {

constexpr std::size_t kLongestError = 4096;
// The words that RFC 9990 Appendix A allows.
constexpr std::array<std::string_view, 5> kOverrides{"local_policy", "mailing_list", "other", "policy_test_mode", "trusted_forwarder"};
constexpr std::array<std::string_view, 7> kDkim{"none", "pass", "fail", "policy", "neutral", "temperror", "permerror"};
constexpr std::array<std::string_view, 8> kSpf{"none", "pass", "fail", "softfail", "policy", "neutral", "temperror", "permerror"};
constexpr std::array<std::string_view, 2> kDiscovery{"psl", "treewalk"};

std::string known_or(const std::string& word, std::span<const std::string_view> known, std::string_view other) {
  return std::string(std::ranges::find(known, word) == known.end() ? other : std::string_view(word));
}

/// Elements with indentation, in the order of the calls.
class Writer {
 public:
  void open(std::string_view name) { line("<" + std::string(name) + ">", m_depth++); }
  void close(std::string_view name) { line("</" + std::string(name) + ">", --m_depth); }
  void element(std::string_view name, std::string_view text) {
    line("<" + std::string(name) + ">" + xml_text(trim(text)) + "</" + std::string(name) + ">", m_depth);
  }
  void optional(std::string_view name, std::string_view text) {
    if (!trim(text).empty()) element(name, text);
  }
  void line(std::string_view text, std::size_t depth) {
    m_out.append(2 * depth, ' ');
    m_out += text;
    m_out += '\n';
  }
  std::string finish() && { return std::move(m_out); }
  void root() { ++m_depth; }

 private:
  std::string m_out;
  std::size_t m_depth = 0;
};

/// 3.1.1.3: at most one error; 3.1.5: not an extremely large one. Cut between characters.
std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : "; ") + text;
  std::size_t size = std::min(out.size(), kLongestError);
  while (size < out.size() && size > 0 && (static_cast<unsigned char>(out[size]) & 0xc0) == 0x80) --size;
  out.resize(size);
  return out;
}

/// 3.1.1.3, 3.1.1.4
void write_metadata(Writer& out, const DmarcReport& report) {
  out.open("report_metadata");
  out.element("org_name", report.org_name);
  out.element("email", report.email);
  out.optional("extra_contact_info", report.extra_contact_info);
  out.element("report_id", report.report_id);
  out.open("date_range");
  out.element("begin", std::to_string(unix_seconds(report.begin)));
  out.element("end", std::to_string(unix_seconds(report.end)));
  out.close("date_range");
  out.optional("error", joined(report.errors));
  out.optional("generator", report.generator);
  out.close("report_metadata");
}

/// 3.1.1.5
void write_policy(Writer& out, const DmarcPublished& policy) {
  const auto put = [&out](std::string_view name, const auto& value, const auto& word) {
    if (value) out.element(name, word(*value));
  };
  const auto policy_word = [](DmarcPolicy one) { return name_of(one); };
  const auto alignment_word = [](DmarcAlignment one) { return one == DmarcAlignment::Strict ? "s" : "r"; };
  out.open("policy_published");
  out.element("domain", policy.domain);
  out.optional("discovery_method", known_or(policy.discovery_method, kDiscovery, ""));
  out.element("p", name_of(policy.p));
  put("sp", policy.sp, policy_word);
  put("np", policy.np, policy_word);
  out.optional("fo", policy.fo);
  put("adkim", policy.adkim, alignment_word);
  put("aspf", policy.aspf, alignment_word);
  put("testing", policy.testing, [](bool one) { return one ? "y" : "n"; });
  out.close("policy_published");
}

/// 3.1.1.8, 3.1.1.9
void write_row(Writer& out, const DmarcReportRow& row) {
  out.open("row");
  out.element("source_ip", row.source_ip.unmapped().text());
  out.element("count", std::to_string(row.count));
  out.open("policy_evaluated");
  out.element("disposition", name_of(row.disposition));
  out.element("dkim", row.dkim_pass ? "pass" : "fail");
  out.element("spf", row.spf_pass ? "pass" : "fail");
  for (const DmarcOverride& reason : row.reasons) {
    out.open("reason");
    out.element("type", known_or(reason.type, kOverrides, "other"));
    out.optional("comment", reason.comment);
    out.close("reason");
  }
  out.close("policy_evaluated");
  out.close("row");
}

/// 3.1.1.10
void write_identifiers(Writer& out, const DmarcReportRow& row) {
  out.open("identifiers");
  out.element("header_from", row.header_from);
  if (row.envelope_from) out.element("envelope_from", *row.envelope_from);
  out.optional("envelope_to", row.envelope_to);
  out.close("identifiers");
}

/// 3.1.1.12
void write_dkim(Writer& out, const DmarcDkimResult& dkim) {
  out.open("dkim");
  out.element("domain", dkim.domain);
  out.element("selector", dkim.selector);
  out.element("result", known_or(dkim.result, kDkim, "neutral"));
  out.optional("human_result", dkim.human_result);
  out.close("dkim");
}

/// 3.1.1.13
void write_spf(Writer& out, const DmarcSpfResult& spf) {
  out.open("spf");
  out.element("domain", spf.domain);
  if (spf.scope == "mfrom") out.element("scope", spf.scope);
  out.element("result", known_or(spf.result, kSpf, "neutral"));
  out.optional("human_result", spf.human_result);
  out.close("spf");
}

/// 3.1.1.7
void write_record(Writer& out, const DmarcReportRow& row) {
  out.open("record");
  write_row(out, row);
  write_identifiers(out, row);
  out.open("auth_results");
  for (const DmarcDkimResult& dkim : row.dkim) write_dkim(out, dkim);
  const auto spf = std::ranges::find_if(row.spf, [](const DmarcSpfResult& one) { return one.scope != "helo"; });
  if (spf != row.spf.end()) write_spf(out, *spf);
  out.close("auth_results");
  out.close("record");
}

}  // namespace

std::string_view name_of(DmarcDisposition disposition) noexcept {
  switch (disposition) {
    case DmarcDisposition::None: return "none";
    case DmarcDisposition::Pass: return "pass";
    case DmarcDisposition::Quarantine: return "quarantine";
    case DmarcDisposition::Reject: return "reject";
  }
  return "none";
}

std::string write_dmarc_report(const DmarcReport& report) {
  Writer out;
  out.line(R"(<?xml version="1.0" encoding="UTF-8"?>)", 0);
  out.line(R"(<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">)", 0);
  out.root();
  out.element("version", "1.0");  // 3.1.1.2
  write_metadata(out, report);
  write_policy(out, report.policy);
  for (const DmarcReportRow& row : report.rows) write_record(out, row);
  out.line("</feedback>", 0);
  return std::move(out).finish();
}

}  // namespace postern
