#include "mts/trace.hpp"

#include "mts/bounds.hpp"

namespace postern::mts {

using namespace asn1;

const Type& schema(Of<RoutingAction>) {
  static const Type type = enumerated<RoutingAction>("RoutingAction", {{"relayed", 0}, {"rerouted", 1}});
  return type;
}

const Type& schema(Of<OtherActions>) {
  static const Type type = named_bits<OtherActions>("OtherActions", {{"redirected", 0}, {"dl-operation", 1}});
  return type;
}

// X.411 fig. 4 "DomainSuppliedInformation"; X.411-1984 3.4.1 has the same without other-actions.
const Type& schema(Of<DomainSuppliedInformation>) {
  using T = DomainSuppliedInformation;
  static const Type type = set<T>("DomainSuppliedInformation",
                                  {
                                      field<&T::arrival_time>("arrival-time").implicitly(context(0)),
                                      field<&T::routing_action>("routing-action").implicitly(context(2)),
                                      field<&T::attempted_domain>("attempted-domain"),
                                      field<&T::deferred_time>("deferred-time").implicitly(context(1)),
                                      field<&T::converted_encoded_information_types>("converted-encoded-information-types"),
                                      field<&T::other_actions>("other-actions").implicitly(context(3)).defaulted(),
                                  })
                               .extensible();
  return type;
}

const Type& schema(Of<TraceInformationElement>) {
  using T = TraceInformationElement;
  static const Type type = sequence<T>("TraceInformationElement",
                                       {
                                           field<&T::global_domain_identifier>("global-domain-identifier"),
                                           field<&T::domain_supplied_information>("domain-supplied-information"),
                                       })
                               .extensible();
  return type;
}

const Type& schema(Of<TraceInformation>) {
  static const Type type = sequence_of_type<TraceInformationElement>("TraceInformation").implicitly(application(9)).size(1, ub::transfers);
  return type;
}

const Type& schema(Of<AttemptedMTA>) {
  static const Type type = choice<&AttemptedMTA::value>("AttemptedMTA", {
                                                                            alternative<&AttemptedMTA::value, 0>("mta"),
                                                                            alternative<&AttemptedMTA::value, 1>("domain"),
                                                                        });
  return type;
}

const Type& schema(Of<MTASuppliedInformation>) {
  using T = MTASuppliedInformation;
  static const Type type = set<T>("MTASuppliedInformation",
                                  {
                                      field<&T::arrival_time>("arrival-time").implicitly(context(0)),
                                      field<&T::routing_action>("routing-action").implicitly(context(2)),
                                      field<&T::attempted>("attempted"),
                                      field<&T::deferred_time>("deferred-time").implicitly(context(1)),
                                      field<&T::converted_encoded_information_types>("converted-encoded-information-types"),
                                      field<&T::other_actions>("other-actions").implicitly(context(3)).defaulted(),
                                  })
                               .extensible();
  return type;
}

const Type& schema(Of<InternalTraceInformationElement>) {
  using T = InternalTraceInformationElement;
  static const Type type = sequence<T>("InternalTraceInformationElement",
                                       {
                                           field<&T::global_domain_identifier>("global-domain-identifier"),
                                           field<&T::mta_name>("mta-name"),
                                           field<&T::mta_supplied_information>("mta-supplied-information"),
                                       })
                               .extensible();
  return type;
}

const Type& schema(Of<InternalTraceInformation>) {
  static const Type type = sequence_of_type<InternalTraceInformationElement>("InternalTraceInformation").size(1, ub::transfers);
  return type;
}

const Type& schema(Of<LastTraceInformation>) {
  using T = LastTraceInformation;
  static const Type type = set<T>("LastTraceInformation",
                                  {
                                      field<&T::arrival_time>("arrival-time").implicitly(context(0)),
                                      field<&T::converted_encoded_information_types>("converted-encoded-information-types"),
                                      field<&T::report_type>("report-type").explicitly(context(1)),
                                  })
                               .extensible();
  return type;
}

}  // namespace postern::mts
