// A mailbox of the mock: entries in memory, listed, filtered and shown as a message store would (X.413 6, 8). Not thread safe.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "base/result.hpp"
#include "sdk/values.hpp"

namespace postern::transport {

struct MockEntry {
  sdk::Entry entry;  ///< Everything that is known; what is shown of it is up to who asks.
  std::shared_ptr<const Bytes> content;
  std::optional<sdk::Report> report;
};

class MockMailbox {
 public:
  static constexpr std::size_t kMostEntries = 10'000;

  [[nodiscard]] bool is_full() const noexcept { return m_entries.size() >= kMostEntries; }
  /// Gives it the next sequence number (X.413 6.3.3.1: never used twice).
  void add(MockEntry entry);
  [[nodiscard]] std::uint64_t last_sequence() const noexcept { return m_last; }
  [[nodiscard]] std::uint64_t count_new() const;

  /// Entries become Listed (X.413 6.4.2). BadInput: the limit.
  [[nodiscard]] Result<sdk::EntryList> list(const sdk::List& request);
  [[nodiscard]] sdk::Summary summarize(const std::optional<sdk::Filter>& filter) const;
  /// Null: there is no such entry.
  [[nodiscard]] MockEntry* find(std::uint64_t sequence);
  /// All or none; NotFound names the first that is not there.
  [[nodiscard]] Status remove(const std::vector<std::uint64_t>& sequences);
  /// The first entry behind `seen` that an event is about.
  [[nodiscard]] const MockEntry* next_event(std::uint64_t seen) const;

 private:
  std::map<std::uint64_t, MockEntry> m_entries;
  std::uint64_t m_last = 0;
};

/// The fields that are wanted; number, class and status always.
[[nodiscard]] sdk::Entry shown(const sdk::Entry& entry, const sdk::Wanted& wanted);
/// Everything that the filter gives must hold.
[[nodiscard]] bool matches(const sdk::Entry& entry, const std::optional<sdk::Filter>& filter);

}  // namespace postern::transport
