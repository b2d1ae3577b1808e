#include "osi/presentation_pdu.hpp"

#include <array>
#include <string_view>

namespace postern::osi {

using asn1::alternative;
using asn1::context;
using asn1::field;
using asn1::Of;
using asn1::Type;

const Type& schema(Of<PresentationMode>) {
  static const Type type = asn1::integer<PresentationMode>("mode-value", {{"x410-1984-mode", 0}, {"normal-mode", 1}});
  return type;
}

const Type& schema(Of<ModeSelector>) {
  static const Type type =
      asn1::set<ModeSelector>("Mode-selector", {field<&ModeSelector::mode>("mode-value").implicitly(context(0))}).extensible();
  return type;
}

const Type& schema(Of<PdvList::Values>) {
  using T = PdvList::Values;
  static const Type type =
      asn1::choice<&T::value>("presentation-data-values", {
                                                              alternative<&T::value, 0>("single-ASN1-type").explicitly(context(0)),
                                                              alternative<&T::value, 1>("octet-aligned").implicitly(context(1)),
                                                              alternative<&T::value, 2>("arbitrary").implicitly(context(2)),
                                                          });
  return type;
}

const Type& schema(Of<PdvList>) {
  static const Type type = asn1::sequence<PdvList>("PDV-list", {
                                                                   field<&PdvList::transfer_syntax>("transfer-syntax-name"),
                                                                   field<&PdvList::context>("presentation-context-identifier"),
                                                                   field<&PdvList::values>("presentation-data-values"),
                                                               });
  return type;
}

const Type& schema(Of<FullyEncodedData>) {
  static const Type type = asn1::sequence_of_type<PdvList>("Fully-encoded-data");
  return type;
}

const Type& schema(Of<SimplyEncodedData>) {
  static const Type type = asn1::renamed<SimplyEncodedData>("Simply-encoded-data", schema(Of<asn1::OctetString>{}));
  return type;
}

const Type& schema(Of<UserData>) {
  static const Type type = asn1::choice<&UserData::value>(
      "User-data", {
                       alternative<&UserData::value, 0>("simply-encoded-data").implicitly(asn1::application(0)),
                       alternative<&UserData::value, 1>("fully-encoded-data").implicitly(asn1::application(1)),
                   });
  return type;
}

const Type& schema(Of<ContextDefinition>) {
  using T = ContextDefinition;
  static const Type type = asn1::sequence<T>("Context-definition", {
                                                                       field<&T::id>("presentation-context-identifier"),
                                                                       field<&T::abstract_syntax>("abstract-syntax-name"),
                                                                       field<&T::transfer_syntaxes>("transfer-syntax-name-list"),
                                                                   });
  return type;
}

const Type& schema(Of<ContextResult>) {
  static const Type type = asn1::integer<ContextResult>("Result", {{"acceptance", 0}, {"user-rejection", 1}, {"provider-rejection", 2}});
  return type;
}

const Type& schema(Of<ContextReason>) {
  static const Type type = asn1::integer<ContextReason>("provider-reason", {{"reason-not-specified", 0},
                                                                            {"abstract-syntax-not-supported", 1},
                                                                            {"proposed-transfer-syntaxes-not-supported", 2},
                                                                            {"local-limit-on-DCS-exceeded", 3}});
  return type;
}

const Type& schema(Of<ContextAnswer>) {
  using T = ContextAnswer;
  static const Type type =
      asn1::sequence<T>("Result-list-item", {
                                                field<&T::result>("result").implicitly(context(0)),
                                                field<&T::transfer_syntax>("transfer-syntax-name").implicitly(context(1)),
                                                field<&T::reason>("provider-reason").implicitly(context(2)),
                                            });
  return type;
}

const Type& schema(Of<DefaultContextName>) {
  using T = DefaultContextName;
  static const Type type =
      asn1::sequence<T>("Default-context-name", {
                                                    field<&T::abstract_syntax>("abstract-syntax-name").implicitly(context(0)),
                                                    field<&T::transfer_syntax>("transfer-syntax-name").implicitly(context(1)),
                                                });
  return type;
}

const Type& schema(Of<PresentationVersion>) {
  static const Type type = asn1::named_bits<PresentationVersion>("Protocol-version", {{"version-1", 0}});
  return type;
}

const Type& schema(Of<CpPpdu::Normal>) {
  using T = CpPpdu::Normal;
  static const Type type = asn1::sequence<T>("normal-mode-parameters",
                                             {
                                                 field<&T::protocol_version>("protocol-version").implicitly(context(0)).defaulted(),
                                                 field<&T::calling_selector>("calling-presentation-selector").implicitly(context(1)),
                                                 field<&T::called_selector>("called-presentation-selector").implicitly(context(2)),
                                                 field<&T::contexts>("presentation-context-definition-list").implicitly(context(4)),
                                                 field<&T::default_context>("default-context-name").implicitly(context(6)),
                                                 field<&T::presentation_requirements>("presentation-requirements").implicitly(context(8)),
                                                 field<&T::user_session_requirements>("user-session-requirements").implicitly(context(9)),
                                                 field<&T::user_data>("user-data"),
                                             })
                               .extensible();
  return type;
}

const Type& schema(Of<CpPpdu>) {
  static const Type type = asn1::set<CpPpdu>("CP-type",
                                             {
                                                 field<&CpPpdu::mode_selector>("mode-selector").implicitly(context(0)),
                                                 field<&CpPpdu::x410_mode>("x410-mode-parameters").implicitly(context(1)),
                                                 field<&CpPpdu::normal_mode>("normal-mode-parameters").implicitly(context(2)),
                                             })
                               .extensible();
  return type;
}

const Type& schema(Of<CpaPpdu::Normal>) {
  using T = CpaPpdu::Normal;
  static const Type type = asn1::sequence<T>("normal-mode-parameters",
                                             {
                                                 field<&T::protocol_version>("protocol-version").implicitly(context(0)).defaulted(),
                                                 field<&T::responding_selector>("responding-presentation-selector").implicitly(context(3)),
                                                 field<&T::contexts>("presentation-context-definition-result-list").implicitly(context(5)),
                                                 field<&T::presentation_requirements>("presentation-requirements").implicitly(context(8)),
                                                 field<&T::user_session_requirements>("user-session-requirements").implicitly(context(9)),
                                                 field<&T::user_data>("user-data"),
                                             })
                               .extensible();
  return type;
}

const Type& schema(Of<CpaPpdu>) {
  static const Type type = asn1::set<CpaPpdu>("CPA-PPDU",
                                              {
                                                  field<&CpaPpdu::mode_selector>("mode-selector").implicitly(context(0)),
                                                  field<&CpaPpdu::x410_mode>("x410-mode-parameters").implicitly(context(1)),
                                                  field<&CpaPpdu::normal_mode>("normal-mode-parameters").implicitly(context(2)),
                                              })
                               .extensible();
  return type;
}

const Type& schema(Of<PresentationRefuseReason>) {
  static const Type type = asn1::integer<PresentationRefuseReason>("Provider-reason", {{"reason-not-specified", 0},
                                                                                       {"temporary-congestion", 1},
                                                                                       {"local-limit-exceeded", 2},
                                                                                       {"called-presentation-address-unknown", 3},
                                                                                       {"protocol-version-not-supported", 4},
                                                                                       {"default-context-not-supported", 5},
                                                                                       {"user-data-not-readable", 6},
                                                                                       {"no-PSAP-available", 7}});
  return type;
}

const Type& schema(Of<CprPpdu::Normal>) {
  using T = CprPpdu::Normal;
  static const Type type = asn1::sequence<T>("normal-mode-parameters",
                                             {
                                                 field<&T::protocol_version>("protocol-version").implicitly(context(0)).defaulted(),
                                                 field<&T::responding_selector>("responding-presentation-selector").implicitly(context(3)),
                                                 field<&T::contexts>("presentation-context-definition-result-list").implicitly(context(5)),
                                                 field<&T::default_context>("default-context-result").implicitly(context(7)),
                                                 field<&T::provider_reason>("provider-reason").implicitly(context(10)),
                                                 field<&T::user_data>("user-data"),
                                             })
                               .extensible();
  return type;
}

const Type& schema(Of<CprPpdu>) {
  static const Type type = asn1::choice<&CprPpdu::value>("CPR-PPDU", {
                                                                         alternative<&CprPpdu::value, 0>("x410-mode-parameters"),
                                                                         alternative<&CprPpdu::value, 1>("normal-mode-parameters"),
                                                                     });
  return type;
}

const Type& schema(Of<ContextIdentifier>) {
  using T = ContextIdentifier;
  static const Type type = asn1::sequence<T>("Presentation-context-identifier-item", {
                                                                                         field<&T::id>("presentation-context-identifier"),
                                                                                         field<&T::transfer_syntax>("transfer-syntax-name"),
                                                                                     });
  return type;
}

const Type& schema(Of<PresentationAbortReason>) {
  static const Type type = asn1::integer<PresentationAbortReason>("Abort-reason", {{"reason-not-specified", 0},
                                                                                   {"unrecognized-ppdu", 1},
                                                                                   {"unexpected-ppdu", 2},
                                                                                   {"unexpected-session-service-primitive", 3},
                                                                                   {"unrecognized-ppdu-parameter", 4},
                                                                                   {"unexpected-ppdu-parameter", 5},
                                                                                   {"invalid-ppdu-parameter-value", 6}});
  return type;
}

const Type& schema(Of<PresentationEvent>) {
  static const Type type = asn1::integer<PresentationEvent>("Event-identifier", {{"cp-PPDU", 0},
                                                                                 {"cpa-PPDU", 1},
                                                                                 {"cpr-PPDU", 2},
                                                                                 {"aru-PPDU", 3},
                                                                                 {"arp-PPDU", 4},
                                                                                 {"td-PPDU", 7},
                                                                                 {"ttd-PPDU", 8},
                                                                                 {"s-release-indication", 14},
                                                                                 {"s-release-confirm", 15}});
  return type;
}

const Type& schema(Of<ArpPpdu>) {
  static const Type type = asn1::sequence<ArpPpdu>("ARP-PPDU",
                                                   {
                                                       field<&ArpPpdu::reason>("provider-reason").implicitly(context(0)),
                                                       field<&ArpPpdu::event>("event-identifier").implicitly(context(1)),
                                                   })
                               .extensible();
  return type;
}

const Type& schema(Of<AruPpdu>) {
  using T = AruPpdu;
  static const Type type = asn1::sequence<T>("normal-mode-parameters",
                                             {
                                                 field<&T::contexts>("presentation-context-identifier-list").implicitly(context(0)),
                                                 field<&T::user_data>("user-data"),
                                             })
                               .extensible();
  return type;
}

const Type& schema(Of<AbortPpdu>) {
  static const Type type =
      asn1::choice<&AbortPpdu::value>("Abort-type", {
                                                        alternative<&AbortPpdu::value, 0>("x410-mode-parameters"),
                                                        alternative<&AbortPpdu::value, 1>("normal-mode-parameters").implicitly(context(0)),
                                                        alternative<&AbortPpdu::value, 2>("arp-ppdu"),
                                                    });
  return type;
}

namespace {
template <class E, std::size_t N>
std::string say(const std::array<std::string_view, N>& words, E value, std::string_view kind) {
  const auto number = static_cast<std::int64_t>(value);
  if (number >= 0 && static_cast<std::size_t>(number) < N) return std::string(words.at(static_cast<std::size_t>(number)));
  return std::string(kind) + " " + std::to_string(number);
}
}  // namespace

std::string describe(PresentationRefuseReason reason) {
  static constexpr std::array<std::string_view, 8> kWords{
      "reason not specified",           "temporary congestion: try again later",
      "a local limit was exceeded",     "called presentation address unknown: check the presentation selector",
      "protocol version not supported", "default context not supported",
      "user data not readable",         "no presentation access point available: try again later"};
  return say(kWords, reason, "provider reason");
}

std::string describe(PresentationAbortReason reason) {
  static constexpr std::array<std::string_view, 7> kWords{"reason not specified",
                                                          "unrecognized PPDU",
                                                          "unexpected PPDU",
                                                          "unexpected session service primitive",
                                                          "unrecognized PPDU parameter",
                                                          "unexpected PPDU parameter",
                                                          "invalid PPDU parameter value"};
  return say(kWords, reason, "provider reason");
}

}  // namespace postern::osi
