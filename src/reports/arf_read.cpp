#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.hpp"
#include "dns/ip_address.hpp"
#include "mime/message.hpp"
#include "mime/tree.hpp"
#include "mime/writer.hpp"
#include "reports/arf.hpp"

namespace postern {
namespace {

Error bad(std::string place, std::string_view what) { return {ErrorCode::BadInput, std::string(what), std::move(place)}; }

// RFC 5965 3.1, 3.2; RFC 6591 3.2; RFC 6692 1; RFC 9991 4.
struct TextField {
  std::string_view name;
  std::string FeedbackReport::* member;
};
constexpr std::array kTexts{
    TextField{"Feedback-Type", &FeedbackReport::feedback_type},
    TextField{"User-Agent", &FeedbackReport::user_agent},
    TextField{"Version", &FeedbackReport::version},
    TextField{"Original-Envelope-Id", &FeedbackReport::original_envelope_id},
    TextField{"Original-Mail-From", &FeedbackReport::original_mail_from},
    TextField{"Arrival-Date", &FeedbackReport::arrival_date},
    TextField{"Reporting-MTA", &FeedbackReport::reporting_mta},
    TextField{"Source-IP", &FeedbackReport::source_ip},
    TextField{"Auth-Failure", &FeedbackReport::auth_failure},
    TextField{"Delivery-Result", &FeedbackReport::delivery_result},
    TextField{"DKIM-Domain", &FeedbackReport::dkim_domain},
    TextField{"DKIM-Identity", &FeedbackReport::dkim_identity},
    TextField{"DKIM-Selector", &FeedbackReport::dkim_selector},
    TextField{"DKIM-Selector-DNS", &FeedbackReport::dkim_selector_dns},
    TextField{"DKIM-ADSP-DNS", &FeedbackReport::dkim_adsp_dns},
    TextField{"DKIM-Canonicalized-Header", &FeedbackReport::dkim_canonicalized_header},
    TextField{"DKIM-Canonicalized-Body", &FeedbackReport::dkim_canonicalized_body},
};
struct ListField {
  std::string_view name;
  std::vector<std::string> FeedbackReport::* member;
};
constexpr std::array kLists{
    ListField{"Authentication-Results", &FeedbackReport::authentication_results},
    ListField{"Original-Rcpt-To", &FeedbackReport::original_rcpt_to},
    ListField{"Reported-Domain", &FeedbackReport::reported_domain},
    ListField{"Reported-URI", &FeedbackReport::reported_uri},
    ListField{"SPF-DNS", &FeedbackReport::spf_dns},
};
struct NumberField {
  std::string_view name;
  std::optional<std::uint32_t> FeedbackReport::* member;
};
constexpr std::array kNumbers{NumberField{"Source-Port", &FeedbackReport::source_port},
                              NumberField{"Incidents", &FeedbackReport::incidents}};
constexpr std::string_view kAlignment = "Identity-Alignment";

/// Comments (RFC 5322 3.2.2) are not looked into, only taken off the end: "1 (one)".
std::string_view without_comment(std::string_view text) { return trim(text.substr(0, text.find('('))); }

std::string without_space(std::string_view text) {
  std::string out;
  std::ranges::copy_if(text, std::back_inserter(out), [](char c) { return !is_wsp(c) && c != '\r' && c != '\n'; });
  return out;
}

class FieldReader {
 public:
  explicit FieldReader(FeedbackReport& out) : m_out(out) {}

  Status read(const HeaderField& field) {
    if (read_text(field) || read_list(field)) return m_status;
    for (const NumberField& known : kNumbers) {
      if (field.is(known.name)) return number(known, field);
    }
    if (field.is(kAlignment)) return alignment(field);
    m_out.other.emplace_back(field.name, field.unfolded());
    return {};
  }

 private:
  bool read_text(const HeaderField& field) {
    const auto* known = std::ranges::find_if(kTexts, [&field](const TextField& one) { return field.is(one.name); });
    if (known == kTexts.end()) return false;
    if (!(m_out.*known->member).empty()) m_status = fail(twice(known->name));
    m_out.*known->member = trim(field.unfolded());
    return true;
  }
  bool read_list(const HeaderField& field) {
    const auto* known = std::ranges::find_if(kLists, [&field](const ListField& one) { return field.is(one.name); });
    if (known == kLists.end()) return false;
    (m_out.*known->member).emplace_back(trim(field.unfolded()));
    return true;
  }
  Status number(const NumberField& known, const HeaderField& field) {
    if (m_out.*known.member) return fail(twice(known.name));
    const std::string value = field.unfolded();
    const std::string_view digits = without_comment(value);
    std::uint32_t out = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    if (error != std::errc() || end != digits.data() + digits.size()) return fail(bad(std::string(known.name), "is no number"));
    m_out.*known.member = out;
    return {};
  }
  /// RFC 9991 4, item 2.
  Status alignment(const HeaderField& field) {
    if (std::exchange(m_aligned, true)) return fail(twice(kAlignment));
    const std::string value = field.unfolded();
    for (const std::string_view part : split(value, ',')) {
      const std::string word = to_lower(without_comment(part));
      if (word == "dkim" || word == "spf")
        m_out.identity_alignment.push_back(word);
      else if (word != "none" && !word.empty())
        return fail(bad(std::string(kAlignment), "is a list of other words than dkim and spf"));
    }
    return {};
  }
  static Error twice(std::string_view name) { return bad(std::string(name), "is there twice"); }

  FeedbackReport& m_out;
  Status m_status;
  bool m_aligned = false;
};

/// What the fields must be, once all are there.
Status check(FeedbackReport& out) {
  out.feedback_type = to_lower(without_comment(out.feedback_type));
  if (out.feedback_type.empty()) return fail(bad("Feedback-Type", "is missing"));  // RFC 5965 3.1
  out.auth_failure = to_lower(without_comment(out.auth_failure));
  if (out.feedback_type == "auth-failure" && out.auth_failure.empty()) return fail(bad("Auth-Failure", "is missing"));  // RFC 6591 3.1
  out.delivery_result = to_lower(without_comment(out.delivery_result));
  out.source_ip = without_comment(out.source_ip);
  if (!out.source_ip.empty()) {
    std::string_view address = out.source_ip;
    if (istarts_with(address, "IPv6:")) address.remove_prefix(5);  // as RFC 5321 writes them
    const auto ip = dns::IpAddress::parse(address);
    if (!ip) return fail(bad("Source-IP", "is no IP address"));
    out.source_ip = ip->text();
  }
  out.dkim_canonicalized_header = without_space(out.dkim_canonicalized_header);
  out.dkim_canonicalized_body = without_space(out.dkim_canonicalized_body);
  return {};
}

/// The header section of the message behind the report: a part of header fields, or a whole message. Its index among the parts of `tree`.
Result<std::string> header_of(std::string_view message, const MimePart& tree, const Limits& limits) {
  for (std::size_t i = 0; i < tree.children.size(); ++i) {
    const MimePart& part = tree.children[i];
    if (part.type == "text/rfc822-headers" || part.type == "message/rfc822-headers") {
      const std::string text = normalize_crlf(as_text(ByteView(part.content)));
      POSTERN_TRY(const MessageView header, MessageView::parse(text, limits));
      return std::string(header.header_block());
    }
    if (part.type != "message/rfc822" && part.type != "message/global") continue;
    // The tree has no bytes of a message in it.
    POSTERN_TRY(const MessageView outer, MessageView::parse(message, limits));
    const auto parts =
        split_multipart(outer.body(), parse_content_type(outer.value("Content-Type")).parameter("boundary"), limits.mime_parts);
    if (!parts || i >= parts->parts.size()) return std::string();
    POSTERN_TRY(const MessageView entity, MessageView::parse(parts->parts[i], limits));
    POSTERN_TRY(const MessageView inner, MessageView::parse(entity.body(), limits));
    return std::string(inner.header_block());
  }
  return std::string();
}

}  // namespace

Result<FeedbackReport> parse_feedback_report(std::string_view message, const Limits& limits) {
  POSTERN_TRY(const MimePart tree, parse_mime_tree(message, limits));
  const auto part = std::ranges::find(tree.children, "message/feedback-report", &MimePart::type);
  if (!tree.type.starts_with("multipart/") || part == tree.children.end())
    return fail(bad("Content-Type", "is no report with a part message/feedback-report"));
  std::string text = normalize_crlf(as_text(ByteView(part->content)));
  text.erase(0, std::min(text.find_first_not_of("\r\n"), text.size()));
  POSTERN_TRY(const MessageView fields, MessageView::parse(text, limits));
  FeedbackReport out;
  FieldReader reader(out);
  for (const HeaderField& field : fields.fields()) {
    if (!field.name.empty()) POSTERN_CHECK(reader.read(field));
  }
  POSTERN_CHECK(check(out));
  POSTERN_TRY(out.original_header, header_of(message, tree, limits));
  return out;
}

}  // namespace postern
