// rooms: reports
// Any bytes, packed or not: a report or an error that names a field; what is read is written and read again to the same text.
#include <cstdlib>

#include "reports/tls_report.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)parse_tls_report_record({reinterpret_cast<const char*>(data), size});
  const auto report = parse_tls_report({data, size});
  if (!report) {
    if (report.error().field.empty()) std::abort();
    return 0;
  }
  const std::string text = write_tls_report(*report);
  const auto again = parse_tls_report(as_bytes(text));
  if (!again || write_tls_report(*again) != text) std::abort();
  return 0;
}
