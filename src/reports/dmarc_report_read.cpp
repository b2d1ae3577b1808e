// XML to values.
#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.hpp"
#include "pack/gzip.hpp"
#include "pack/zip.hpp"
#include "reports/dmarc_report.hpp"
#include "reports/xml_elements.hpp"

namespace postern {
namespace {

constexpr std::int64_t kLastSecond = 253402300799;  // of the year 9999

Error bad(std::string place, std::string_view what) { return {ErrorCode::BadInput, std::string(what), std::move(place)}; }

/// Children of one element. Those of other namespaces are extensions (RFC 9990 5); elements without one belong to old reports, whose schema
/// has only its root in a namespace.
class Fields {
 public:
  Fields(const XmlElement& element, std::string place, std::string_view space)
      : m_element(element), m_place(std::move(place)), m_space(space) {}

  [[nodiscard]] std::string place(std::string_view name) const { return m_place + "." + std::string(name); }
  [[nodiscard]] bool is_ours(const XmlElement& child, std::string_view name) const {
    return child.name == name && (child.space.empty() || child.space == m_space);
  }
  /// Null when it is missing; which of two would count, two readers may see differently.
  Result<const XmlElement*> one(std::string_view name) const {
    const XmlElement* out = nullptr;
    for (const XmlElement& child : m_element.children) {
      if (!is_ours(child, name)) continue;
      if (out != nullptr) return fail(bad(place(name), "is there twice"));
      out = &child;
    }
    return out;
  }
  /// Empty when it is missing.
  Result<std::string> text(std::string_view name) const {
    POSTERN_TRY(const XmlElement* child, one(name));
    return child == nullptr ? std::string() : child->text;
  }
  Result<std::string> needed(std::string_view name) const {
    POSTERN_TRY(std::string out, text(name));
    if (out.empty()) return fail(bad(place(name), "is missing"));
    return out;
  }
  Result<Fields> part(std::string_view name) const {
    POSTERN_TRY(const XmlElement* child, one(name));
    if (child == nullptr) return fail(bad(place(name), "is missing"));
    return Fields(*child, place(name), m_space);
  }
  Result<std::vector<Fields>> parts(std::string_view name, std::size_t most) const {
    std::vector<Fields> out;
    for (const XmlElement& child : m_element.children) {
      if (!is_ours(child, name)) continue;
      if (out.size() >= most) return fail(ErrorCode::TooLarge, "is there more than " + std::to_string(most) + " times", place(name));
      out.emplace_back(child, place(name) + "[" + std::to_string(out.size()) + "]", m_space);
    }
    return out;
  }
  Result<std::uint64_t> number(std::string_view name) const {
    POSTERN_TRY(const std::string written, needed(name));
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), out);
    if (error != std::errc() || end != written.data() + written.size() || out > INT64_MAX)
      return fail(bad(place(name), "is no count: give digits"));
    return out;
  }
  Result<WallTime> time(std::string_view name) const {
    POSTERN_TRY(const std::uint64_t seconds, number(name));
    if (seconds > kLastSecond) return fail(bad(place(name), "is no time: give seconds since 1970"));
    return WallTime(std::chrono::seconds(seconds));
  }
  /// The value that a word stands for; nothing when it is missing.
  template <class E, std::size_t N>
  Result<std::optional<E>> word(std::string_view name, const std::array<std::pair<std::string_view, E>, N>& known) const {
    POSTERN_TRY(const std::string written, text(name));
    if (written.empty()) return std::optional<E>();
    const auto* found = std::ranges::find_if(known, [&](const auto& one) { return iequals(one.first, written); });
    if (found != known.end()) return std::optional<E>(found->second);
    std::string what = "is none of";
    for (const auto& one : known) what += " " + std::string(one.first);
    return fail(bad(place(name), what));
  }
  template <class E, std::size_t N>
  Result<E> needed_word(std::string_view name, const std::array<std::pair<std::string_view, E>, N>& known) const {
    POSTERN_TRY(const std::optional<E> out, word(name, known));
    if (!out) return fail(bad(place(name), "is missing"));
    return *out;
  }

 private:
  const XmlElement& m_element;
  std::string m_place;
  std::string_view m_space;
};

using PolicyWord = std::pair<std::string_view, DmarcPolicy>;
constexpr std::array kPolicies{PolicyWord{"none", DmarcPolicy::None}, PolicyWord{"quarantine", DmarcPolicy::Quarantine},
                               PolicyWord{"reject", DmarcPolicy::Reject}};
using DispositionWord = std::pair<std::string_view, DmarcDisposition>;
constexpr std::array kDispositions{DispositionWord{"none", DmarcDisposition::None}, DispositionWord{"pass", DmarcDisposition::Pass},
                                   DispositionWord{"quarantine", DmarcDisposition::Quarantine},
                                   DispositionWord{"reject", DmarcDisposition::Reject}};
using AlignmentWord = std::pair<std::string_view, DmarcAlignment>;
constexpr std::array kAlignments{AlignmentWord{"r", DmarcAlignment::Relaxed}, AlignmentWord{"s", DmarcAlignment::Strict}};
using YesOrNo = std::pair<std::string_view, bool>;
constexpr std::array kTesting{YesOrNo{"y", true}, YesOrNo{"n", false}};
/// 3.1.1.9 knows pass and fail; some senders write the word of the check itself, of which all but pass mean that nothing passed.
constexpr std::array kPassed{YesOrNo{"pass", true},       YesOrNo{"fail", false},     YesOrNo{"none", false},
                             YesOrNo{"neutral", false},   YesOrNo{"softfail", false}, YesOrNo{"policy", false},
                             YesOrNo{"temperror", false}, YesOrNo{"permerror", false}};

/// Words of RFC 7489's time for those of RFC 8601.
std::string auth_word(const std::string& written) {
  std::string word = to_lower(written);
  if (word == "unknown") return "temperror";
  if (word == "error") return "permerror";
  if (word == "hardfail") return "fail";
  return word;
}

Result<DmarcDkimResult> read_dkim(const Fields& in) {
  DmarcDkimResult out;
  POSTERN_TRY(out.domain, in.text("domain"));
  POSTERN_TRY(out.selector, in.text("selector"));  // many leave it empty or out
  POSTERN_TRY(const std::string result, in.needed("result"));
  out.result = auth_word(result);
  POSTERN_TRY(out.human_result, in.text("human_result"));
  return out;
}

Result<DmarcSpfResult> read_spf(const Fields& in) {
  DmarcSpfResult out;
  POSTERN_TRY(out.domain, in.text("domain"));  // empty where HELO was no name
  POSTERN_TRY(const std::string scope, in.text("scope"));
  out.scope = to_lower(scope);
  POSTERN_TRY(const std::string result, in.needed("result"));
  out.result = auth_word(result);
  POSTERN_TRY(out.human_result, in.text("human_result"));
  return out;
}

/// 3.1.1.8, 3.1.1.9
Status read_row(const Fields& row, const DmarcReportLimits& limits, DmarcReportRow& out) {
  POSTERN_TRY(const std::string address, row.needed("source_ip"));
  const auto ip = dns::IpAddress::parse(address);
  if (!ip) return fail(bad(row.place("source_ip"), "is no IP address"));
  out.source_ip = ip->unmapped();
  POSTERN_TRY(out.count, row.number("count"));
  POSTERN_TRY(const Fields evaluated, row.part("policy_evaluated"));
  POSTERN_TRY(out.disposition, evaluated.needed_word("disposition", kDispositions));
  POSTERN_TRY(out.dkim_pass, evaluated.needed_word("dkim", kPassed));
  POSTERN_TRY(out.spf_pass, evaluated.needed_word("spf", kPassed));
  POSTERN_TRY(const auto reasons, evaluated.parts("reason", limits.results_per_row));
  for (const Fields& reason : reasons) {
    DmarcOverride& one = out.reasons.emplace_back();
    POSTERN_TRY(const std::string type, reason.needed("type"));
    one.type = to_lower(type);
    POSTERN_TRY(one.comment, reason.text("comment"));
  }
  return {};
}

/// 3.1.1.10
Status read_identifiers(const Fields& in, DmarcReportRow& out) {
  POSTERN_TRY(out.header_from, in.needed("header_from"));
  POSTERN_TRY(const XmlElement* envelope_from, in.one("envelope_from"));
  if (envelope_from != nullptr) out.envelope_from = envelope_from->text;
  POSTERN_TRY(out.envelope_to, in.text("envelope_to"));
  return {};
}

/// 3.1.1.11; left out by some senders when there was nothing to say.
Status read_auth_results(const Fields& record, const DmarcReportLimits& limits, DmarcReportRow& out) {
  POSTERN_TRY(const XmlElement* found, record.one("auth_results"));
  if (found == nullptr) return {};
  POSTERN_TRY(const Fields results, record.part("auth_results"));
  POSTERN_TRY(const auto dkim, results.parts("dkim", limits.results_per_row));
  for (const Fields& one : dkim) {
    POSTERN_TRY(out.dkim.emplace_back(), read_dkim(one));
  }
  POSTERN_TRY(const auto spf, results.parts("spf", limits.results_per_row));
  for (const Fields& one : spf) {
    POSTERN_TRY(out.spf.emplace_back(), read_spf(one));
  }
  return {};
}

Result<DmarcReportRow> read_record(const Fields& record, const DmarcReportLimits& limits) {
  DmarcReportRow out;
  POSTERN_TRY(const Fields row, record.part("row"));
  POSTERN_CHECK(read_row(row, limits, out));
  POSTERN_TRY(const Fields identifiers, record.part("identifiers"));
  POSTERN_CHECK(read_identifiers(identifiers, out));
  POSTERN_CHECK(read_auth_results(record, limits, out));
  return out;
}

/// 3.1.1.3, 3.1.1.4
Status read_metadata(const Fields& in, const XmlElement& element, const DmarcReportLimits& limits, DmarcReport& out) {
  POSTERN_TRY(out.org_name, in.needed("org_name"));
  POSTERN_TRY(out.email, in.text("email"));
  POSTERN_TRY(out.extra_contact_info, in.text("extra_contact_info"));
  POSTERN_TRY(out.report_id, in.needed("report_id"));
  POSTERN_TRY(out.generator, in.text("generator"));
  POSTERN_TRY(const Fields range, in.part("date_range"));
  POSTERN_TRY(out.begin, range.time("begin"));
  POSTERN_TRY(out.end, range.time("end"));
  if (out.end < out.begin) return fail(bad(in.place("date_range"), "ends before it begins"));
  for (const XmlElement& child : element.children) {
    if (!in.is_ours(child, "error") || child.text.empty()) continue;
    if (out.errors.size() >= limits.errors)
      return fail(ErrorCode::TooLarge, "is there more than " + std::to_string(limits.errors) + " times", in.place("error"));
    out.errors.push_back(child.text);
  }
  return {};
}

/// 3.1.1.5
Status read_policy(const Fields& in, DmarcPublished& out) {
  POSTERN_TRY(out.domain, in.needed("domain"));
  POSTERN_TRY(const std::string method, in.text("discovery_method"));
  out.discovery_method = to_lower(method);
  POSTERN_TRY(out.p, in.needed_word("p", kPolicies));
  POSTERN_TRY(out.sp, in.word("sp", kPolicies));
  POSTERN_TRY(out.np, in.word("np", kPolicies));
  POSTERN_TRY(out.adkim, in.word("adkim", kAlignments));
  POSTERN_TRY(out.aspf, in.word("aspf", kAlignments));
  POSTERN_TRY(out.testing, in.word("testing", kTesting));
  POSTERN_TRY(out.fo, in.text("fo"));
  POSTERN_TRY(const std::string pct, in.text("pct"));
  if (pct.empty()) return {};
  POSTERN_TRY(const std::uint64_t percent, in.number("pct"));
  if (percent > 100) return fail(bad(in.place("pct"), "is more than 100"));
  out.pct = static_cast<std::uint32_t>(percent);
  return {};
}

bool is_known_space(std::string_view space) {
  return space.empty() || istarts_with(space, "urn:ietf:params:xml:ns:dmarc") || istarts_with(space, "http://dmarc.org/dmarc-xml/");
}

class ReportSink final : public XmlSink {
 public:
  explicit ReportSink(const DmarcReportLimits& limits) : m_limits(limits) {}

  Status root(const XmlElement& element) override {
    if (element.name != "feedback") return fail(bad(printable(element.name, 64), "is no DMARC report: its root must be feedback"));
    if (!is_known_space(element.space)) return fail(bad("feedback", "is of another namespace: " + printable(element.space)));
    m_space = element.space;
    return {};
  }
  Status child(const XmlElement& element, const std::string& place) override {
    if (!element.space.empty() && element.space != m_space) return {};
    const Fields fields(element, place, m_space);
    if (element.name == "record") return record(fields);
    if (element.name == "report_metadata") return once(m_metadata, place, [&] { return read_metadata(fields, element, m_limits, m_out); });
    if (element.name == "policy_published") return once(m_policy, place, [&] { return read_policy(fields, m_out.policy); });
    return {};
  }
  [[nodiscard]] bool repeats(std::string_view name) const override { return name == "record"; }

  Result<DmarcReport> finish() && {
    if (!m_metadata) return fail(bad("report_metadata", "is missing"));
    if (!m_policy) return fail(bad("policy_published", "is missing"));
    if (m_out.rows.empty()) return fail(bad("record", "is missing: the report is about no mail"));
    return std::move(m_out);
  }

 private:
  template <class Read>
  static Status once(bool& done, const std::string& place, Read read) {
    if (std::exchange(done, true)) return fail(bad(place, "is there twice"));
    return read();
  }
  Status record(const Fields& fields) {
    if (m_out.rows.size() >= m_limits.rows)
      return fail(ErrorCode::TooLarge, "is there more than " + std::to_string(m_limits.rows) + " times", "record");
    POSTERN_TRY(m_out.rows.emplace_back(), read_record(fields, m_limits));
    return {};
  }

  const DmarcReportLimits& m_limits;
  DmarcReport m_out;
  std::string m_space;
  bool m_metadata = false, m_policy = false;
};

Result<std::string> unpack(ByteView bytes, std::size_t limit) {
  if (is_gzip(bytes)) return gunzip(bytes, limit);
  if (is_zip(bytes)) return unzip_one(bytes, limit);
  return std::string(as_text(bytes));
}

}  // namespace

Result<DmarcReport> read_dmarc_report(ByteView bytes, const DmarcReportLimits& limits) {
  const bool packed = is_gzip(bytes) || is_zip(bytes);
  if (!packed && bytes.size() > limits.unpacked_bytes)
    return fail(ErrorCode::TooLarge, "is larger than " + std::to_string(limits.unpacked_bytes) + " bytes", "report");
  POSTERN_TRY(const std::string text, unpack(bytes, limits.unpacked_bytes));
  ReportSink sink(limits);
  POSTERN_CHECK(read_xml(text, {.depth = limits.depth, .text_bytes = limits.text_bytes}, sink));
  return std::move(sink).finish();
}

}  // namespace postern
