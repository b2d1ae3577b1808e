// rooms: reports
// Any bytes, packed or not, alone or in a mail: a report or an error that names a place; what is written of it is read again, and written
// to the same text. Everything that was kept of judged mail is read the same way.
#include <cstdlib>

#include "pack/zip.hpp"
#include "reports/dmarc_aggregate.hpp"
#include "reports/dmarc_report_json.hpp"

using namespace postern;

namespace {

void check(const Result<DmarcReport>& report) {
  if (!report) {
    if (report.error().field.empty()) std::abort();
    return;
  }
  const std::string text = write_dmarc_report(*report);
  const auto again = read_dmarc_report(as_bytes(text));
  if (!again || write_dmarc_report(*again) != text) std::abort();
  for (const auto& row : report->rows) {
    if (dmarc_row_of(dmarc_row_json(row), "row") != row) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const DmarcReportLimits limits{.unpacked_bytes = 1UL << 20, .rows = 1000};
  check(read_dmarc_report({data, size}, limits));
  check(read_dmarc_report_mail(text, limits));
  (void)unzip_one({data, size}, 1UL << 20);
  (void)parse_dmarc_report_uri(text);
  if (const auto kept = DmarcAggregate::load({}, text)) {
    const auto again = DmarcAggregate::load({}, kept->save());
    if (!again || again->save() != kept->save()) std::abort();
  }
  return 0;
}
