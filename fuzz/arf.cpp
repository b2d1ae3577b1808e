// rooms: reports
// Any bytes: a feedback report or an error that names a place; a failure report made of it is ASCII, can be read, and has no local part
// that the message had. A message's header is taken for one in whole fields.
#include <cstdlib>

#include "base/text.hpp"
#include "reports/arf.hpp"
#include "reports/failure_report.hpp"

using namespace postern;

namespace {

void check_header(std::string_view text) {
  const auto view = MessageView::parse(text);
  if (!view) return;
  (void)is_about_mail(*view);
  const std::string start = header_start(*view, text.size() / 2);
  if (start.size() > text.size() / 2 || !view->header_block().starts_with(start)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const SecretBytes key = SecretBytes::from_text("0123456789abcdef");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)redact_addresses(text, key);
  check_header(text);
  auto report = parse_feedback_report(text);
  if (!report) {
    if (report.error().field.empty()) std::abort();
    return 0;
  }
  report->original_header += "From: zzQzz@x.example\r\nReceived: from y for <zzQzz@x.example>; Tue\r\n";
  FixedRandom random(1);
  const auto mail = write_failure_report(*report, {.from = "a@b.example", .to = "c@d.example", .date = {}}, key, random);
  if (!mail) return 0;
  if (!is_ascii(*mail)) std::abort();
  const auto again = parse_feedback_report(*mail);
  if (!again || again->auth_failure != "dmarc" || again->original_header.find("zzQzz@") != std::string::npos) std::abort();
  return 0;
}
