#include "mts/p3.hpp"

#include "mts/bounds.hpp"

namespace postern::mts {

using namespace asn1;

const Type& schema(Of<MessageSubmissionArgument>) {
  using T = MessageSubmissionArgument;
  static const Type type = sequence<T>("MessageSubmissionArgument", {field<&T::envelope>("envelope"), field<&T::content>("content")});
  return type;
}

const Type& schema(Of<MessageSubmissionResult>) {
  using T = MessageSubmissionResult;
  static const Type type =
      set<T>("MessageSubmissionResult", {
                                            field<&T::message_submission_identifier>("message-submission-identifier"),
                                            field<&T::message_submission_time>("message-submission-time").implicitly(context(0)),
                                            field<&T::content_identifier>("content-identifier"),
                                            field<&T::extensions>("extensions").implicitly(context(1)).defaulted(),
                                            rest<&T::unknown>(),
                                        });
  return type;
}

const Type& schema(Of<ProbeSubmissionResult>) {
  using T = ProbeSubmissionResult;
  static const Type type =
      set<T>("ProbeSubmissionResult", {
                                          field<&T::probe_submission_identifier>("probe-submission-identifier"),
                                          field<&T::probe_submission_time>("probe-submission-time").implicitly(context(0)),
                                          field<&T::content_identifier>("content-identifier"),
                                          field<&T::extensions>("extensions").implicitly(context(1)).defaulted(),
                                          rest<&T::unknown>(),
                                      });
  return type;
}

// COMPONENTS OF MessageDeliveryEnvelope, then the content (X.411 fig. 2).
const Type& schema(Of<MessageDeliveryArgument>) {
  static const Type type = [] {
    Type made = renamed<MessageDeliveryArgument>("MessageDeliveryArgument", schema(Of<MessageDeliveryEnvelope>{}));
    made.fields.push_back(field<&MessageDeliveryArgument::content>("content"));
    made.fresh = &asn1::detail::fresh_of<MessageDeliveryArgument>;  // it is more than its envelope
    return made;
  }();
  return type;
}

const Type& schema(Of<MessageDeliveryResult>) {
  using T = MessageDeliveryResult;
  static const Type type =
      set<T>("MessageDeliveryResult", {
                                          field<&T::recipient_certificate>("recipient-certificate").implicitly(context(0)),
                                          field<&T::proof_of_delivery>("proof-of-delivery").implicitly(context(1)),
                                          field<&T::extensions>("extensions").implicitly(context(2)).defaulted(),
                                          rest<&T::unknown>(),
                                      });
  return type;
}

// COMPONENTS OF ReportDeliveryEnvelope and the returned content; the field that keeps unknown elements stays last.
const Type& schema(Of<ReportDeliveryArgument>) {
  static const Type type = [] {
    Type made = renamed<ReportDeliveryArgument>("ReportDeliveryArgument", schema(Of<ReportDeliveryEnvelope>{}));
    made.fields.insert(made.fields.end() - 1, field<&ReportDeliveryArgument::returned_content>("returned-content").implicitly(context(0)));
    made.fresh = &asn1::detail::fresh_of<ReportDeliveryArgument>;  // it is more than its envelope
    return made;
  }();
  return type;
}

const Type& schema(Of<ReportDeliveryResult>) {
  using T = ReportDeliveryResult;
  static const Type type = choice<&T::value>("ReportDeliveryResult", {
                                                                         alternative<&T::value, 0>("empty-result"),
                                                                         alternative<&T::value, 1>("extensions"),
                                                                     });
  return type;
}

const Type& schema(Of<ImproperlySpecifiedRecipients>) {
  static const Type type = sequence_of_type<ORName>("ImproperlySpecifiedRecipients").size(1, ub::recipients);
  return type;
}

const Type& schema(Of<SecurityProblem>) {
  static const Type type = integer<SecurityProblem>("SecurityProblem",
                                                    {
                                                        {"assembly-instructions-conflict-with-security-services", 0},
                                                        {"authentication-problem", 1},
                                                        {"authentication-failure-on-subject-message", 2},
                                                        {"confidentiality-association-problem", 3},
                                                        {"decryption-failed", 4},
                                                        {"decryption-key-unobtainable", 5},
                                                        {"failure-of-proof-of-message", 6},
                                                        {"forbidden-user-security-label-register", 7},
                                                        {"incompatible-change-with-original-security-context", 8},
                                                        {"integrity-failure-on-subject-message", 9},
                                                        {"invalid-security-label", 10},
                                                        {"invalid-security-label-update", 11},
                                                        {"key-failure", 12},
                                                        {"mandatory-parameter-absence", 13},
                                                        {"operation-security-failure", 14},
                                                        {"redirection-prohibited", 15},
                                                        {"refused-alternate-recipient-name", 16},
                                                        {"repudiation-failure-of-message", 17},
                                                        {"responder-credentials-checking-problem", 18},
                                                        {"security-context-failure", 19},
                                                        {"security-context-problem", 20},
                                                        {"security-policy-violation", 21},
                                                        {"security-services-refusal", 22},
                                                        {"token-decryption-failed", 23},
                                                        {"token-error", 24},
                                                        {"unable-to-aggregate-security-labels", 25},
                                                        {"unauthorised-dl-name", 26},
                                                        {"unauthorised-entry-class", 27},
                                                        {"unauthorised-originally-intended-recipient-name", 28},
                                                        {"unauthorised-originator-name", 29},
                                                        {"unauthorised-recipient-name", 30},
                                                        {"unauthorised-security-label-update", 31},
                                                        {"unauthorised-user-name", 32},
                                                        {"unknown-security-label", 33},
                                                        {"unsupported-algorithm-identifier", 34},
                                                        {"unsupported-security-policy", 35},
                                                    })
                               .size(0, ub::security_problems);
  return type;
}

const Type& schema(Of<RefusedArgument>) {
  static const Type type = integer<RefusedArgument>("RefusedArgument",
                                                    {
                                                        {"user-name", 0},
                                                        {"user-address", 1},
                                                        {"deliverable-content-types", 2},
                                                        {"deliverable-maximum-content-length", 3},
                                                        {"deliverable-encoded-information-types-constraints", 4},
                                                        {"deliverable-security-labels", 5},
                                                        {"recipient-assigned-redirections", 6},
                                                        {"restricted-delivery", 7},
                                                        {"retrieve-registrations", 8},
                                                        {"restrict", 10},
                                                        {"permissible-operations", 11},
                                                        {"permissible-lowest-priority", 12},
                                                        {"permissible-encoded-information-types", 13},
                                                        {"permissible-content-types", 14},
                                                        {"permissible-maximum-content-length", 15},
                                                        {"permissible-security-context", 16},
                                                    })
                               .size(0, ub::integer_options);
  return type;
}

const Type& schema(Of<RefusalReason>) {
  static const Type type =
      integer<RefusalReason>("RefusalReason", {{"facility-unavailable", 0}, {"facility-not-subscribed", 1}, {"parameter-unacceptable", 2}})
          .size(0, ub::integer_options);
  return type;
}

const Type& schema(Of<RefusedArgumentOrExtension>) {
  using T = RefusedArgumentOrExtension;
  static const Type type =
      choice<&T::value>("RefusedArgumentOrExtension", {
                                                          alternative<&T::value, 0>("built-in-argument").implicitly(context(1)),
                                                          alternative<&T::value, 1>("refused-extension"),
                                                      });
  return type;
}

const Type& schema(Of<RefusedOperation>) {
  using T = RefusedOperation;
  static const Type type = set<T>("RefusedOperation", {
                                                          field<&T::refused_argument>("refused-argument"),
                                                          field<&T::refusal_reason>("refusal-reason").implicitly(context(2)),
                                                      });
  return type;
}

}  // namespace postern::mts
