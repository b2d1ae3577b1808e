#include "gateway/filter.hpp"

#include <algorithm>

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

std::size_t weight(const Variant& variant) { return variant.recipients.size() + (is_local(variant) ? 1'000'000 : 0); }

/// Copies with the same content become one.
void merge_equal(std::vector<Variant>& variants) {
  for (std::size_t i = 0; i < variants.size(); ++i) {
    for (std::size_t j = variants.size(); j-- > i + 1;) {
      if (!is_delivery(variants[i]) || !is_delivery(variants[j]) || variants[i].content != variants[j].content) continue;
      auto& from = variants[j].recipients;
      variants[i].recipients.insert(variants[i].recipients.end(), from.begin(), from.end());
      variants.erase(variants.begin() + static_cast<std::ptrdiff_t>(j));
    }
  }
}

}  // namespace

Result<FilterSplit> split_for_mta(std::vector<Variant> variants) {
  FilterSplit out;
  merge_equal(variants);
  auto best = variants.end();
  for (auto it = variants.begin(); it != variants.end(); ++it) {
    if (is_delivery(*it) && (best == variants.end() || weight(*it) > weight(*best))) best = it;
  }
  if (best != variants.end()) {
    out.content = std::move(best->content);
    for (const auto& recipient : best->recipients) out.passed.push_back(recipient.address);
    variants.erase(best);
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
