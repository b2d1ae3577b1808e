#include "ms/bind.hpp"

#include "ipm/oids.hpp"
#include "ms/attributes.hpp"
#include "ms/oids.hpp"
#include "mts/bounds.hpp"

namespace postern::ms {

using namespace asn1;

const Type& schema(Of<Restrictions>) {
  using T = Restrictions;
  static const Type type = set<T>(
      "Restrictions",
      {field<&T::allowed_content_types>("allowed-content-types").explicitly(context(0)).as(set_of<Oid>()).size(1, mts::ub::content_types),
       field<&T::allowed_eits>("allowed-EITs").explicitly(context(1)).as(set_of<Oid>()).size(1, mts::ub::encoded_information_types),
       field<&T::maximum_attribute_length>("maximum-attribute-length").explicitly(context(2))});
  return type;
}

const Type& schema(Of<MSBindArgument>) {
  using T = MSBindArgument;
  static const Type type =
      set<T>("MSBindArgument",
             {field<&T::initiator_name>("initiator-name"), field<&T::initiator_credentials>("initiator-credentials").explicitly(context(2)),
              field<&T::security_context>("security-context").implicitly(context(3)),
              field<&T::fetch_restrictions>("fetch-restrictions").explicitly(context(4)),
              field<&T::ms_configuration_request>("ms-configuration-request").explicitly(context(5)).defaulted(),
              field<&T::ua_registration_identifier>("ua-registration-identifier")
                  .explicitly(context(6))
                  .size(1, ub::ua_registration_identifier_length),
              field<&T::bind_extensions>("bind-extensions").explicitly(context(7)).size(1, ub::extensions), rest<&T::unknown>()});
  return type;
}

const Type& schema(Of<MSBindResult>) {
  using T = MSBindResult;
  static const Type type = set<T>(
      "MSBindResult",
      {field<&T::responder_credentials>("responder-credentials").explicitly(context(2)),
       field<&T::available_auto_actions>("available-auto-actions").explicitly(context(3)).as(set_of<Oid>()).size(1, ub::auto_actions),
       field<&T::available_attribute_types>("available-attribute-types")
           .explicitly(context(4))
           .as(set_of<Oid>())
           .size(1, ub::attributes_supported),
       field<&T::alert_indication>("alert-indication").explicitly(context(5)).defaulted(),
       field<&T::content_types_supported>("content-types-supported")
           .explicitly(context(6))
           .as(set_of<Oid>())
           .size(1, mts::ub::content_types),
       field<&T::entry_classes_supported>("entry-classes-supported")
           .explicitly(context(7))
           .as(set_of<EntryClass>())
           .size(1, ub::entry_classes),
       field<&T::matching_rules_supported>("matching-rules-supported").explicitly(context(8)).as(set_of<Oid>()).size(1, ub::matching_rules),
       field<&T::bind_result_extensions>("bind-result-extensions").explicitly(context(9)).size(1, ub::extensions),
       field<&T::message_group_depth>("message-group-depth").explicitly(context(10)).size(1, ub::group_depth),
       field<&T::auto_action_error_indication>("auto-action-error-indication").explicitly(context(11)),
       field<&T::unsupported_extensions>("unsupported-extensions").explicitly(context(12)).as(set_of<Oid>()).size(1, ub::extensions),
       field<&T::ua_registration_id_unknown>("ua-registration-id-unknown").explicitly(context(13)).defaulted(),
       field<&T::service_information>("service-information").explicitly(context(14)).size(1, ub::service_information_length),
       rest<&T::unknown>()});
  return type;
}

const Type& schema(Of<BindProblem>) {
  static const Type type = enumerated<BindProblem>("BindProblem", {{"authentication-error", 0},
                                                                   {"unacceptable-security-context", 1},
                                                                   {"unable-to-establish-association", 2},
                                                                   {"bind-extension-problem", 3},
                                                                   {"inadequate-association-confidentiality", 4}});
  return type;
}

const Type& schema(Of<QualifiedBindError>) {
  using T = QualifiedBindError;
  static const Type type = set<T>(
      "QualifiedBindError",
      {field<&T::bind_problem>("bind-problem").explicitly(context(0)),
       field<&T::supplementary_information>("supplementary-information").explicitly(context(1)).size(1, ub::supplementary_info_length),
       field<&T::bind_extension_errors>("bind-extension-errors").explicitly(context(2)).as(set_of<Oid>()).size(1, ub::extensions)});
  return type;
}

const Type& schema(Of<MSBindError>) {
  using T = MSBindError;
  static const Type type =
      choice<&T::value>("MSBindError", {alternative<&T::value, 0>("unqualified-error"), alternative<&T::value, 1>("qualified-error")});
  return type;
}

std::string words_of(const MSBindError& error) {
  const auto* qualified = std::get_if<QualifiedBindError>(&error.value);
  const BindProblem problem = qualified != nullptr ? qualified->bind_problem : std::get<BindProblem>(error.value);
  std::string out = [&]() -> std::string {
    switch (problem) {
      case BindProblem::AuthenticationError:
        return "authentication-error: the store does not accept this name with this password; compare both with what it has; of strong "
               "credentials the certificate and both clocks";
      case BindProblem::UnacceptableSecurityContext:
        return "unacceptable-security-context: bind with labels that the store allows this user";
      case BindProblem::UnableToEstablishAssociation:
        return "unable-to-establish-association: the store cannot serve this user now; try again later";
      case BindProblem::BindExtensionProblem:
        return "bind-extension-problem: the store does not do an extension of the bind; leave it away";
      case BindProblem::InadequateAssociationConfidentiality:
        return "inadequate-association-confidentiality: the store asks for a protected association; use TLS";
    }
    return "bind problem " + std::to_string(static_cast<std::int64_t>(problem)) + " that no standard known here has";
  }();
  if (qualified != nullptr && qualified->supplementary_information) {
    if (const auto text = to_utf8(Alphabet::General, qualified->supplementary_information->octets)) out += " (" + *text + ")";
  }
  return out;
}

namespace {

BindAnswer refused(BindProblem problem, std::string why) { return {MSBindError{problem}, std::move(why)}; }

void configure(MSBindResult& result, const Offer& offer) {
  result.available_auto_actions = {id_act_ipm_auto_forward(), id_act_auto_alert()};
  result.available_attribute_types.emplace();
  for (const AttributeInfo& each : attribute_table()) result.available_attribute_types->push_back(each.type);
  result.content_types_supported = {ipm::id_mct_p2_1984(), ipm::id_mct_p2_1988()};
  if (offer.version_1994) result.entry_classes_supported = {EntryClass::Delivery};
}

}  // namespace

BindAnswer judge_bind(const MSBindArgument& argument, const CheckUser& check, const Offer& offer) {
  if (const Status known = check(argument.initiator_name, argument.initiator_credentials); !known) {
    const bool denied = known.error().code == ErrorCode::Denied || known.error().code == ErrorCode::NotFound;
    return refused(denied ? BindProblem::AuthenticationError : BindProblem::UnableToEstablishAssociation, known.error().text());
  }
  if (argument.security_context) return refused(BindProblem::UnacceptableSecurityContext, "the store serves no security contexts");
  MSBindResult result;
  result.responder_credentials = offer.credentials;
  result.alert_indication = offer.alert_indication;
  if (argument.ms_configuration_request) configure(result, offer);
  if (!offer.version_1994) return {std::move(result), {}};
  result.ua_registration_id_unknown = argument.ua_registration_identifier.has_value();
  if (argument.bind_extensions) {
    result.unsupported_extensions.emplace();
    for (const External& each : *argument.bind_extensions)
      if (each.direct_reference) result.unsupported_extensions->push_back(*each.direct_reference);
    if (result.unsupported_extensions->empty()) result.unsupported_extensions.reset();
  }
  return {std::move(result), {}};
}

}  // namespace postern::ms
