#include "ms/types.hpp"

namespace postern::ms {

using namespace asn1;

namespace {

Resolver value_of_attribute() {
  return [](const void* parent) { return attribute_syntax(static_cast<const AttributeValueAssertion*>(parent)->attribute_type); };
}

}  // namespace

const Type& schema(Of<EntryClass>) {
  static const Type type = integer<EntryClass>("EntryClass", {{"delivery", 0},
                                                              {"submission", 1},
                                                              {"draft", 2},
                                                              {"stored-message", 3},
                                                              {"delivery-log", 4},
                                                              {"submission-log", 5},
                                                              {"message-log", 6},
                                                              {"auto-action-log", 7}})
                               .size(0, ub::entry_classes);
  return type;
}

const Type& schema(Of<EntryType>) {
  static const Type type = integer<EntryType>("EntryType", {{"delivered-message", 0},
                                                            {"delivered-report", 1},
                                                            {"returned-content", 2},
                                                            {"submitted-message", 3},
                                                            {"submitted-probe", 4},
                                                            {"draft-message", 5},
                                                            {"auto-action-event", 6}});
  return type;
}

const Type& schema(Of<RetrievalStatus>) {
  static const Type type = integer<RetrievalStatus>("RetrievalStatus", {{"new", 0}, {"listed", 1}, {"processed", 2}});
  return type;
}

const Type& schema(Of<Attribute>) {
  using T = Attribute;
  static const Type type = sequence<T>("Attribute", {field<&T::attribute_type>("attribute-type"),
                                                     field<&T::attribute_values>("attribute-values").size(1, ub::attribute_values)});
  return type;
}

const Type& schema(Of<MessageGroupName>) {
  static const Type type = renamed<MessageGroupName>("MessageGroupName", schema(Of<std::vector<GeneralString>>{})).size(1, ub::group_depth);
  return type;
}

const Type& schema(Of<NumberRange>) {
  using T = NumberRange;
  static const Type type = sequence<T>("NumberRange", {field<&T::from>("from").explicitly(context(0)).size(0, ub::messages),
                                                       field<&T::to>("to").explicitly(context(1)).size(0, ub::messages)});
  return type;
}

const Type& schema(Of<TimeRange>) {
  using T = TimeRange;
  static const Type type =
      sequence<T>("TimeRange", {field<&T::from>("from").explicitly(context(0)), field<&T::to>("to").explicitly(context(1))});
  return type;
}

const Type& schema(Of<Range>) {
  using T = Range;
  static const Type type = choice<&T::value>("Range", {alternative<&T::value, 0>("sequence-number-range").explicitly(context(0)),
                                                       alternative<&T::value, 1>("creation-time-range").explicitly(context(1))});
  return type;
}

const Type& schema(Of<AttributeValueAssertion>) {
  using T = AttributeValueAssertion;
  static const Type type =
      sequence<T>("AttributeValueAssertion",
                  {field<&T::attribute_type>("attribute-type"), field<&T::attribute_value>("attribute-value").holds(value_of_attribute())});
  return type;
}

const Type& schema(Of<Substring>) {
  using T = Substring;
  static const Type type = choice<&T::value>(
      "Substring", {alternative<&T::value, 0>("initial").explicitly(context(0)), alternative<&T::value, 1>("any").explicitly(context(1)),
                    alternative<&T::value, 2>("final").explicitly(context(2))});
  return type;
}

const Type& schema(Of<Substrings>) {
  using T = Substrings;
  static const Type type = sequence<T>("Substrings", {field<&T::type>("type"), field<&T::strings>("strings")});
  return type;
}

const Type& schema(Of<MatchingRuleAssertion>) {
  using T = MatchingRuleAssertion;
  static const Type type = sequence<T>("MatchingRuleAssertion", {field<&T::matching_rule>("matching-rule").explicitly(context(0)),
                                                                 field<&T::attribute_type>("attribute-type").explicitly(context(1)),
                                                                 field<&T::match_value>("match-value").explicitly(context(2))});
  return type;
}

const Type& schema(Of<FilterItem>) {
  using T = FilterItem;
  static const Type type = choice<&T::value>(
      "FilterItem",
      {alternative<&T::value, 0>("equality").explicitly(context(0)), alternative<&T::value, 1>("substrings").explicitly(context(1)),
       alternative<&T::value, 2>("greater-or-equal").explicitly(context(2)),
       alternative<&T::value, 3>("less-or-equal").explicitly(context(3)), alternative<&T::value, 4>("present").explicitly(context(4)),
       alternative<&T::value, 5>("approximate-match").explicitly(context(5)),
       alternative<&T::value, 6>("other-match").explicitly(context(6))});
  return type;
}

bool operator==(const Filter& a, const Filter& b) { return a.value == b.value; }

const Type& schema(Of<Filter>) {
  using T = Filter;
  static const Type type = choice<&T::value>("Filter", {alternative<&T::value, 0>("item").explicitly(context(0)),
                                                        alternative<&T::value, 1>("and").explicitly(context(1)).as(set_of<Filter>()),
                                                        alternative<&T::value, 2>("or").explicitly(context(2)).as(set_of<Filter>()),
                                                        alternative<&T::value, 3>("not").explicitly(context(3))});
  return type;
}

const Type& schema(Of<OverrideRestrictions>) {
  static const Type type = named_bits<OverrideRestrictions>("OverrideRestrictions", {{"override-content-types-restriction", 0},
                                                                                     {"override-EITs-restriction", 1},
                                                                                     {"override-attribute-length-restriction", 2}})
                               .size(1, ub::ua_restrictions);
  return type;
}

const Type& schema(Of<Selector>) {
  using T = Selector;
  static const Type type =
      set<T>("Selector", {field<&T::child_entries>("child-entries").explicitly(context(0)).defaulted(),
                          field<&T::range>("range").explicitly(context(1)), field<&T::filter>("filter").explicitly(context(2)),
                          field<&T::limit>("limit").explicitly(context(3)).size(1, ub::messages),
                          field<&T::override_restrictions>("override").explicitly(context(4))});
  return type;
}

const Type& schema(Of<AttributeSelection>) {
  using T = AttributeSelection;
  static const Type type =
      set<T>("AttributeSelection", {field<&T::type>("type"), field<&T::from>("from").explicitly(context(0)).size(1, ub::attribute_values),
                                    field<&T::count>("count").explicitly(context(1)).size(0, ub::attribute_values)});
  return type;
}

const Type& schema(Of<AttributeValueCount>) {
  using T = AttributeValueCount;
  static const Type type = sequence<T>("AttributeValueCount",
                                       {field<&T::type>("type").explicitly(context(0)), field<&T::total>("total").explicitly(context(1))});
  return type;
}

const Type& schema(Of<EntryInformation>) {
  using T = EntryInformation;
  static const Type type =
      sequence<T>("EntryInformation", {field<&T::sequence_number>("sequence-number").size(0, ub::messages),
                                       field<&T::attributes>("attributes").as(set_of<Attribute>()).size(1, ub::per_entry),
                                       field<&T::value_count_exceeded>("value-count-exceeded")
                                           .explicitly(context(0))
                                           .as(set_of<AttributeValueCount>())
                                           .size(1, ub::per_entry)});
  return type;
}

const Type& schema(Of<AutoActionErrorIndication>) {
  using T = AutoActionErrorIndication;
  static const Type type =
      choice<&T::value>("AutoActionErrorIndication", {alternative<&T::value, 0>("indication-only").explicitly(context(0)),
                                                      alternative<&T::value, 1>("auto-action-log-entry").explicitly(context(1))});
  return type;
}

}  // namespace postern::ms
