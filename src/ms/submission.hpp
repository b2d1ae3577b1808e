// Submission through the store (X.413 9): the submission port of the MTS with what 1994 added. A 1988 user sends exactly the types of
// mts/p3.hpp; these read both.
#pragma once

#include "ms/types.hpp"
#include "mts/p3.hpp"

namespace postern::ms {

struct MSSubmissionOptions {
  std::optional<EntryClass> object_entry_class;
  bool disable_auto_modify = false;
  std::optional<std::vector<MessageGroupName>> add_message_group_names;
  std::optional<MSExtensions> ms_submission_extensions;
  friend bool operator==(const MSSubmissionOptions&, const MSSubmissionOptions&) = default;
};
const asn1::Type& schema(asn1::Of<MSSubmissionOptions>);

struct CommonSubmissionResults {
  std::optional<SequenceNumber> created_entry;
  std::optional<AutoActionErrorIndication> auto_action_error_indication;
  std::optional<MSExtensions> ms_submission_result_extensions;
  friend bool operator==(const CommonSubmissionResults&, const CommonSubmissionResults&) = default;
};
const asn1::Type& schema(asn1::Of<CommonSubmissionResults>);

struct MSMessageSubmissionArgument : mts::MessageSubmissionArgument {
  std::optional<MSSubmissionOptions> submission_options;  ///< 1994
  friend bool operator==(const MSMessageSubmissionArgument&, const MSMessageSubmissionArgument&) = default;
};
const asn1::Type& schema(asn1::Of<MSMessageSubmissionArgument>);

struct MTSResult : mts::MessageSubmissionResult {
  std::optional<CommonSubmissionResults> ms_message_result;  ///< 1994
  friend bool operator==(const MTSResult&, const MTSResult&) = default;
};
const asn1::Type& schema(asn1::Of<MTSResult>);
struct MSMessageSubmissionResult {
  std::variant<MTSResult, CommonSubmissionResults> value;  ///< mts-result, store-draft-result (1994)
  friend bool operator==(const MSMessageSubmissionResult&, const MSMessageSubmissionResult&) = default;
};
const asn1::Type& schema(asn1::Of<MSMessageSubmissionResult>);

struct MSProbeSubmissionArgument : mts::ProbeSubmissionArgument {
  std::optional<MSSubmissionOptions> submission_options;  ///< 1994
  friend bool operator==(const MSProbeSubmissionArgument&, const MSProbeSubmissionArgument&) = default;
};
const asn1::Type& schema(asn1::Of<MSProbeSubmissionArgument>);
struct MSProbeSubmissionResult : mts::ProbeSubmissionResult {
  std::optional<CommonSubmissionResults> ms_probe_result;  ///< 1994
  friend bool operator==(const MSProbeSubmissionResult&, const MSProbeSubmissionResult&) = default;
};
const asn1::Type& schema(asn1::Of<MSProbeSubmissionResult>);

}  // namespace postern::ms
