#include "ms/filter.hpp"

#include <algorithm>

namespace postern::ms {

using asn1::Any;

// ---- compiling
class CompiledFilter::Compiler {
 public:
  Node compile(const Filter& filter, std::size_t depth) {
    Node out;
    out.kind = static_cast<Filter::Kind>(filter.value.index());
    if (depth > static_cast<std::size_t>(ub::nested_filters)) {
      too_deep = true;
      return out;
    }
    switch (out.kind) {
      case Filter::Item: out.item = compile(std::get<Filter::Item>(filter.value)); break;
      case Filter::And: add(out, std::get<Filter::And>(filter.value), depth); break;
      case Filter::Or: add(out, std::get<Filter::Or>(filter.value), depth); break;
      case Filter::Not:
        if (const auto& inner = std::get<Filter::Not>(filter.value)) out.nodes.push_back(compile(*inner, depth + 1));
        break;
    }
    return out;
  }

  std::vector<AttributeProblemItem> problems;
  bool too_deep = false;
  bool needs_attributes = false;

 private:
  void add(Node& out, const std::vector<Filter>& filters, std::size_t depth) {
    for (const Filter& each : filters) out.nodes.push_back(compile(each, depth + 1));
  }

  Item compile(const FilterItem& from) {
    Item out;
    out.kind = static_cast<FilterItem::Kind>(from.value.index());
    switch (out.kind) {
      case FilterItem::Equality: equality(out, std::get<FilterItem::Equality>(from.value)); break;
      case FilterItem::ApproximateMatch: equality(out, std::get<FilterItem::ApproximateMatch>(from.value)); break;
      case FilterItem::SubstringsItem: substrings(out, std::get<FilterItem::SubstringsItem>(from.value)); break;
      case FilterItem::GreaterOrEqual: order(out, std::get<FilterItem::GreaterOrEqual>(from.value)); break;
      case FilterItem::LessOrEqual: order(out, std::get<FilterItem::LessOrEqual>(from.value)); break;
      case FilterItem::Present: find(out, std::get<FilterItem::Present>(from.value)); break;
      case FilterItem::OtherMatch:  // 1994 matching rules by identifier: none is offered at the bind
        problem(AttributeProblem::InappropriateMatching, std::get<FilterItem::OtherMatch>(from.value).attribute_type);
        break;
    }
    return out;
  }

  void problem(AttributeProblem problem, const AttributeType& type, const Any* value = nullptr) {
    problems.push_back({problem, type, value != nullptr ? std::optional(*value) : std::nullopt});
  }

  bool find(Item& out, const AttributeType& type) {
    out.info = find_attribute(type);
    if (out.info == nullptr) problem(AttributeProblem::UnavailableAttributeType, type);
    if (out.info != nullptr && !out.info->listed()) problem(AttributeProblem::InappropriateMatching, type);
    needs_attributes = needs_attributes || (out.info != nullptr && out.info->source != Source::Row);
    return out.info != nullptr && out.info->listed();
  }

  void equality(Item& out, const AttributeValueAssertion& assertion) {
    if (!find(out, assertion.attribute_type)) return;
    if (out.info->equality == nullptr) return problem(AttributeProblem::InappropriateMatching, assertion.attribute_type);
    auto key = out.info->equality(assertion.attribute_value);
    if (!key) return problem(AttributeProblem::InvalidAttributeValue, assertion.attribute_type, &assertion.attribute_value);
    out.key = *std::move(key);
  }

  void order(Item& out, const AttributeValueAssertion& assertion) {
    if (!find(out, assertion.attribute_type)) return;
    if (out.info->ordering == nullptr) return problem(AttributeProblem::InappropriateMatching, assertion.attribute_type);
    const auto place = out.info->ordering(assertion.attribute_value);
    if (!place) return problem(AttributeProblem::InvalidAttributeValue, assertion.attribute_type, &assertion.attribute_value);
    out.order = *place;
  }

  void substrings(Item& out, const Substrings& from) {
    if (!find(out, from.type)) return;
    if (out.info->text == nullptr) return problem(AttributeProblem::InappropriateMatching, from.type);
    for (const Substring& each : from.strings) {
      const Any& value = std::visit([](const Any& any) -> const Any& { return any; }, each.value);
      auto text = out.info->text(value);
      if (!text) return problem(AttributeProblem::InvalidAttributeValue, from.type, &value);
      out.strings.emplace_back(each.value.index(), *std::move(text));
    }
  }
};

Answer<CompiledFilter> CompiledFilter::compile(const Filter& filter) {
  Compiler compiler;
  CompiledFilter out;
  out.m_root = compiler.compile(filter, 1);
  out.m_needs_attributes = compiler.needs_attributes;
  if (compiler.too_deep) return tl::unexpected(OperationError{InvalidParametersError{}, "the filter is nested too deeply"});
  if (!compiler.problems.empty()) return tl::unexpected(OperationError{AttributeError{std::move(compiler.problems)}, {}});
  return out;
}

// ---- evaluating
namespace {

/// Initial, any, final in their order (X.413 8.1.1.3.2); each `any` after what was found before it.
bool has_substrings(std::string_view text, const std::vector<std::pair<std::size_t, std::string>>& strings) {
  for (const auto& [kind, wanted] : strings) {
    if (kind == 0) {
      if (!text.starts_with(wanted)) return false;
      text.remove_prefix(wanted.size());
    } else if (kind == 2) {
      if (!text.ends_with(wanted)) return false;
      text.remove_suffix(wanted.size());
    } else {
      const std::size_t at = text.find(wanted);
      if (at == std::string_view::npos) return false;
      text.remove_prefix(at + wanted.size());
    }
  }
  return true;
}

}  // namespace

bool CompiledFilter::Item::matches(const Any& value) const {
  switch (kind) {
    case FilterItem::Present: return true;
    case FilterItem::SubstringsItem: {
      const auto text = info->text(value);
      return text && has_substrings(*text, strings);
    }
    case FilterItem::GreaterOrEqual:
    case FilterItem::LessOrEqual: {
      const auto place = info->ordering(value);
      return place && (kind == FilterItem::GreaterOrEqual ? *place >= order : *place <= order);
    }
    default: {
      const auto found = info->equality(value);
      return found && *found == key;
    }
  }
}

Result<bool> CompiledFilter::evaluate(const Item& item, EntryView& entry) {
  POSTERN_TRY(const std::vector<Any> values, entry.values(*item.info));
  return std::ranges::any_of(values, [&](const Any& each) { return item.matches(each); });
}

Result<bool> CompiledFilter::evaluate(const Node& node, EntryView& entry) {
  if (node.kind == Filter::Item) return evaluate(node.item, entry);
  const bool decided_by = node.kind != Filter::And;  // the value of one that decides: true for or, false for and
  for (const Node& each : node.nodes) {
    POSTERN_TRY(const bool value, evaluate(each, entry));
    if (node.kind == Filter::Not) return !value;
    if (value == decided_by) return decided_by;
  }
  return !decided_by;
}

Result<bool> CompiledFilter::matches(EntryView& entry) const { return evaluate(m_root, entry); }

// ---- selectors
namespace {

std::optional<OperationError> set_range(Scan& scan, const NumberRange& range) {
  scan.from = range.from.value_or(0);
  scan.to = range.to.value_or(ub::messages);
  return scan.from > scan.to ? std::optional(OperationError{RangeError{}, {}}) : std::nullopt;
}

std::optional<OperationError> set_range(Scan& scan, const TimeRange& range) {
  const auto seconds = [](const std::optional<CreationTime>& time, std::optional<std::int64_t>& out) {
    if (!time) return true;
    const auto value = time->unix_seconds();
    if (value) out = *value;
    return value.has_value();
  };
  if (!seconds(range.from, scan.created_from) || !seconds(range.to, scan.created_to))
    return OperationError{InvalidParametersError{}, "a time of the range cannot be read"};
  const bool reversed = scan.created_from && scan.created_to && *scan.created_from > *scan.created_to;
  return reversed ? std::optional(OperationError{RangeError{}, {}}) : std::nullopt;
}

}  // namespace

Answer<CompiledSelector> compile(const Selector& selector, bool version_1994) {
  CompiledSelector out;
  out.scan.children = selector.child_entries;
  if (selector.range) {
    auto wrong = std::visit([&](const auto& range) { return set_range(out.scan, range); }, selector.range->value);
    // X.413 10.4: range-error is an error of 1988; later a reversed range selects nothing.
    if (wrong && !(version_1994 && std::holds_alternative<RangeError>(wrong->value))) return tl::unexpected(*std::move(wrong));
  }
  if (selector.limit && *selector.limit < 1) return tl::unexpected(OperationError{InvalidParametersError{}, "a limit below 1"});
  if (selector.limit) out.limit = static_cast<std::size_t>(*selector.limit);
  if (selector.override_restrictions) out.overrides = *selector.override_restrictions;
  if (!selector.filter) return out;
  auto filter = CompiledFilter::compile(*selector.filter);
  if (!filter) return tl::unexpected(std::move(filter).error());
  out.filter = *std::move(filter);
  return out;
}

Status for_each_selected(Mailbox& mailbox, const CompiledSelector& selector, bool attributes,
                         const std::function<Result<bool>(EntryView&)>& visit) {
  Scan scan = selector.scan;
  scan.attributes = attributes || (selector.filter && selector.filter->needs_attributes());
  if (selector.limit && !selector.filter) scan.limit = std::min(scan.limit, *selector.limit + 1);  // one more says where to go on
  const EntryView::LoadDetails load = [&](SequenceNumber number) { return mailbox.details(number); };
  for (;;) {
    POSTERN_TRY(const std::vector<EntryRow> rows, mailbox.scan(scan));
    for (const EntryRow& row : rows) {
      EntryView entry(row, load);
      if (selector.filter) {
        POSTERN_TRY(const bool selected, selector.filter->matches(entry));
        if (!selected) continue;
      }
      POSTERN_TRY(const bool go_on, visit(entry));
      if (!go_on) return {};
    }
    if (rows.size() < scan.limit) return {};
    scan.from = rows.back().number + 1;
  }
}

}  // namespace postern::ms
