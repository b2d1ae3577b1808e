#include "ms/operations.hpp"

namespace postern::ms {

using namespace asn1;

namespace {

Resolver value_of_summary() {
  return [](const void* parent) { return attribute_syntax(static_cast<const SummaryValue*>(parent)->type); };
}

}  // namespace

const Type& schema(Of<SummarizeArgument>) {
  using T = SummarizeArgument;
  static const Type type =
      set<T>("SummarizeArgument", {field<&T::entry_class>("entry-class").explicitly(context(0)).defaulted(),
                                   field<&T::selector>("selector").explicitly(context(1)),
                                   field<&T::summary_requests>("summary-requests").explicitly(context(2)).size(1, ub::summaries),
                                   field<&T::summarize_extensions>("summarize-extensions").explicitly(context(3)).size(1, ub::extensions)});
  return type;
}

const Type& schema(Of<Span>) {
  using T = Span;
  static const Type type =
      sequence<T>("Span", {field<&T::lowest>("lowest").explicitly(context(0)), field<&T::highest>("highest").explicitly(context(1))});
  return type;
}

const Type& schema(Of<SummaryValue>) {
  using T = SummaryValue;
  static const Type type = sequence<T>("SummaryValue", {field<&T::type>("type"), field<&T::value>("value").holds(value_of_summary()),
                                                        field<&T::count>("count").size(1, ub::messages)});
  return type;
}

const Type& schema(Of<Summary>) {
  using T = Summary;
  static const Type type =
      set<T>("Summary", {field<&T::absent>("absent").explicitly(context(0)).size(1, ub::messages),
                         field<&T::present>("present").explicitly(context(1)).as(set_of<SummaryValue>()).size(1, ub::attribute_values)});
  return type;
}

const Type& schema(Of<SummarizeResult>) {
  using T = SummarizeResult;
  static const Type type = set<T>(
      "SummarizeResult",
      {field<&T::next>("next").explicitly(context(0)), field<&T::count>("count").explicitly(context(1)),
       field<&T::span>("span").explicitly(context(2)), field<&T::summaries>("summaries").explicitly(context(3)).size(1, ub::summaries),
       field<&T::summarize_result_extensions>("summarize-result-extensions").explicitly(context(4)).size(1, ub::extensions)});
  return type;
}

const Type& schema(Of<ListArgument>) {
  using T = ListArgument;
  static const Type type =
      set<T>("ListArgument", {field<&T::entry_class>("entry-class").explicitly(context(0)).defaulted(),
                              field<&T::selector>("selector").explicitly(context(1)),
                              field<&T::requested_attributes>("requested-attributes")
                                  .explicitly(context(3))
                                  .as(set_of<AttributeSelection>())
                                  .size(0, ub::per_entry),
                              field<&T::list_extensions>("list-extensions").explicitly(context(4)).size(1, ub::extensions)});
  return type;
}

const Type& schema(Of<ListResult>) {
  using T = ListResult;
  static const Type type =
      set<T>("ListResult", {field<&T::next>("next").explicitly(context(0)),
                            field<&T::requested>("requested").explicitly(context(1)).size(1, ub::messages),
                            field<&T::list_result_extensions>("list-result-extensions").explicitly(context(2)).size(1, ub::extensions)});
  return type;
}

const Type& schema(Of<FetchItem>) {
  using T = FetchItem;
  static const Type type = choice<&T::value>("FetchItem", {alternative<&T::value, 0>("search").explicitly(context(1)),
                                                           alternative<&T::value, 1>("precise").explicitly(context(2))});
  return type;
}

const Type& schema(Of<FetchArgument>) {
  using T = FetchArgument;
  static const Type type =
      set<T>("FetchArgument", {field<&T::entry_class>("entry-class").explicitly(context(0)).defaulted(), field<&T::item>("item"),
                               field<&T::requested_attributes>("requested-attributes")
                                   .explicitly(context(3))
                                   .as(set_of<AttributeSelection>())
                                   .size(0, ub::per_entry),
                               field<&T::fetch_extensions>("fetch-extensions").explicitly(context(4)).size(1, ub::extensions)});
  return type;
}

const Type& schema(Of<FetchResult>) {
  using T = FetchResult;
  static const Type type = set<T>(
      "FetchResult", {field<&T::entry_information>("entry-information").explicitly(context(0)),
                      field<&T::list>("list").explicitly(context(1)).size(1, ub::messages), field<&T::next>("next").explicitly(context(2)),
                      field<&T::fetch_result_extensions>("fetch-result-extensions").explicitly(context(3)).size(1, ub::extensions)});
  return type;
}

const Type& schema(Of<DeleteItems>) {
  using T = DeleteItems;
  static const Type type =
      choice<&T::value>("DeleteItems", {alternative<&T::value, 0>("selector").explicitly(context(1)),
                                        alternative<&T::value, 1>("sequence-numbers").explicitly(context(2)).as(set_of<SequenceNumber>())});
  return type;
}

const Type& schema(Of<DeleteArgument>) {
  using T = DeleteArgument;
  static const Type type =
      set<T>("DeleteArgument", {field<&T::entry_class>("entry-class").explicitly(context(0)).defaulted(), field<&T::items>("items"),
                                field<&T::delete_extensions>("delete-extensions").explicitly(context(3)).size(1, ub::extensions)});
  return type;
}

const Type& schema(Of<DeleteResult94>) {
  using T = DeleteResult94;
  static const Type type = set<T>(
      "DeleteResult94", {field<&T::entries_deleted>("entries-deleted").explicitly(context(0)).size(1, ub::messages),
                         field<&T::delete_result_extensions>("delete-result-extensions").explicitly(context(1)).size(1, ub::extensions)});
  return type;
}

const Type& schema(Of<DeleteResult>) {
  using T = DeleteResult;
  static const Type type =
      choice<&T::value>("DeleteResult", {alternative<&T::value, 0>("delete-result-88"), alternative<&T::value, 1>("delete-result-94")});
  return type;
}

const Type& schema(Of<AlertArgument>) {
  using T = AlertArgument;
  static const Type type =
      set<T>("AlertArgument",
             {field<&T::alert_registration_identifier>("alert-registration-identifier").explicitly(context(0)).size(1, ub::auto_actions),
              field<&T::new_entry>("new-entry").explicitly(context(2))});
  return type;
}

const Type& schema(Of<OrderedAttributeItem>) {
  using T = OrderedAttributeItem;
  static const Type type =
      sequence<T>("OrderedAttributeItem", {field<&T::value>("value").explicitly(context(0)),
                                           field<&T::position>("position").explicitly(context(1)).size(1, ub::attribute_values)});
  return type;
}

const Type& schema(Of<OrderedAttribute>) {
  using T = OrderedAttribute;
  static const Type type = sequence<T>("OrderedAttribute", {field<&T::attribute_type>("attribute-type"),
                                                            field<&T::attribute_values>("attribute-values").size(1, ub::attribute_values)});
  return type;
}

const Type& schema(Of<Modification>) {
  using T = Modification;
  static const Type type = choice<&T::value>("Modification", {alternative<&T::value, 0>("add-attribute").explicitly(context(1)),
                                                              alternative<&T::value, 1>("remove-attribute").explicitly(context(2)),
                                                              alternative<&T::value, 2>("add-values").explicitly(context(3)),
                                                              alternative<&T::value, 3>("remove-values").explicitly(context(4))});
  return type;
}

const Type& schema(Of<EntryModification>) {
  using T = EntryModification;
  static const Type type = set<T>(
      "EntryModification", {field<&T::strict>("strict").explicitly(context(0)).defaulted(), field<&T::modification>("modification")});
  return type;
}

const Type& schema(Of<ModifyEntries>) {
  using T = ModifyEntries;
  static const Type type = choice<&T::value>("ModifyEntries", {alternative<&T::value, 0>("selector").explicitly(context(1)),
                                                               alternative<&T::value, 1>("specific-entries").explicitly(context(2))});
  return type;
}

const Type& schema(Of<ModifyArgument>) {
  using T = ModifyArgument;
  static const Type type =
      set<T>("ModifyArgument", {field<&T::entry_class>("entry-class").explicitly(context(0)).defaulted(), field<&T::entries>("entries"),
                                field<&T::modifications>("modifications").explicitly(context(3)).size(1, ub::modifications),
                                field<&T::modify_extensions>("modify-extensions").explicitly(context(4)).size(1, ub::extensions)});
  return type;
}

const Type& schema(Of<ModifyResult>) {
  using T = ModifyResult;
  static const Type type = set<T>(
      "ModifyResult", {field<&T::entries_modified>("entries-modified").explicitly(context(0)).size(1, ub::messages),
                       field<&T::modify_result_extensions>("modify-result-extensions").explicitly(context(1)).size(1, ub::extensions)});
  return type;
}

}  // namespace postern::ms
