#include "mts/p1.hpp"

#include "mts/bounds.hpp"

namespace postern::mts {

using namespace asn1;

const Type& schema(Of<PerRecipientIndicators>) {
  static const Type type = named_bits<PerRecipientIndicators>("PerRecipientIndicators",
                                                              {
                                                                  {"responsibility", 0},
                                                                  {"originating-MTA-report", 1},
                                                                  {"originating-MTA-non-delivery-report", 2},
                                                                  {"originator-report", 3},
                                                                  {"originator-non-delivery-report", 4},
                                                                  {"reserved-5", 5},
                                                                  {"reserved-6", 6},
                                                                  {"reserved-7", 7},
                                                              })
                               .size(8, ub::bit_options);
  return type;
}

const Type& schema(Of<PrivateBilateralDomain>) {
  using T = PrivateBilateralDomain;
  static const Type type =
      sequence<T>("PrivateBilateralDomain", {
                                                field<&T::administration_domain_name>("administration-domain-name").implicitly(context(0)),
                                                field<&T::private_domain_identifier>("private-domain-identifier").explicitly(context(1)),
                                            });
  return type;
}

const Type& schema(Of<BilateralDomainName>) {
  using T = BilateralDomainName;
  static const Type type = choice<&T::value>("BilateralDomainName", {
                                                                        alternative<&T::value, 0>("administration-domain-name"),
                                                                        alternative<&T::value, 1>("private-domain"),
                                                                    });
  return type;
}

const Type& schema(Of<PerDomainBilateralInformation>) {
  using T = PerDomainBilateralInformation;
  static const Type type = sequence<T>("PerDomainBilateralInformation", {
                                                                            field<&T::country_name>("country-name"),
                                                                            field<&T::domain>("domain"),
                                                                            field<&T::bilateral_information>("bilateral-information"),
                                                                        });
  return type;
}

const Type& schema(Of<PerRecipientMessageTransferFields>) {
  using T = PerRecipientMessageTransferFields;
  static const Type type =
      set<T>("PerRecipientTransferFields", {
                                               field<&T::recipient_name>("recipient-name"),
                                               field<&T::originally_specified_recipient_number>("originally-specified-recipient-number")
                                                   .implicitly(context(0))
                                                   .size(1, ub::recipients),
                                               field<&T::per_recipient_indicators>("per-recipient-indicators").implicitly(context(1)),
                                               field<&T::explicit_conversion>("explicit-conversion").implicitly(context(2)),
                                               field<&T::extensions>("extensions").implicitly(context(3)).defaulted(),
                                               rest<&T::unknown>(),
                                           });
  return type;
}

const Type& schema(Of<MessageTransferEnvelope>) {
  using T = MessageTransferEnvelope;
  static const Type type = set<T>(
      "MessageTransferEnvelope",
      {
          field<&T::message_identifier>("message-identifier"),
          field<&T::originator_name>("originator-name"),
          field<&T::original_encoded_information_types>("original-encoded-information-types"),
          field<&T::content_type>("content-type"),
          field<&T::content_identifier>("content-identifier"),
          field<&T::priority>("priority").defaulted(),
          field<&T::per_message_indicators>("per-message-indicators").defaulted(),
          field<&T::deferred_delivery_time>("deferred-delivery-time").implicitly(context(0)),
          field<&T::per_domain_bilateral_information>("per-domain-bilateral-information").implicitly(context(1)).size(1, ub::transfers),
          field<&T::trace_information>("trace-information"),
          field<&T::extensions>("extensions").implicitly(context(3)).defaulted(),
          field<&T::per_recipient_fields>("per-recipient-fields").implicitly(context(2)).size(1, ub::recipients),
          rest<&T::unknown>(),
      });
  return type;
}

const Type& schema(Of<Message>) {
  using T = Message;
  static const Type type = sequence<T>("Message", {field<&T::envelope>("envelope"), field<&T::content>("content")});
  return type;
}

const Type& schema(Of<ProbeTransferEnvelope>) {
  using T = ProbeTransferEnvelope;
  static const Type type = set<T>(
      "ProbeTransferEnvelope",
      {
          field<&T::probe_identifier>("probe-identifier"),
          field<&T::originator_name>("originator-name"),
          field<&T::original_encoded_information_types>("original-encoded-information-types"),
          field<&T::content_type>("content-type"),
          field<&T::content_identifier>("content-identifier"),
          field<&T::content_length>("content-length").implicitly(context(0)).size(0, ub::content_length),
          field<&T::per_message_indicators>("per-message-indicators").defaulted(),
          field<&T::per_domain_bilateral_information>("per-domain-bilateral-information").implicitly(context(1)).size(1, ub::transfers),
          field<&T::trace_information>("trace-information"),
          field<&T::extensions>("extensions").implicitly(context(3)).defaulted(),
          field<&T::per_recipient_fields>("per-recipient-fields").implicitly(context(2)).size(1, ub::recipients),
          rest<&T::unknown>(),
      });
  return type;
}

const Type& schema(Of<ReportTransferEnvelope>) {
  using T = ReportTransferEnvelope;
  static const Type type = set<T>("ReportTransferEnvelope", {
                                                                field<&T::report_identifier>("report-identifier"),
                                                                field<&T::report_destination_name>("report-destination-name"),
                                                                field<&T::trace_information>("trace-information"),
                                                                field<&T::extensions>("extensions").implicitly(context(1)).defaulted(),
                                                                rest<&T::unknown>(),
                                                            });
  return type;
}

const Type& schema(Of<PerRecipientReportTransferFields>) {
  using T = PerRecipientReportTransferFields;
  static const Type type = set<T>(
      "PerRecipientReportTransferFields",
      {
          field<&T::actual_recipient_name>("actual-recipient-name").implicitly(context(0)),
          field<&T::originally_specified_recipient_number>("originally-specified-recipient-number")
              .implicitly(context(1))
              .size(1, ub::recipients),
          field<&T::per_recipient_indicators>("per-recipient-indicators").implicitly(context(2)),
          field<&T::last_trace_information>("last-trace-information").implicitly(context(3)),
          field<&T::originally_intended_recipient_name>("originally-intended-recipient-name").implicitly(context(4)),
          field<&T::supplementary_information>("supplementary-information").implicitly(context(5)).size(1, ub::supplementary_info_length),
          field<&T::extensions>("extensions").implicitly(context(6)).defaulted(),
          rest<&T::unknown>(),
      });
  return type;
}

const Type& schema(Of<ReportTransferContent>) {
  using T = ReportTransferContent;
  static const Type type = set<T>(
      "ReportTransferContent", {
                                   field<&T::subject_identifier>("subject-identifier"),
                                   field<&T::subject_intermediate_trace_information>("subject-intermediate-trace-information"),
                                   field<&T::original_encoded_information_types>("original-encoded-information-types"),
                                   field<&T::content_type>("content-type"),
                                   field<&T::content_identifier>("content-identifier"),
                                   field<&T::returned_content>("returned-content").implicitly(context(1)),
                                   field<&T::additional_information>("additional-information").explicitly(context(2)),
                                   field<&T::extensions>("extensions").implicitly(context(3)).defaulted(),
                                   field<&T::per_recipient_fields>("per-recipient-fields").implicitly(context(0)).size(1, ub::recipients),
                                   rest<&T::unknown>(),
                               });
  return type;
}

const Type& schema(Of<Report>) {
  using T = Report;
  static const Type type = sequence<T>("Report", {field<&T::envelope>("envelope"), field<&T::content>("content")});
  return type;
}

const Type& schema(Of<MTSApdu>) {
  using T = MTSApdu;
  static const Type type = choice<&T::value>("MTS-APDU", {
                                                             alternative<&T::value, 0>("message").implicitly(context(0)),
                                                             alternative<&T::value, 1>("report").implicitly(context(1)),
                                                             alternative<&T::value, 2>("probe").implicitly(context(2)),
                                                         });
  return type;
}

}  // namespace postern::mts
