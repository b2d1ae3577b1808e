// Random operations against a naive model of a mailbox: the same entries, numbers and statuses, whatever the order.
#include <gtest/gtest.h>

#include <random>

#include "ms/oids.hpp"
#include "ms/store_session.hpp"
#include "ms/testing/memory_mailbox.hpp"
#include "ms/testing/samples.hpp"

namespace postern::ms {
namespace {

using namespace testing;

/// What a reader of X.413 would write down on paper.
struct Model {
  struct Entry {
    bool urgent = false;
    RetrievalStatus status = RetrievalStatus::New;
  };
  std::map<SequenceNumber, Entry> entries;
  SequenceNumber next = 1;

  std::vector<SequenceNumber> select(SequenceNumber from, SequenceNumber to, bool urgent_only) const {
    std::vector<SequenceNumber> out;
    for (const auto& [number, entry] : entries)
      if (number >= from && number <= to && (entry.urgent || !urgent_only)) out.push_back(number);
    return out;
  }
};

class World {
 public:
  explicit World(unsigned seed) : m_random(seed) {}

  void step() {
    switch (pick(5)) {
      case 0: return deliver();
      case 1: return list();
      case 2: return fetch();
      case 3: return remove();
      default: return summarize();
    }
  }
  void check() {
    ASSERT_EQ(m_mailbox.entries().size(), m_model.entries.size());
    for (const auto& [number, entry] : m_model.entries) EXPECT_EQ(m_mailbox.find(number).value()->status, entry.status) << number;
  }

 private:
  SequenceNumber pick(SequenceNumber below) { return std::uniform_int_distribution<SequenceNumber>(0, below - 1)(m_random); }

  Selector selector(SequenceNumber& from, SequenceNumber& to, bool& urgent_only) {
    Selector out;
    from = pick(m_model.next + 2);
    to = from + pick(m_model.next + 2);
    urgent_only = pick(2) == 0;
    out.range.emplace().value = NumberRange{from, to};
    if (!urgent_only) return out;
    out.filter.emplace().value.emplace<Filter::Item>().value.emplace<FilterItem::Equality>(
        AttributeValueAssertion{id_att(31), asn1::to_any(mts::Priority::Urgent).value()});
    return out;
  }

  void deliver() {
    const bool urgent = pick(2) == 0;
    const auto& entries = urgent ? kUrgent : kNormal;
    EXPECT_EQ(m_mailbox.add(entries, {}, kNow), m_model.next);
    m_model.entries[m_model.next++] = {urgent, RetrievalStatus::New};
  }

  void list() {
    SequenceNumber from = 0, to = 0;
    bool urgent_only = false;
    ListArgument argument;
    argument.selector = selector(from, to, urgent_only);
    const auto limit = static_cast<std::size_t>(1 + pick(6));
    argument.selector.limit = static_cast<std::int64_t>(limit);
    const auto answer = m_session.list(argument);
    ASSERT_TRUE(answer);
    const auto expected = m_model.select(from, to, urgent_only);
    std::vector<SequenceNumber> found;
    for (const auto& each : answer->requested.value_or(std::vector<EntryInformation>{})) found.push_back(each.sequence_number);
    const std::size_t shown = std::min(limit, expected.size());
    EXPECT_EQ(found, std::vector(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(shown)));
    EXPECT_EQ(answer->next, expected.size() > limit ? std::optional(expected[limit]) : std::nullopt);
    for (const SequenceNumber each : found) raise(each, RetrievalStatus::Listed);
  }

  void fetch() {
    const SequenceNumber number = pick(m_model.next + 1);
    FetchArgument argument;
    argument.item.value = number;
    const auto answer = m_session.fetch(argument);
    EXPECT_EQ(answer.has_value(), m_model.entries.contains(number));
    if (answer) raise(number, RetrievalStatus::Processed);
  }

  void remove() {
    SequenceNumber from = 0, to = 0;
    bool urgent_only = false;
    DeleteArgument argument;
    argument.items.value = selector(from, to, urgent_only);
    const auto selected = m_model.select(from, to, urgent_only);
    const bool has_new =
        std::ranges::any_of(selected, [&](SequenceNumber each) { return m_model.entries[each].status == RetrievalStatus::New; });
    const auto answer = m_session.remove(argument);
    EXPECT_EQ(answer.has_value(), !has_new);
    if (answer)
      for (const SequenceNumber each : selected) m_model.entries.erase(each);
  }

  void summarize() {
    SequenceNumber from = 0, to = 0;
    bool urgent_only = false;
    SummarizeArgument argument;
    argument.selector = selector(from, to, urgent_only);
    const auto answer = m_session.summarize(argument);
    ASSERT_TRUE(answer);
    const auto expected = m_model.select(from, to, urgent_only);
    EXPECT_EQ(answer->count, static_cast<std::int64_t>(expected.size()));
    EXPECT_EQ(answer->span, expected.empty() ? std::nullopt : std::optional(Span{expected.front(), expected.back()}));
  }

  void raise(SequenceNumber number, RetrievalStatus status) {
    m_model.entries[number].status = std::max(m_model.entries[number].status, status);
  }

  static const NewEntries kNormal, kUrgent;
  std::mt19937 m_random;
  MemoryMailbox m_mailbox;
  StoreSession m_session{m_mailbox, {.version_1994 = true}};
  Model m_model;
};

NewEntries entries_with(mts::Priority priority) {
  const Bytes content = content_of({});
  return entries_of(envelope_of({.priority = priority}), {content, content.size()}).value();
}
const NewEntries World::kNormal = entries_with(mts::Priority::Normal);
const NewEntries World::kUrgent = entries_with(mts::Priority::Urgent);

TEST(Property, AnyOrderOfOperationsIsAsOnPaper) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    World world(seed);
    for (int i = 0; i < 200; ++i) world.step();
    world.check();
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

}  // namespace
}  // namespace postern::ms
