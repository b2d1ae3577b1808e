#include "ms/errors.hpp"

namespace postern::ms {

using namespace asn1;

namespace {

template <class E>
Type reasons(std::string_view name, std::initializer_list<NamedNumber> names) {
  return integer<E>(name, names).size(0, ub::error_reasons);
}
template <class T>
Type problem_set(std::string_view name, Field problems) {
  return set<T>(name, {std::move(problems)});
}

}  // namespace

const Type& schema(Of<AttributeProblem>) {
  static const Type type = reasons<AttributeProblem>("AttributeProblem", {{"invalid-attribute-value", 0},
                                                                          {"unavailable-attribute-type", 1},
                                                                          {"inappropriate-matching", 2},
                                                                          {"attribute-type-not-subscribed", 3},
                                                                          {"inappropriate-for-operation", 4},
                                                                          {"inappropriate-modification", 5},
                                                                          {"single-valued-attribute", 6}});
  return type;
}
const Type& schema(Of<AttributeProblemItem>) {
  using T = AttributeProblemItem;
  static const Type type =
      set<T>("AttributeProblemItem", {field<&T::problem>("problem").explicitly(context(0)), field<&T::type>("type").explicitly(context(1)),
                                      field<&T::value>("value").explicitly(context(2))});
  return type;
}
const Type& schema(Of<AttributeError>) {
  using T = AttributeError;
  static const Type type = problem_set<T>(
      "AttributeError", field<&T::problems>("problems").explicitly(context(0)).as(set_of<AttributeProblemItem>()).size(1, ub::per_entry));
  return type;
}

const Type& schema(Of<AutoActionRequestProblem>) {
  static const Type type = reasons<AutoActionRequestProblem>(
      "AutoActionRequestProblem",
      {{"unavailable-auto-action-type", 0}, {"auto-action-type-not-subscribed", 1}, {"not-willing-to-perform", 2}});
  return type;
}
const Type& schema(Of<AutoActionRequestProblemItem>) {
  using T = AutoActionRequestProblemItem;
  static const Type type = set<T>("AutoActionRequestProblemItem",
                                  {field<&T::problem>("problem").explicitly(context(0)), field<&T::type>("type").explicitly(context(1))});
  return type;
}
const Type& schema(Of<AutoActionRequestError>) {
  using T = AutoActionRequestError;
  static const Type type = problem_set<T>(
      "AutoActionRequestError",
      field<&T::problems>("problems").explicitly(context(0)).as(set_of<AutoActionRequestProblemItem>()).size(1, ub::auto_registrations));
  return type;
}

const Type& schema(Of<DeleteProblem>) {
  static const Type type = reasons<DeleteProblem>("DeleteProblem", {{"child-entry-specified", 0},
                                                                    {"delete-restriction-problem", 1},
                                                                    {"new-entry-specified", 2},
                                                                    {"entry-class-restriction", 3},
                                                                    {"stored-message-exists", 4}});
  return type;
}
const Type& schema(Of<DeleteProblemItem>) {
  using T = DeleteProblemItem;
  static const Type type = set<T>("DeleteProblemItem", {field<&T::problem>("problem").explicitly(context(0)),
                                                        field<&T::sequence_number>("sequence-number").explicitly(context(1))});
  return type;
}
const Type& schema(Of<DeleteError>) {
  using T = DeleteError;
  static const Type type =
      set<T>("DeleteError",
             {field<&T::problems>("problems").explicitly(context(0)).as(set_of<DeleteProblemItem>()).size(1, ub::messages),
              field<&T::entries_deleted>("entries-deleted").explicitly(context(1)).as(set_of<SequenceNumber>()).size(1, ub::messages)});
  return type;
}

const Type& schema(Of<FetchRestrictionProblem>) {
  static const Type type = reasons<FetchRestrictionProblem>(
      "FetchRestrictionProblem", {{"content-type-problem", 1}, {"eit-problem", 2}, {"maximum-length-problem", 3}});
  return type;
}
const Type& schema(Of<FetchRestriction>) {
  using T = FetchRestriction;
  static const Type type = choice<&T::value>("FetchRestriction", {alternative<&T::value, 0>("content-type").explicitly(context(0)),
                                                                  alternative<&T::value, 1>("eit").explicitly(context(1)).as(set_of<Oid>()),
                                                                  alternative<&T::value, 2>("attribute-length").explicitly(context(2))});
  return type;
}
const Type& schema(Of<FetchRestrictionProblemItem>) {
  using T = FetchRestrictionProblemItem;
  static const Type type =
      set<T>("FetchRestrictionProblemItem", {field<&T::problem>("problem").explicitly(context(3)), field<&T::restriction>("restriction")});
  return type;
}
const Type& schema(Of<FetchRestrictionError>) {
  using T = FetchRestrictionError;
  static const Type type = problem_set<T>(
      "FetchRestrictionError",
      field<&T::problems>("problems").explicitly(context(0)).as(set_of<FetchRestrictionProblemItem>()).size(1, ub::default_registrations));
  return type;
}

const Type& schema(Of<InvalidParametersError>) {
  static const Type type = renamed<InvalidParametersError>("InvalidParametersError", schema(Of<Null>{}));
  return type;
}

const Type& schema(Of<RangeProblem>) {
  static const Type type = reasons<RangeProblem>("RangeProblem", {{"reversed", 0}});
  return type;
}
const Type& schema(Of<RangeError>) {
  using T = RangeError;
  static const Type type = problem_set<T>("RangeError", field<&T::problem>("problem").explicitly(context(0)));
  return type;
}

const Type& schema(Of<SequenceNumberProblem>) {
  static const Type type = reasons<SequenceNumberProblem>("SequenceNumberProblem", {{"no-such-entry", 0}});
  return type;
}
const Type& schema(Of<SequenceNumberProblemItem>) {
  using T = SequenceNumberProblemItem;
  static const Type type = set<T>("SequenceNumberProblemItem", {field<&T::problem>("problem").explicitly(context(0)),
                                                                field<&T::sequence_number>("sequence-number").explicitly(context(1))});
  return type;
}
const Type& schema(Of<SequenceNumberError>) {
  using T = SequenceNumberError;
  static const Type type =
      problem_set<T>("SequenceNumberError",
                     field<&T::problems>("problems").explicitly(context(1)).as(set_of<SequenceNumberProblemItem>()).size(1, ub::messages));
  return type;
}

const Type& schema(Of<ServiceProblem>) {
  static const Type type = reasons<ServiceProblem>("ServiceProblem", {{"busy", 0}, {"unavailable", 1}, {"unwilling-to-perform", 2}});
  return type;
}
const Type& schema(Of<ServiceError>) {
  using T = ServiceError;
  static const Type type = set<T>(
      "ServiceError",
      {field<&T::problem>("problem").explicitly(context(0)),
       field<&T::supplementary_information>("supplementary-information").explicitly(context(1)).size(1, ub::supplementary_info_length)});
  return type;
}

const Type& schema(Of<SecurityError>) {
  static const Type type = renamed<SecurityError>("SecurityError", schema(Of<mts::SecurityProblem>{}));
  return type;
}
const Type& schema(Of<OldCredentialsIncorrectlySpecified>) {
  static const Type type = renamed<OldCredentialsIncorrectlySpecified>("old-credentials-incorrectly-specified", schema(Of<Null>{}));
  return type;
}
const Type& schema(Of<NewCredentialsUnacceptable>) {
  static const Type type = renamed<NewCredentialsUnacceptable>("new-credentials-unacceptable", schema(Of<Null>{}));
  return type;
}

const Type& schema(Of<MessageGroupProblem>) {
  static const Type type = reasons<MessageGroupProblem>("MessageGroupProblem", {{"name-not-registered", 0},
                                                                                {"name-already-registered", 1},
                                                                                {"parent-not-registered", 2},
                                                                                {"group-not-empty", 3},
                                                                                {"name-in-use", 4},
                                                                                {"child-group-registered", 5},
                                                                                {"group-depth-exceeded", 6}});
  return type;
}
const Type& schema(Of<MessageGroupError>) {
  using T = MessageGroupError;
  static const Type type =
      set<T>("MessageGroupError", {field<&T::problem>("problem").explicitly(context(0)), field<&T::name>("name").explicitly(context(1))});
  return type;
}
const Type& schema(Of<MSExtensionError>) {
  using T = MSExtensionError;
  static const Type type =
      choice<&T::value>("MSExtensionError", {alternative<&T::value, 0>("ms-extension-problem").explicitly(context(0)),
                                             alternative<&T::value, 1>("unknown-ms-extension").explicitly(context(1))});
  return type;
}
const Type& schema(Of<RegistrationProblem>) {
  static const Type type = enumerated<RegistrationProblem>(
      "RegistrationProblem",
      {{"registration-not-supported", 0}, {"registration-improperly-specified", 1}, {"registration-limit-exceeded", 2}});
  return type;
}
const Type& schema(Of<RegisterMSError>) {
  using T = RegisterMSError;
  static const Type type = set<T>("RegisterMSError", {field<&T::problem>("problem").explicitly(context(0)),
                                                      field<&T::registration_type>("registration-type").explicitly(context(1))});
  return type;
}
const Type& schema(Of<ModifyProblem>) {
  static const Type type = reasons<ModifyProblem>("ModifyProblem", {{"attribute-not-present", 0},
                                                                    {"value-not-present", 1},
                                                                    {"attribute-or-value-already-exists", 2},
                                                                    {"invalid-position", 3},
                                                                    {"modify-restriction-problem", 4}});
  return type;
}
const Type& schema(Of<ModifyError>) {
  using T = ModifyError;
  static const Type type =
      set<T>("ModifyError", {field<&T::entries_modified>("entries-modified").explicitly(context(0)).size(1, ub::messages),
                             field<&T::failing_entry>("failing-entry").explicitly(context(1)),
                             field<&T::modification_number>("modification-number").explicitly(context(2)),
                             field<&T::problem>("problem").explicitly(context(3))});
  return type;
}
const Type& schema(Of<EntryClassProblems>) {
  static const Type type = named_bits<EntryClassProblems>(
      "EntryClassProblems", {{"unsupported-entry-class", 0}, {"entry-class-not-subscribed", 1}, {"inappropriate-entry-class", 2}});
  return type;
}
const Type& schema(Of<EntryClassError>) {
  using T = EntryClassError;
  static const Type type = set<T>("EntryClassError", {field<&T::entry_class>("entry-class").explicitly(context(0)),
                                                      field<&T::problem>("problem").explicitly(context(1))});
  return type;
}

}  // namespace postern::ms
