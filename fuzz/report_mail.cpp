// rooms: reports
// Any mail: a report of one kind with a bounded body, or an error.
#include <cstdlib>

#include "reports/received.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto report = read_report_mail({reinterpret_cast<const char*>(data), size});
  if (!report) {
    if (report.error().what.empty()) std::abort();
    return 0;
  }
  if (report->kind.empty() || report->body.empty() || report->body.front() != '{') std::abort();
  return 0;
}
