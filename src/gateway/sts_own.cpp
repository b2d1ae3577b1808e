#include "gateway/sts_own.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "gateway/routing.hpp"

namespace postern::gateway {
namespace {

constexpr std::string_view kPrefix = "mta-sts.";

}  // namespace

std::optional<MtaStsPolicy> own_sts_policy(const config::Config& config) {
  const auto& settings = config.inbound;
  MtaStsPolicy out;
  out.max_age = std::min(settings.mta_sts_max_age, kMtaStsMaxAgeLimit);
  out.mx = settings.mx.empty() ? std::vector{config.server.hostname} : settings.mx;
  for (const auto mode : {MtaStsMode::None, MtaStsMode::Testing, MtaStsMode::Enforce}) {
    out.mode = mode;
    if (name_of(mode) == settings.mta_sts) return out;
  }
  return std::nullopt;
}

std::optional<std::string> own_sts_file(const config::Config& config, std::string_view host) {
  const auto policy = own_sts_policy(config);
  const std::string name = to_lower(host.substr(0, host.find(':')));
  if (!policy || !name.starts_with(kPrefix)) return std::nullopt;
  const std::string_view domain = std::string_view(name).substr(kPrefix.size());
  const bool ours = std::ranges::any_of(config.domains.local, [&](const std::string& local) { return routing_domain(local) == domain; });
  if (!ours) return std::nullopt;
  return write_mta_sts_policy(*policy);
}

}  // namespace postern::gateway
