#include "mts/extension_values.hpp"

#include "mts/bounds.hpp"

namespace postern::mts {

using namespace asn1;

namespace {

template <class E>
Type yes_or_no(std::string_view name, std::string_view zero, std::string_view one) {
  return enumerated<E>(name, {{zero, 0}, {one, 1}});
}

}  // namespace

const Type& schema(Of<RecipientReassignmentProhibited>) {
  static const Type type = yes_or_no<RecipientReassignmentProhibited>("RecipientReassignmentProhibited", "recipient-reassignment-allowed",
                                                                      "recipient-reassignment-prohibited");
  return type;
}
const Type& schema(Of<DLExpansionProhibited>) {
  static const Type type = yes_or_no<DLExpansionProhibited>("DLExpansionProhibited", "dl-expansion-allowed", "dl-expansion-prohibited");
  return type;
}
const Type& schema(Of<ConversionWithLossProhibited>) {
  static const Type type = yes_or_no<ConversionWithLossProhibited>("ConversionWithLossProhibited", "conversion-with-loss-allowed",
                                                                   "conversion-with-loss-prohibited");
  return type;
}
const Type& schema(Of<PhysicalForwardingProhibited>) {
  static const Type type = yes_or_no<PhysicalForwardingProhibited>("PhysicalForwardingProhibited", "physical-forwarding-allowed",
                                                                   "physical-forwarding-prohibited");
  return type;
}
const Type& schema(Of<PhysicalForwardingAddressRequest>) {
  static const Type type = yes_or_no<PhysicalForwardingAddressRequest>(
      "PhysicalForwardingAddressRequest", "physical-forwarding-address-not-requested", "physical-forwarding-address-requested");
  return type;
}
const Type& schema(Of<ProofOfSubmissionRequest>) {
  static const Type type =
      yes_or_no<ProofOfSubmissionRequest>("ProofOfSubmissionRequest", "proof-of-submission-not-requested", "proof-of-submission-requested");
  return type;
}
const Type& schema(Of<ProofOfDeliveryRequest>) {
  static const Type type =
      yes_or_no<ProofOfDeliveryRequest>("ProofOfDeliveryRequest", "proof-of-delivery-not-requested", "proof-of-delivery-requested");
  return type;
}

const Type& schema(Of<DeliveryMethod>) {
  static const Type type = integer<DeliveryMethod>("DeliveryMethod",
                                                   {
                                                       {"any-delivery-method", 0},
                                                       {"mhs-delivery", 1},
                                                       {"physical-delivery", 2},
                                                       {"telex-delivery", 3},
                                                       {"teletex-delivery", 4},
                                                       {"g3-facsimile-delivery", 5},
                                                       {"g4-facsimile-delivery", 6},
                                                       {"ia5-terminal-delivery", 7},
                                                       {"videotex-delivery", 8},
                                                       {"telephone-delivery", 9},
                                                   })
                               .size(0, ub::integer_options);
  return type;
}

const Type& schema(Of<PhysicalDeliveryModes>) {
  static const Type type = named_bits<PhysicalDeliveryModes>("PhysicalDeliveryModes", {
                                                                                          {"ordinary-mail", 0},
                                                                                          {"special-delivery", 1},
                                                                                          {"express-mail", 2},
                                                                                          {"counter-collection", 3},
                                                                                          {"counter-collection-with-telephone-advice", 4},
                                                                                          {"counter-collection-with-telex-advice", 5},
                                                                                          {"counter-collection-with-teletex-advice", 6},
                                                                                          {"bureau-fax-delivery", 7},
                                                                                      });
  return type;
}

const Type& schema(Of<RegisteredMailType>) {
  static const Type type =
      integer<RegisteredMailType>("RegisteredMailType",
                                  {{"non-registered-mail", 0}, {"registered-mail", 1}, {"registered-mail-to-addressee-in-person", 2}})
          .size(0, ub::integer_options);
  return type;
}

const Type& schema(Of<PhysicalDeliveryReportRequest>) {
  static const Type type = integer<PhysicalDeliveryReportRequest>("PhysicalDeliveryReportRequest",
                                                                  {
                                                                      {"return-of-undeliverable-mail-by-PDS", 0},
                                                                      {"return-of-notification-by-PDS", 1},
                                                                      {"return-of-notification-by-MHS", 2},
                                                                      {"return-of-notification-by-MHS-and-PDS", 3},
                                                                  })
                               .size(0, ub::integer_options);
  return type;
}

const Type& schema(Of<ContentCorrelator>) {
  static const Type type = choice<&ContentCorrelator::value>("ContentCorrelator", {
                                                                                      alternative<&ContentCorrelator::value, 0>("ia5text"),
                                                                                      alternative<&ContentCorrelator::value, 1>("octets"),
                                                                                  });
  return type;
}

const Type& schema(Of<RedirectionReason>) {
  static const Type type = enumerated<RedirectionReason>("RedirectionReason", {
                                                                                  {"recipient-assigned-alternate-recipient", 0},
                                                                                  {"originator-requested-alternate-recipient", 1},
                                                                                  {"recipient-MD-assigned-alternate-recipient", 2},
                                                                                  {"directory-look-up", 3},
                                                                                  {"alias", 4},
                                                                              });
  return type;
}

std::string_view text_of(RedirectionReason reason) {
  for (const NamedNumber& named : schema(Of<RedirectionReason>{}).names) {
    if (named.number == static_cast<std::int64_t>(reason)) return named.name;
  }
  return "another reason";
}

const Type& schema(Of<IntendedRecipientName>) {
  using T = IntendedRecipientName;
  static const Type type = sequence<T>("IntendedRecipientName", {
                                                                    field<&T::intended_recipient>("intended-recipient"),
                                                                    field<&T::redirection_time>("redirection-time"),
                                                                });
  return type;
}

const Type& schema(Of<Redirection>) {
  using T = Redirection;
  static const Type type = sequence<T>("Redirection", {
                                                          field<&T::intended_recipient_name>("intended-recipient-name"),
                                                          field<&T::redirection_reason>("redirection-reason"),
                                                      });
  return type;
}

const Type& schema(Of<RedirectionHistory>) {
  static const Type type = sequence_of_type<Redirection>("RedirectionHistory").size(1, ub::redirections);
  return type;
}

const Type& schema(Of<DLExpansion>) {
  using T = DLExpansion;
  static const Type type = sequence<T>("DLExpansion", {field<&T::dl>("dl"), field<&T::dl_expansion_time>("dl-expansion-time")});
  return type;
}

const Type& schema(Of<DLExpansionHistory>) {
  static const Type type = sequence_of_type<DLExpansion>("DLExpansionHistory").size(1, ub::dl_expansions);
  return type;
}

const Type& schema(Of<OriginatorAndDLExpansion>) {
  using T = OriginatorAndDLExpansion;
  static const Type type =
      sequence<T>("OriginatorAndDLExpansion", {
                                                  field<&T::originator_or_dl_name>("originator-or-dl-name"),
                                                  field<&T::origination_or_expansion_time>("origination-or-expansion-time"),
                                              });
  return type;
}

const Type& schema(Of<OriginatorAndDLExpansionHistory>) {
  static const Type type =
      sequence_of_type<OriginatorAndDLExpansion>("OriginatorAndDLExpansionHistory").size(2, ub::orig_and_dl_expansions);
  return type;
}

const Type& schema(Of<ReportingMTAName>) {
  using T = ReportingMTAName;
  static const Type type = sequence<T>("ReportingMTAName", {
                                                               field<&T::domain>("domain"),
                                                               field<&T::mta_name>("mta-name"),
                                                               field<&T::mta_directory_name>("mta-directory-name").explicitly(context(0)),
                                                           });
  return type;
}

const Type& schema(Of<ExtendedCertificate>) {
  static const Type type = choice<&ExtendedCertificate::value>(
      "ExtendedCertificate", {
                                 alternative<&ExtendedCertificate::value, 0>("directory-entry").explicitly(context(0)),
                                 alternative<&ExtendedCertificate::value, 1>("certificate").implicitly(context(1)),
                             });
  return type;
}

const Type& schema(Of<ExtendedCertificates>) {
  static const Type type = set_of_type<ExtendedCertificate>("ExtendedCertificates").size(1, ub::certificates);
  return type;
}

const Type& schema(Of<DLExemptedRecipients>) {
  static const Type type = set_of_type<ORName>("DLExemptedRecipients");
  return type;
}

const Type& schema(Of<CertificateSelectors>) {
  using T = CertificateSelectors;
  static const Type type = set<T>("CertificateSelectors",
                                  {
                                      field<&T::encryption_recipient>("encryption-recipient").implicitly(context(0)),
                                      field<&T::encryption_originator>("encryption-originator").implicitly(context(1)),
                                      field<&T::content_integrity_check>("content-integrity-check").implicitly(context(2)),
                                      field<&T::token_signature>("token-signature").implicitly(context(3)),
                                      field<&T::message_origin_authentication>("message-origin-authentication").implicitly(context(4)),
                                  })
                               .extensible();
  return type;
}

}  // namespace postern::mts
