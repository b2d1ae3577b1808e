#include "ms/store_session.hpp"

#include <algorithm>
#include <map>

#include "ms/oids.hpp"
#include "ms/session_errors.hpp"

namespace postern::ms {

using asn1::Any;
using detail::refuse;
using detail::storage_error;

// ---- what every operation asks first
std::optional<OperationError> StoreSession::check(EntryClass entry_class, const std::optional<MSExtensions>& extensions) const {
  if (entry_class != EntryClass::Delivery) {
    if (m_options.version_1994)
      return OperationError{EntryClassError{entry_class, {EntryClassProblem::UnsupportedEntryClass}}, "another entry class"};
    return OperationError{ServiceError{ServiceProblem::UnwillingToPerform, {}}, "another information base"};
  }
  if (!extensions || !m_options.version_1994) return std::nullopt;
  for (const asn1::External& each : *extensions)
    if (each.direct_reference) return OperationError{MSExtensionError{*each.direct_reference}, "an extension nobody here knows"};
  return OperationError{InvalidParametersError{}, "an extension without a type"};
}

/// X.413 8.3, 8.4: what is asked for, else what is registered, else what X.413 8.6 has for one who registered nothing.
Answer<EntryInformationSelection> StoreSession::selection(const std::optional<EntryInformationSelection>& requested, bool for_list) {
  EntryInformationSelection out;
  if (requested) {
    out = *requested;
  } else {
    POSTERN_MS_STORED(const RegisteredInformation registered, m_mailbox.registered());
    const auto& defaults = for_list ? registered.list_attribute_defaults : registered.fetch_attribute_defaults;
    if (defaults)
      for (const AttributeType& each : *defaults) out.push_back({each, {}, {}});
    else if (!for_list)
      for (const AttributeType& each : {att::entry_type, att::message_delivery_envelope, att::report_delivery_envelope, att::content})
        out.push_back({each, {}, {}});
  }
  std::vector<AttributeProblemItem> problems;
  for (const AttributeSelection& each : out) {
    const AttributeInfo* info = find_attribute(each.type);
    if (info == nullptr)
      problems.push_back({AttributeProblem::UnavailableAttributeType, each.type, {}});
    else if (for_list && !info->listed())
      problems.push_back({AttributeProblem::InappropriateForOperation, each.type, {}});
  }
  if (!problems.empty()) return refuse(AttributeError{std::move(problems)});
  return out;
}

namespace {

bool wants_attributes(const EntryInformationSelection& selection) {
  return std::ranges::any_of(selection, [](const AttributeSelection& each) { return find_attribute(each.type)->source != Source::Row; });
}

/// X.413 8.1.2: `from` and `count` are for attributes of several values. The total is told where `count` cut something off.
bool cut(std::vector<Any>& values, const AttributeSelection& selection) {
  const auto from = static_cast<std::size_t>(std::max<std::int64_t>(selection.from.value_or(1), 1)) - 1;
  values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(std::min(from, values.size())));
  if (!selection.count || values.size() <= static_cast<std::size_t>(std::max<std::int64_t>(*selection.count, 0))) return false;
  values.resize(static_cast<std::size_t>(std::max<std::int64_t>(*selection.count, 0)));
  return true;
}

}  // namespace

Answer<EntryInformation> StoreSession::information(EntryView& entry, const EntryInformationSelection& selection) {
  EntryInformation out;
  out.sequence_number = entry.row().number;
  for (const AttributeSelection& each : selection) {
    const AttributeInfo& info = *find_attribute(each.type);
    POSTERN_MS_STORED(std::vector<Any> values, info.source == Source::Content ? content_values(entry.row(), info) : entry.values(info));
    const auto total = static_cast<std::int64_t>(values.size());
    const bool exceeded = info.multi_valued && cut(values, each);
    if (exceeded && m_options.version_1994) {
      if (!out.value_count_exceeded) out.value_count_exceeded.emplace();
      out.value_count_exceeded->push_back({each.type, total});
    }
    if (values.empty()) continue;
    if (!out.attributes) out.attributes.emplace();
    out.attributes->push_back({each.type, std::move(values)});
  }
  return out;
}

// ---- summarize
namespace {

/// One requested attribute: how often which value was seen.
class Count {
 public:
  explicit Count(const AttributeInfo& info) : m_info(info) {}

  [[nodiscard]] bool needs_attributes() const { return m_info.source != Source::Row; }
  Status add(EntryView& entry) {
    POSTERN_TRY(const std::vector<Any> values, entry.values(m_info));
    if (values.empty()) ++m_absent;
    for (const Any& each : values) {
      const auto key = m_info.equality(each);
      if (!key || (m_seen.size() >= kValues && !m_seen.contains(*key))) continue;
      ++m_seen.try_emplace(*key, SummaryValue{m_info.type, each, 0}).first->second.count;
    }
    return {};
  }
  [[nodiscard]] Summary summary() const {
    Summary out;
    if (m_absent > 0) out.absent = m_absent;
    for (const auto& [key, value] : m_seen) {
      if (!out.present) out.present.emplace();
      out.present->push_back(value);
    }
    return out;
  }

 private:
  static constexpr std::size_t kValues = 4096;  ///< Bound of memory; attributes that may be summarized have few values.
  const AttributeInfo& m_info;
  std::int64_t m_absent = 0;
  std::map<std::string, SummaryValue> m_seen;
};

Answer<std::vector<Count>> counts_of(const std::optional<std::vector<AttributeType>>& requests) {
  std::vector<Count> out;
  std::vector<AttributeProblemItem> problems;
  for (const AttributeType& each : requests.value_or(std::vector<AttributeType>{})) {
    const AttributeInfo* info = find_attribute(each);
    if (info == nullptr)
      problems.push_back({AttributeProblem::UnavailableAttributeType, each, {}});
    else if (!info->summarized)
      problems.push_back({AttributeProblem::InappropriateForOperation, each, {}});
    else
      out.emplace_back(*info);
  }
  if (!problems.empty()) return refuse(AttributeError{std::move(problems)});
  return out;
}

}  // namespace

Answer<SummarizeResult> StoreSession::summarize(const SummarizeArgument& argument) {
  if (auto wrong = check(argument.entry_class, argument.summarize_extensions)) return refuse(*std::move(wrong));
  POSTERN_MS_ANSWER(const CompiledSelector selector, compile(argument.selector, m_options.version_1994));
  POSTERN_MS_ANSWER(std::vector<Count> counts, counts_of(argument.summary_requests));
  SummarizeResult out;
  const auto visit = [&](EntryView& entry) -> Result<bool> {
    const SequenceNumber number = entry.row().number;
    if (selector.limit && static_cast<std::size_t>(out.count) == *selector.limit) return out.next = number, false;
    ++out.count;
    out.span = Span{out.span ? out.span->lowest : number, number};
    for (Count& each : counts) POSTERN_CHECK(each.add(entry));
    return true;
  };
  const bool attributes = std::ranges::any_of(counts, &Count::needs_attributes);
  if (const Status done = for_each_selected(m_mailbox, selector, attributes, visit); !done) return refuse(storage_error(done.error()));
  if (argument.summary_requests) out.summaries.emplace();
  for (const Count& each : counts) out.summaries->push_back(each.summary());
  return out;
}

// ---- list
Answer<ListResult> StoreSession::list(const ListArgument& argument) {
  if (auto wrong = check(argument.entry_class, argument.list_extensions)) return refuse(*std::move(wrong));
  POSTERN_MS_ANSWER(CompiledSelector selector, compile(argument.selector, m_options.version_1994));
  POSTERN_MS_ANSWER(const EntryInformationSelection wanted, selection(argument.requested_attributes, true));
  selector.limit = std::min(selector.limit.value_or(m_options.largest_list), m_options.largest_list);
  ListResult out;
  std::vector<EntryInformation> found;
  std::vector<SequenceNumber> unlisted;
  std::optional<OperationError> failed;
  const auto visit = [&](EntryView& entry) -> Result<bool> {
    if (found.size() == *selector.limit) return out.next = entry.row().number, false;
    auto one = information(entry, wanted);
    if (!one) return failed = std::move(one).error(), false;
    if (entry.row().status == RetrievalStatus::New) unlisted.push_back(entry.row().number);
    found.push_back(*std::move(one));
    return true;
  };
  if (const Status done = for_each_selected(m_mailbox, selector, wants_attributes(wanted), visit); !done)
    return refuse(storage_error(done.error()));
  if (failed) return refuse(*std::move(failed));
  if (!unlisted.empty())  // X.413 6.2.2.5
    if (const Status kept = m_mailbox.raise_status(unlisted, RetrievalStatus::Listed); !kept) return refuse(storage_error(kept.error()));
  if (!found.empty()) out.requested = std::move(found);
  return out;
}

// ---- delete
namespace {

/// X.413 8.5: why this entry may not go. 1994 has a problem of its own for what 1988 calls a restriction.
std::optional<DeleteProblem> delete_problem(const EntryRow& row, bool version_1994) {
  if (!row.is_main()) return DeleteProblem::ChildEntrySpecified;
  if (row.status != RetrievalStatus::New) return std::nullopt;
  return version_1994 ? DeleteProblem::NewEntrySpecified : DeleteProblem::DeleteRestrictionProblem;
}

}  // namespace

Answer<std::vector<SequenceNumber>> StoreSession::deletable(const DeleteArgument& argument) {
  std::vector<SequenceNumber> out;
  std::vector<DeleteProblemItem> problems;
  std::vector<SequenceNumberProblemItem> unknown;
  const auto take = [&](const EntryRow& row) {
    if (const auto problem = delete_problem(row, m_options.version_1994))
      problems.push_back({*problem, row.number});
    else
      out.push_back(row.number);
  };
  if (const auto* numbers = std::get_if<std::vector<SequenceNumber>>(&argument.items.value)) {
    for (const SequenceNumber number : *numbers) {
      POSTERN_MS_STORED(const auto row, m_mailbox.find(number));
      if (row)
        take(*row);
      else
        unknown.push_back({SequenceNumberProblem::NoSuchEntry, number});
    }
  } else {
    POSTERN_MS_ANSWER(CompiledSelector selector, compile(std::get<Selector>(argument.items.value), m_options.version_1994));
    selector.scan.children = false;  // children go with their parents
    const auto visit = [&](EntryView& entry) -> Result<bool> {
      if (selector.limit && out.size() + problems.size() == *selector.limit) return false;
      return take(entry.row()), true;
    };
    if (const Status done = for_each_selected(m_mailbox, selector, false, visit); !done) return refuse(storage_error(done.error()));
  }
  if (!unknown.empty()) return refuse(SequenceNumberError{std::move(unknown)});
  if (!problems.empty()) return refuse(DeleteError{std::move(problems), {}});
  return out;
}

Answer<DeleteResult> StoreSession::remove(const DeleteArgument& argument) {
  if (auto wrong = check(argument.entry_class, argument.delete_extensions)) return refuse(*std::move(wrong));
  POSTERN_MS_ANSWER(std::vector<SequenceNumber> numbers, deletable(argument));
  if (!numbers.empty())
    if (const Status done = m_mailbox.remove(numbers); !done) return refuse(storage_error(done.error()));
  if (!m_options.version_1994) return DeleteResult{asn1::Null{}};
  DeleteResult94 out;
  if (!numbers.empty()) out.entries_deleted = std::move(numbers);
  return DeleteResult{std::move(out)};
}

}  // namespace postern::ms
