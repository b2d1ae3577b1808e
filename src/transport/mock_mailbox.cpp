#include "transport/mock_mailbox.hpp"

#include <postern/x400_sdk.h>

#include <algorithm>

#include "oraddress/compare.hpp"

namespace postern::transport {
namespace {

/// One bit for each value; none set: any value will do.
bool is_among(std::uint32_t bits, std::uint32_t value) { return bits == 0 || ((bits >> value) & 1U) != 0; }

bool contains(const std::optional<std::string>& text, const std::string& part) {
  if (part.empty()) return true;
  return text && oraddress::folded(*text).find(oraddress::folded(part)) != std::string::npos;
}

template <class T>
std::optional<T> if_wanted(const sdk::Wanted& wanted, std::uint64_t field, const std::optional<T>& value) {
  return (wanted.fields & field) != 0 ? value : std::nullopt;
}

bool is_told(const sdk::Entry& entry) {
  return entry.entry_class == sdk::EntryClass::DeliveredMessage || entry.entry_class == sdk::EntryClass::DeliveredReport;
}

}  // namespace

sdk::Entry shown(const sdk::Entry& entry, const sdk::Wanted& wanted) {
  sdk::Entry out;
  out.sequence = entry.sequence;
  out.entry_class = entry.entry_class;
  out.status = entry.status;
  out.priority = if_wanted(wanted, POSTERN_X400_HAS_PRIORITY, entry.priority);
  out.content_size = if_wanted(wanted, POSTERN_X400_HAS_SIZE, entry.content_size);
  out.time = if_wanted(wanted, POSTERN_X400_HAS_TIME, entry.time);
  out.originator = if_wanted(wanted, POSTERN_X400_HAS_ORIGINATOR, entry.originator);
  out.subject = if_wanted(wanted, POSTERN_X400_HAS_SUBJECT, entry.subject);
  out.content_type = if_wanted(wanted, POSTERN_X400_HAS_CONTENT_TYPE, entry.content_type);
  out.mts_identifier = if_wanted(wanted, POSTERN_X400_HAS_MTS_IDENTIFIER, entry.mts_identifier);
  out.ipm_identifier = if_wanted(wanted, POSTERN_X400_HAS_IPM_IDENTIFIER, entry.ipm_identifier);
  return out;
}

bool matches(const sdk::Entry& entry, const std::optional<sdk::Filter>& filter) {
  if (!filter) return true;
  const bool right_time = (!filter->not_before || (entry.time && *entry.time >= *filter->not_before)) &&
                          (!filter->before || (entry.time && *entry.time < *filter->before));
  return right_time && is_among(filter->entry_classes, static_cast<std::uint32_t>(entry.entry_class)) &&
         is_among(filter->statuses, static_cast<std::uint32_t>(entry.status)) &&
         is_among(filter->priorities, static_cast<std::uint32_t>(entry.priority.value_or(sdk::Priority::Normal))) &&
         contains(entry.originator, filter->originator_contains) && contains(entry.subject, filter->subject_contains);
}

void MockMailbox::add(MockEntry entry) {
  entry.entry.sequence = ++m_last;
  m_entries.emplace(m_last, std::move(entry));
}

std::uint64_t MockMailbox::count_new() const {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(m_entries, [](const auto& one) { return one.second.entry.status == sdk::EntryStatus::New; }));
}

Result<sdk::EntryList> MockMailbox::list(const sdk::List& request) {
  if (request.limit == 0 || request.limit > sdk::kMostEntries)
    return fail(ErrorCode::BadInput, "must be from 1 to " + std::to_string(sdk::kMostEntries), "limit");
  sdk::EntryList out;
  for (auto at = m_entries.lower_bound(request.from); at != m_entries.end(); ++at) {
    sdk::Entry& entry = at->second.entry;
    if (request.to != 0 && entry.sequence > request.to) break;
    if (!matches(entry, request.filter)) continue;
    if (out.entries.size() == request.limit) {
      out.next = entry.sequence;
      break;
    }
    out.entries.push_back(shown(entry, request.wanted));
    entry.status = std::max(entry.status, sdk::EntryStatus::Listed);
  }
  return out;
}

sdk::Summary MockMailbox::summarize(const std::optional<sdk::Filter>& filter) const {
  sdk::Summary out;
  for (const auto& [sequence, one] : m_entries) {
    if (!matches(one.entry, filter)) continue;
    if (out.total++ == 0) out.lowest = sequence;
    out.highest = sequence;
    ++out.by_status.at(static_cast<std::size_t>(one.entry.status));
  }
  return out;
}

MockEntry* MockMailbox::find(std::uint64_t sequence) {
  const auto found = m_entries.find(sequence);
  return found == m_entries.end() ? nullptr : &found->second;
}

Status MockMailbox::remove(const std::vector<std::uint64_t>& sequences) {
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    if (!m_entries.contains(sequences[i]))
      return fail(ErrorCode::NotFound, "there is no entry " + std::to_string(sequences[i]), "sequences[" + std::to_string(i) + "]");
  }
  for (const std::uint64_t sequence : sequences) m_entries.erase(sequence);
  return {};
}

const MockEntry* MockMailbox::next_event(std::uint64_t seen) const {
  const auto found = std::find_if(m_entries.upper_bound(seen), m_entries.end(), [](const auto& one) { return is_told(one.second.entry); });
  return found == m_entries.end() ? nullptr : &found->second;
}

}  // namespace postern::transport
