#include "mts/envelopes.hpp"

#include "mts/bounds.hpp"

namespace postern::mts {

using namespace asn1;

const Type& schema(Of<PerRecipientMessageSubmissionFields>) {
  using T = PerRecipientMessageSubmissionFields;
  static const Type type = set<T>("PerRecipientMessageSubmissionFields",
                                  {
                                      field<&T::recipient_name>("recipient-name"),
                                      field<&T::originator_report_request>("originator-report-request").implicitly(context(0)),
                                      field<&T::explicit_conversion>("explicit-conversion").implicitly(context(1)),
                                      field<&T::extensions>("extensions").implicitly(context(2)).defaulted(),
                                      rest<&T::unknown>(),
                                  });
  return type;
}

const Type& schema(Of<MessageSubmissionEnvelope>) {
  using T = MessageSubmissionEnvelope;
  static const Type type =
      set<T>("MessageSubmissionEnvelope",
             {
                 field<&T::originator_name>("originator-name"),
                 field<&T::original_encoded_information_types>("original-encoded-information-types"),
                 field<&T::content_type>("content-type"),
                 field<&T::content_identifier>("content-identifier"),
                 field<&T::priority>("priority").defaulted(),
                 field<&T::per_message_indicators>("per-message-indicators").defaulted(),
                 field<&T::deferred_delivery_time>("deferred-delivery-time").implicitly(context(0)),
                 field<&T::extensions>("extensions").implicitly(context(2)).defaulted(),
                 field<&T::per_recipient_fields>("per-recipient-fields").implicitly(context(1)).size(1, ub::recipients),
                 rest<&T::unknown>(),
             });
  return type;
}

const Type& schema(Of<ProbeSubmissionEnvelope>) {
  using T = ProbeSubmissionEnvelope;
  static const Type type = set<T>(
      "ProbeSubmissionEnvelope", {
                                     field<&T::originator_name>("originator-name"),
                                     field<&T::original_encoded_information_types>("original-encoded-information-types"),
                                     field<&T::content_type>("content-type"),
                                     field<&T::content_identifier>("content-identifier"),
                                     field<&T::content_length>("content-length").implicitly(context(0)).size(0, ub::content_length),
                                     field<&T::per_message_indicators>("per-message-indicators").defaulted(),
                                     field<&T::extensions>("extensions").implicitly(context(2)).defaulted(),
                                     field<&T::per_recipient_fields>("per-recipient-fields").implicitly(context(3)).size(1, ub::recipients),
                                     rest<&T::unknown>(),
                                 });
  return type;
}

const Type& schema(Of<DeliveredContentType>) {
  using T = DeliveredContentType;
  static const Type type = choice<&T::value>("DeliveredContentType", {
                                                                         alternative<&T::value, 0>("built-in").implicitly(context(0)),
                                                                         alternative<&T::value, 1>("extended"),
                                                                     });
  return type;
}

const Type& schema(Of<OtherMessageDeliveryFields>) {
  using T = OtherMessageDeliveryFields;
  static const Type type =
      set<T>("OtherMessageDeliveryFields",
             {
                 field<&T::content_type>("content-type"),
                 field<&T::originator_name>("originator-name"),
                 field<&T::original_encoded_information_types>("original-encoded-information-types").implicitly(context(1)),
                 field<&T::priority>("priority").defaulted(),
                 field<&T::delivery_flags>("delivery-flags").implicitly(context(2)),
                 field<&T::other_recipient_names>("other-recipient-names").implicitly(context(3)).size(1, ub::recipients),
                 field<&T::this_recipient_name>("this-recipient-name").implicitly(context(4)),
                 field<&T::originally_intended_recipient_name>("originally-intended-recipient-name").implicitly(context(5)),
                 field<&T::converted_encoded_information_types>("converted-encoded-information-types").implicitly(context(6)),
                 field<&T::message_submission_time>("message-submission-time").implicitly(context(7)),
                 field<&T::content_identifier>("content-identifier").implicitly(context(8)),
                 field<&T::extensions>("extensions").implicitly(context(9)).defaulted(),
                 rest<&T::unknown>(),
             });
  return type;
}

const Type& schema(Of<MessageDeliveryEnvelope>) {
  using T = MessageDeliveryEnvelope;
  static const Type type = sequence<T>("MessageDeliveryEnvelope", {
                                                                      field<&T::message_delivery_identifier>("message-delivery-identifier"),
                                                                      field<&T::message_delivery_time>("message-delivery-time"),
                                                                      field<&T::other_fields>("other-fields"),
                                                                  });
  return type;
}

const Type& schema(Of<PerRecipientReportDeliveryFields>) {
  using T = PerRecipientReportDeliveryFields;
  static const Type type = set<T>(
      "PerRecipientReportDeliveryFields",
      {
          field<&T::actual_recipient_name>("actual-recipient-name").implicitly(context(0)),
          field<&T::report_type>("report-type").explicitly(context(1)),
          field<&T::converted_encoded_information_types>("converted-encoded-information-types"),
          field<&T::originally_intended_recipient_name>("originally-intended-recipient-name").implicitly(context(2)),
          field<&T::supplementary_information>("supplementary-information").implicitly(context(3)).size(1, ub::supplementary_info_length),
          field<&T::extensions>("extensions").implicitly(context(4)).defaulted(),
          rest<&T::unknown>(),
      });
  return type;
}

const Type& schema(Of<ReportDeliveryEnvelope>) {
  using T = ReportDeliveryEnvelope;
  static const Type type =
      set<T>("ReportDeliveryEnvelope", {
                                           field<&T::subject_submission_identifier>("subject-submission-identifier"),
                                           field<&T::content_identifier>("content-identifier"),
                                           field<&T::content_type>("content-type"),
                                           field<&T::original_encoded_information_types>("original-encoded-information-types"),
                                           field<&T::extensions>("extensions").implicitly(context(1)).defaulted(),
                                           field<&T::per_recipient_fields>("per-recipient-fields").size(1, ub::recipients),
                                           rest<&T::unknown>(),
                                       });
  return type;
}

}  // namespace postern::mts
