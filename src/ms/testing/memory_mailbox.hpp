// For tests: a mailbox in memory, and deliveries into it.
#pragma once

#include <algorithm>
#include <map>

#include "ms/delivery.hpp"

namespace postern::ms::testing {

class MemoryMailbox final : public Mailbox {
 public:
  struct Entry {
    EntryRow row;
    Bytes details;
    SequenceNumber root = 0;
  };

  /// `content`: of a message, or what a report returns. Gives the number of the main entry.
  SequenceNumber add(const NewEntries& entries, Bytes content, std::int64_t created) {
    m_created = std::max(m_created, created);
    const SequenceNumber first = m_next;
    for (NumberedEntry& each : numbered(entries, first, m_created)) {
      ++m_next;
      m_entries[each.row.number] = {std::move(each.row), std::move(each.details), first};
    }
    m_contents[first] = std::move(content);
    return first;
  }
  SequenceNumber deliver(const mts::MessageDeliveryEnvelope& envelope, const Bytes& content, std::int64_t created) {
    return add(entries_of(envelope, {content, content.size()}).value(), content, created);
  }
  SequenceNumber deliver(const mts::ReportDeliveryArgument& report, std::int64_t created) {
    return add(entries_of(report).value(), report.returned_content ? report.returned_content->octets : Bytes(), created);
  }

  [[nodiscard]] const std::map<SequenceNumber, Entry>& entries() const { return m_entries; }
  /// Every call fails with it from now on.
  std::optional<Error> failure;
  std::size_t rows_read = 0;

  Result<std::vector<EntryRow>> scan(const Scan& scan) override {
    if (failure) return fail(*failure);
    std::vector<EntryRow> out;
    for (auto at = m_entries.lower_bound(scan.from); at != m_entries.end() && at->first <= scan.to && out.size() < scan.limit; ++at) {
      const EntryRow& row = at->second.row;
      ++rows_read;
      if (!row.is_main() && !scan.children) continue;
      if (scan.created_from && row.created < *scan.created_from) continue;
      if (scan.created_to && row.created > *scan.created_to) continue;
      out.push_back(row);
      if (!scan.attributes) out.back().attributes.clear();
    }
    return out;
  }
  Result<std::optional<EntryRow>> find(SequenceNumber number) override {
    if (failure) return fail(*failure);
    const auto found = m_entries.find(number);
    return found == m_entries.end() ? std::nullopt : std::optional(found->second.row);
  }
  Result<Bytes> details(SequenceNumber number) override {
    if (failure) return fail(*failure);
    return m_entries.at(number).details;
  }
  Result<Bytes> content(SequenceNumber number) override {
    if (failure) return fail(*failure);
    return m_contents.at(m_entries.at(number).root);
  }
  Status raise_status(std::span<const SequenceNumber> numbers, RetrievalStatus status) override {
    if (failure) return fail(*failure);
    for (const SequenceNumber each : numbers)
      if (const auto found = m_entries.find(each); found != m_entries.end())
        found->second.row.status = std::max(found->second.row.status, status);
    return {};
  }
  Status remove(std::span<const SequenceNumber> numbers) override {
    if (failure) return fail(*failure);
    for (const SequenceNumber each : numbers) std::erase_if(m_entries, [&](const auto& entry) { return entry.second.root == each; });
    return {};
  }
  Result<RegisteredInformation> registered() override {
    if (failure) return fail(*failure);
    return m_registered;
  }
  Status keep(const RegisteredInformation& registered) override {
    if (failure) return fail(*failure);
    m_registered = registered;
    return {};
  }

 private:
  std::map<SequenceNumber, Entry> m_entries;
  std::map<SequenceNumber, Bytes> m_contents;
  RegisteredInformation m_registered;
  SequenceNumber m_next = 1;
  std::int64_t m_created = 0;
};

}  // namespace postern::ms::testing
