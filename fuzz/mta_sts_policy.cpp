// rooms: tlspolicy
// An MTA-STS policy and its TXT record: what is accepted keeps the bounds, and a host that a policy names is allowed by it.
#include <cstdlib>

#include "tlspolicy/mta_sts.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto id = mta_sts_id({&text, 1});
  if (id && (id->empty() || id->size() > 32)) std::abort();
  const auto policy = parse_mta_sts_policy(text);
  if (!policy) return 0;
  if (policy->max_age.count() < 0 || policy->max_age > kMtaStsMaxAgeLimit) std::abort();
  if (policy->mx.empty() && policy->mode != MtaStsMode::None) std::abort();
  for (const std::string& mx : policy->mx) {
    const bool wildcard = mx.starts_with("*.");
    if (wildcard && policy->allows(mx.substr(2)) && policy->mx.size() == 1) std::abort();
    if (!wildcard && !policy->allows(mx)) std::abort();
  }
  return 0;
}
