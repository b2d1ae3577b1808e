#include "mhs/fate.hpp"

#include <charconv>

namespace postern::mhs {
namespace {

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

std::string_view take_part(std::string_view& text) {
  const std::size_t end = text.find(';');
  const std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return part;
}

}  // namespace

std::string text_of(const Fate& fate) {
  std::string out = std::to_string(fate.recipient);
  if (!fate.report) return out;
  const auto& diagnostic = fate.report->non_delivery_diagnostic_code;
  out += ";" + std::to_string(static_cast<std::int64_t>(fate.report->non_delivery_reason_code)) + ";";
  if (diagnostic) out += std::to_string(static_cast<std::int64_t>(*diagnostic));
  return out + ";" + fate.words;
}

Result<Fate> parse_fate(std::string_view text) {
  const auto wrong = [] { return fail(ErrorCode::IntegrityFailed, "the queue has no readable fate of this recipient"); };
  Fate out;
  const bool has_report = text.find(';') != std::string_view::npos;
  if (!read_number(take_part(text), out.recipient)) return wrong();
  if (!has_report) return out;
  std::int64_t reason = 0, diagnostic = 0;
  if (!read_number(take_part(text), reason)) return wrong();
  out.report.emplace().non_delivery_reason_code = static_cast<mts::NonDeliveryReasonCode>(reason);
  if (const std::string_view part = take_part(text); !part.empty()) {
    if (!read_number(part, diagnostic)) return wrong();
    out.report->non_delivery_diagnostic_code = static_cast<mts::NonDeliveryDiagnosticCode>(diagnostic);
  }
  out.words = text;
  return out;
}

}  // namespace postern::mhs
