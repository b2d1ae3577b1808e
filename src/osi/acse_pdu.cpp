#include "osi/acse_pdu.hpp"

#include <array>

#include "osi/oids.hpp"

namespace postern::osi {

using asn1::alternative;
using asn1::application;
using asn1::context;
using asn1::field;
using asn1::Of;
using asn1::Type;

const Type& schema(Of<AcseVersion>) {
  static const Type type = asn1::named_bits<AcseVersion>("protocol-version", {{"version1", 0}});
  return type;
}

const Type& schema(Of<AarqApdu>) {
  using T = AarqApdu;
  static const Type type =
      asn1::sequence<T>("AARQ-apdu",
                        {
                            field<&T::protocol_version>("protocol-version").implicitly(context(0)).defaulted(),
                            field<&T::application_context>("application-context-name").explicitly(context(1)),
                            field<&T::called_ap_title>("called-AP-title").explicitly(context(2)),
                            field<&T::called_ae_qualifier>("called-AE-qualifier").explicitly(context(3)),
                            field<&T::called_ap_invocation>("called-AP-invocation-identifier").explicitly(context(4)),
                            field<&T::called_ae_invocation>("called-AE-invocation-identifier").explicitly(context(5)),
                            field<&T::calling_ap_title>("calling-AP-title").explicitly(context(6)),
                            field<&T::calling_ae_qualifier>("calling-AE-qualifier").explicitly(context(7)),
                            field<&T::calling_ap_invocation>("calling-AP-invocation-identifier").explicitly(context(8)),
                            field<&T::calling_ae_invocation>("calling-AE-invocation-identifier").explicitly(context(9)),
                            field<&T::implementation_information>("implementation-information").implicitly(context(29)),
                            field<&T::user_information>("user-information").implicitly(context(30)),
                        })
          .implicitly(application(0))
          .extensible();
  return type;
}

const Type& schema(Of<AssociateResult>) {
  static const Type type =
      asn1::integer<AssociateResult>("Associate-result", {{"accepted", 0}, {"rejected-permanent", 1}, {"rejected-transient", 2}});
  return type;
}

const Type& schema(Of<AcseUserDiagnostic>) {
  static const Type type = asn1::integer<AcseUserDiagnostic>("acse-service-user", {{"null", 0},
                                                                                   {"no-reason-given", 1},
                                                                                   {"application-context-name-not-supported", 2},
                                                                                   {"calling-AP-title-not-recognized", 3},
                                                                                   {"calling-AP-invocation-identifier-not-recognized", 4},
                                                                                   {"calling-AE-qualifier-not-recognized", 5},
                                                                                   {"calling-AE-invocation-identifier-not-recognized", 6},
                                                                                   {"called-AP-title-not-recognized", 7},
                                                                                   {"called-AP-invocation-identifier-not-recognized", 8},
                                                                                   {"called-AE-qualifier-not-recognized", 9},
                                                                                   {"called-AE-invocation-identifier-not-recognized", 10},
                                                                                   {"authentication-mechanism-name-not-recognized", 11},
                                                                                   {"authentication-mechanism-name-required", 12},
                                                                                   {"authentication-failure", 13},
                                                                                   {"authentication-required", 14}});
  return type;
}

const Type& schema(Of<AcseProviderDiagnostic>) {
  static const Type type =
      asn1::integer<AcseProviderDiagnostic>("acse-service-provider", {{"null", 0}, {"no-reason-given", 1}, {"no-common-acse-version", 2}});
  return type;
}

const Type& schema(Of<AssociateDiagnostic>) {
  using T = AssociateDiagnostic;
  static const Type type =
      asn1::choice<&T::value>("Associate-source-diagnostic", {
                                                                 alternative<&T::value, 0>("acse-service-user").explicitly(context(1)),
                                                                 alternative<&T::value, 1>("acse-service-provider").explicitly(context(2)),
                                                             });
  return type;
}

const Type& schema(Of<AareApdu>) {
  using T = AareApdu;
  static const Type type =
      asn1::sequence<T>("AARE-apdu",
                        {
                            field<&T::protocol_version>("protocol-version").implicitly(context(0)).defaulted(),
                            field<&T::application_context>("application-context-name").explicitly(context(1)),
                            field<&T::result>("result").explicitly(context(2)),
                            field<&T::diagnostic>("result-source-diagnostic").explicitly(context(3)),
                            field<&T::responding_ap_title>("responding-AP-title").explicitly(context(4)),
                            field<&T::responding_ae_qualifier>("responding-AE-qualifier").explicitly(context(5)),
                            field<&T::responding_ap_invocation>("responding-AP-invocation-identifier").explicitly(context(6)),
                            field<&T::responding_ae_invocation>("responding-AE-invocation-identifier").explicitly(context(7)),
                            field<&T::implementation_information>("implementation-information").implicitly(context(29)),
                            field<&T::user_information>("user-information").implicitly(context(30)),
                        })
          .implicitly(application(1))
          .extensible();
  return type;
}

const Type& schema(Of<ReleaseRequestReason>) {
  static const Type type =
      asn1::integer<ReleaseRequestReason>("Release-request-reason", {{"normal", 0}, {"urgent", 1}, {"user-defined", 30}});
  return type;
}

const Type& schema(Of<RlrqApdu>) {
  static const Type type = asn1::sequence<RlrqApdu>("RLRQ-apdu",
                                                    {
                                                        field<&RlrqApdu::reason>("reason").implicitly(context(0)),
                                                        field<&RlrqApdu::user_information>("user-information").implicitly(context(30)),
                                                    })
                               .implicitly(application(2))
                               .extensible();
  return type;
}

const Type& schema(Of<ReleaseResponseReason>) {
  static const Type type =
      asn1::integer<ReleaseResponseReason>("Release-response-reason", {{"normal", 0}, {"not-finished", 1}, {"user-defined", 30}});
  return type;
}

const Type& schema(Of<RlreApdu>) {
  static const Type type = asn1::sequence<RlreApdu>("RLRE-apdu",
                                                    {
                                                        field<&RlreApdu::reason>("reason").implicitly(context(0)),
                                                        field<&RlreApdu::user_information>("user-information").implicitly(context(30)),
                                                    })
                               .implicitly(application(3))
                               .extensible();
  return type;
}

const Type& schema(Of<AbortSource>) {
  static const Type type = asn1::integer<AbortSource>("ABRT-source", {{"acse-service-user", 0}, {"acse-service-provider", 1}});
  return type;
}

const Type& schema(Of<AbortDiagnostic>) {
  static const Type type = asn1::enumerated<AbortDiagnostic>("ABRT-diagnostic", {{"no-reason-given", 1},
                                                                                 {"protocol-error", 2},
                                                                                 {"authentication-mechanism-name-not-recognized", 3},
                                                                                 {"authentication-mechanism-name-required", 4},
                                                                                 {"authentication-failure", 5},
                                                                                 {"authentication-required", 6}});
  return type;
}

const Type& schema(Of<AbrtApdu>) {
  static const Type type = asn1::sequence<AbrtApdu>("ABRT-apdu",
                                                    {
                                                        field<&AbrtApdu::source>("abort-source").implicitly(context(0)),
                                                        field<&AbrtApdu::diagnostic>("abort-diagnostic").implicitly(context(1)),
                                                        field<&AbrtApdu::user_information>("user-information").implicitly(context(30)),
                                                    })
                               .implicitly(application(4))
                               .extensible();
  return type;
}

const Type& schema(Of<AcseApdu>) {
  static const Type type = asn1::choice<&AcseApdu::value>("ACSE-apdu", {
                                                                           alternative<&AcseApdu::value, 0>("aarq"),
                                                                           alternative<&AcseApdu::value, 1>("aare"),
                                                                           alternative<&AcseApdu::value, 2>("rlrq"),
                                                                           alternative<&AcseApdu::value, 3>("rlre"),
                                                                           alternative<&AcseApdu::value, 4>("abrt"),
                                                                       });
  return type;
}

Result<asn1::Any> title_form2(const asn1::Oid& title) { return asn1::to_any(title); }
Result<asn1::Any> qualifier_form2(std::int64_t qualifier) { return asn1::to_any(qualifier); }

namespace {

std::string describe_part(const asn1::Any& part) {
  if (const auto oid = asn1::from_any<asn1::Oid>(part)) return oid->text();
  if (const auto number = asn1::from_any<std::int64_t>(part)) return std::to_string(*number);
  return "a Directory name of " + std::to_string(part.ber.size()) + " octets";
}

std::string describe(const AcseUserDiagnostic& diagnostic) {
  const auto number = static_cast<std::int64_t>(diagnostic);
  for (const asn1::NamedNumber& named : schema(Of<AcseUserDiagnostic>{}).names)
    if (named.number == number) return std::string(named.name);
  return "diagnostic " + std::to_string(number);
}

std::string describe(const AcseProviderDiagnostic& diagnostic) {
  const auto number = static_cast<std::int64_t>(diagnostic);
  for (const asn1::NamedNumber& named : schema(Of<AcseProviderDiagnostic>{}).names)
    if (named.number == number) return "by the provider: " + std::string(named.name);
  return "by the provider: diagnostic " + std::to_string(number);
}

}  // namespace

std::string describe_title(const AeTitle& title) {
  std::string text;
  if (title.ap_title) text = describe_part(*title.ap_title);
  if (title.ae_qualifier) text += (text.empty() ? "qualifier " : ", qualifier ") + describe_part(*title.ae_qualifier);
  return text;
}

std::string describe(AssociateResult result, const AssociateDiagnostic& diagnostic) {
  std::string text;
  switch (result) {
    case AssociateResult::Accepted: return "accepted";
    case AssociateResult::RejectedPermanent: text = "rejected (permanent)"; break;
    case AssociateResult::RejectedTransient: text = "rejected (transient)"; break;
    default: text = "rejected (result " + std::to_string(static_cast<std::int64_t>(result)) + ")"; break;
  }
  return text + ": " + std::visit([](const auto& value) { return describe(value); }, diagnostic.value);
}

std::string describe(const AbrtApdu& apdu) {
  std::string text = apdu.source == AbortSource::ServiceUser ? "aborted by the peer's user" : "aborted by the peer's association control";
  if (!apdu.diagnostic) return text;
  const auto number = static_cast<std::int64_t>(*apdu.diagnostic);
  for (const asn1::NamedNumber& named : schema(Of<AbortDiagnostic>{}).names)
    if (named.number == number) return text + ": " + std::string(named.name);
  return text + ": diagnostic " + std::to_string(number);
}

std::string_view name_of(const AcseApdu& apdu) noexcept {
  static constexpr std::array<std::string_view, 5> kNames{"AARQ", "AARE", "RLRQ", "RLRE", "ABRT"};
  return kNames.at(apdu.value.index());
}

AeTitle called_title(const AarqApdu& a) {
  return {a.called_ap_title, a.called_ae_qualifier, a.called_ap_invocation, a.called_ae_invocation};
}
AeTitle calling_title(const AarqApdu& a) {
  return {a.calling_ap_title, a.calling_ae_qualifier, a.calling_ap_invocation, a.calling_ae_invocation};
}
AeTitle responding_title(const AareApdu& a) {
  return {a.responding_ap_title, a.responding_ae_qualifier, a.responding_ap_invocation, a.responding_ae_invocation};
}

asn1::External make_external(std::int64_t presentation_context, asn1::Any value) {
  asn1::External made;
  made.direct_reference = oid::basic_encoding();
  made.indirect_reference = presentation_context;
  made.encoding.value = std::move(value);
  return made;
}

}  // namespace postern::osi
