// rooms: reports
// Any message: recipients with an action and a status, or an error that names a field.
#include <cstdlib>

#include "reports/delivery_status.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto status = parse_delivery_status({reinterpret_cast<const char*>(data), size});
  if (!status) {
    if (status.error().what.empty()) std::abort();
    return 0;
  }
  if (status->recipients.empty() || status->recipients.size() > 10'000) std::abort();
  for (const auto& recipient : status->recipients) {
    if (recipient.action.empty() || recipient.status.size() < 5 || recipient.final_recipient.empty()) std::abort();
  }
  return 0;
}
