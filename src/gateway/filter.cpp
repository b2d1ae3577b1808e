#include "gateway/filter.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "gateway/pipeline.hpp"

namespace postern::gateway {
namespace {

bool is_delivery(const Variant& variant) {
  return !variant.recipients.empty() && std::ranges::all_of(variant.recipients, [](const QueuedRecipient& r) {
    return r.state == RecipientState::Queued && r.route != kBounceRoute && r.route != kPolicyRoute;
  });
}

/// Whose mailbox would be ours if we delivered.
bool is_local(const Variant& variant) {
  return std::ranges::any_of(variant.recipients,
                             [](const QueuedRecipient& r) { return r.route == kMailboxRoute || r.route.starts_with("mailbox#"); });
}

/// The copy that most recipients get, equal ones taken together; any that is local goes before all others. Null: there is nothing to
/// deliver.
const Variant* heaviest(const std::vector<Variant>& variants) {
  std::unordered_map<std::string_view, std::size_t> weights;
  for (const Variant& variant : variants) {
    if (is_delivery(variant)) weights[variant.content] += variant.recipients.size() + (is_local(variant) ? std::size_t{1'000'000} : 0);
  }
  const Variant* best = nullptr;
  std::size_t most = 0;
  for (const Variant& variant : variants) {
    const std::size_t own = is_delivery(variant) ? weights[variant.content] : 0;
    if (own > most) best = &variant;
    most = std::max(most, own);
  }
  return best;
}

}  // namespace

Result<FilterSplit> split_for_mta(std::vector<Variant> variants) {
  FilterSplit out;
  if (const Variant* best = heaviest(variants)) {
    out.content = best->content;
    const auto passes = [&](const Variant& variant) { return is_delivery(variant) && variant.content == out.content; };
    for (const Variant& variant : variants) {
      if (!passes(variant)) continue;
      for (const auto& recipient : variant.recipients) out.passed.push_back(recipient.address);
    }
    std::erase_if(variants, passes);
  }
  const auto lost = std::ranges::find_if(variants, [](const Variant& v) { return is_delivery(v) && is_local(v); });
  if (lost != variants.end())
    return fail(
        ErrorCode::Conflict,
        "recipients here get different copies, and the mail server can take one: give their domain a route that leads back to it (via "
        "= \"smtp:HOST:PORT\" or lmtp)",
        "split");
  out.ours = std::move(variants);
  return out;
}

}  // namespace postern::gateway
