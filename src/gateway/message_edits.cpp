#include "gateway/message_edits.hpp"

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "mime/message.hpp"

namespace postern::gateway {
namespace {

constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

MessageEdits::Field edit_of(const HeaderField& field) {
  std::string_view value = field.raw;
  value.remove_prefix(std::min(value.find(':') + 1, value.size()));
  if (value.ends_with("\n")) value.remove_suffix(1);
  if (value.ends_with("\r")) value.remove_suffix(1);
  return {std::string(field.name), std::string(value)};
}

/// For each field of `after` the one of `before` that it is, or kNowhere.
std::vector<std::size_t> match(const std::vector<HeaderField>& before, const std::vector<HeaderField>& after) {
  std::vector<std::size_t> out(after.size(), kNowhere);
  std::size_t next = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto found = std::find_if(after.begin() + static_cast<std::ptrdiff_t>(next), after.end(),
                                    [&](const HeaderField& field) { return field.raw == before[i].raw; });
    if (found == after.end()) continue;
    next = static_cast<std::size_t>(found - after.begin());
    out[next++] = i;
  }
  return out;
}

/// From the last to the first, so that no removal changes the number of one that is still to come.
std::vector<MessageEdits::Removal> removals(const std::vector<HeaderField>& before, const std::vector<std::size_t>& matched) {
  std::vector<MessageEdits::Removal> out;
  std::map<std::string, std::uint32_t> seen;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const std::uint32_t index = ++seen[to_lower(before[i].name)];
    if (std::ranges::find(matched, i) == matched.end()) out.push_back({std::string(before[i].name), index});
  }
  std::ranges::reverse(out);
  return out;
}

}  // namespace

Result<MessageEdits> edits_between(std::string_view before, std::string_view after, const Limits& limits) {
  POSTERN_TRY(const auto old_view, MessageView::parse(before, limits));
  POSTERN_TRY(const auto new_view, MessageView::parse(after, limits));
  const auto& fields = new_view.fields();
  const auto matched = match(old_view.fields(), fields);
  MessageEdits out;
  out.remove = removals(old_view.fields(), matched);
  const auto first = std::ranges::find_if(matched, [](std::size_t i) { return i != kNowhere; });
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (matched[i] != kNowhere) continue;
    const bool above = matched.begin() + static_cast<std::ptrdiff_t>(i) < first;
    (above ? out.prepend : out.append).push_back(edit_of(fields[i]));
  }
  if (old_view.body() != new_view.body()) out.body = std::string(new_view.body());
  return out;
}

}  // namespace postern::gateway
