#include "ms/submission.hpp"

#include <algorithm>

namespace postern::ms {

using namespace asn1;

namespace {

/// What `base` describes and one component of 1994 more. It stands before the rest<>, which takes what no other component takes.
template <class T>
Type with_addition(std::string_view name, const Type& base, Field addition) {
  Type made = renamed<T>(name, base);
  const auto end = std::ranges::find_if(made.fields, [](const Field& each) { return each.is_rest; });
  made.fields.insert(end, std::move(addition));
  return made;
}

}  // namespace

const Type& schema(Of<MSSubmissionOptions>) {
  using T = MSSubmissionOptions;
  static const Type type =
      set<T>("MSSubmissionOptions",
             {field<&T::object_entry_class>("object-entry-class").explicitly(context(0)),
              field<&T::disable_auto_modify>("disable-auto-modify").explicitly(context(1)).defaulted(),
              field<&T::add_message_group_names>("add-message-group-names")
                  .explicitly(context(2))
                  .as(set_of<MessageGroupName>())
                  .size(1, ub::message_groups),
              field<&T::ms_submission_extensions>("ms-submission-extensions").explicitly(context(3)).size(1, ub::extensions)});
  return type;
}

const Type& schema(Of<CommonSubmissionResults>) {
  using T = CommonSubmissionResults;
  static const Type type = set<T>(
      "CommonSubmissionResults",
      {field<&T::created_entry>("created-entry").explicitly(context(0)),
       field<&T::auto_action_error_indication>("auto-action-error-indication").explicitly(context(1)),
       field<&T::ms_submission_result_extensions>("ms-submission-result-extensions").explicitly(context(2)).size(1, ub::extensions)});
  return type;
}

const Type& schema(Of<MSMessageSubmissionArgument>) {
  using T = MSMessageSubmissionArgument;
  static const Type type = with_addition<T>("MSMessageSubmissionArgument", schema(Of<mts::MessageSubmissionArgument>{}),
                                            field<&T::submission_options>("submission-options").explicitly(context(4)));
  return type;
}

const Type& schema(Of<MTSResult>) {
  using T = MTSResult;
  static const Type type = with_addition<T>("mts-result", schema(Of<mts::MessageSubmissionResult>{}),
                                            field<&T::ms_message_result>("ms-message-result").explicitly(context(4)));
  return type;
}

const Type& schema(Of<MSMessageSubmissionResult>) {
  using T = MSMessageSubmissionResult;
  static const Type type =
      choice<&T::value>("MSMessageSubmissionResult",
                        {alternative<&T::value, 0>("mts-result"), alternative<&T::value, 1>("store-draft-result").explicitly(context(4))});
  return type;
}

const Type& schema(Of<MSProbeSubmissionArgument>) {
  using T = MSProbeSubmissionArgument;
  static const Type type = with_addition<T>("MSProbeSubmissionArgument", schema(Of<mts::ProbeSubmissionArgument>{}),
                                            field<&T::submission_options>("submission-options").explicitly(context(4)));
  return type;
}

const Type& schema(Of<MSProbeSubmissionResult>) {
  using T = MSProbeSubmissionResult;
  static const Type type = with_addition<T>("MSProbeSubmissionResult", schema(Of<mts::ProbeSubmissionResult>{}),
                                            field<&T::ms_probe_result>("ms-probe-result").explicitly(context(4)));
  return type;
}

}  // namespace postern::ms
