// MS-bind (X.413 7.1): who reads, what he wants to be spared, and what the store can do.
#pragma once

#include "ms/types.hpp"
#include "mts/bind.hpp"

namespace postern::ms {

using MSEits = std::vector<asn1::Oid>;  ///< SET OF MS-EIT

/// What a fetch must not return to this user agent (X.413 7.1.1.4). Absent: no restriction.
struct Restrictions {
  std::optional<std::vector<asn1::Oid>> allowed_content_types{};
  std::optional<MSEits> allowed_eits{};
  std::optional<std::int64_t> maximum_attribute_length{};  ///< Octets of one attribute value.
  friend bool operator==(const Restrictions&, const Restrictions&) = default;
};
const asn1::Type& schema(asn1::Of<Restrictions>);

struct MSBindArgument {
  mts::ORAddressAndOrDirectoryName initiator_name;
  mts::InitiatorCredentials initiator_credentials;
  std::optional<mts::SecurityContext> security_context;
  std::optional<Restrictions> fetch_restrictions;
  bool ms_configuration_request = false;
  std::optional<asn1::PrintableString> ua_registration_identifier;  ///< 1994
  std::optional<MSExtensions> bind_extensions;                      ///< 1994
  std::vector<asn1::Any> unknown;
  friend bool operator==(const MSBindArgument&, const MSBindArgument&) = default;
};
const asn1::Type& schema(asn1::Of<MSBindArgument>);

struct MSBindResult {
  mts::ResponderCredentials responder_credentials;
  std::optional<std::vector<asn1::Oid>> available_auto_actions;
  std::optional<std::vector<AttributeType>> available_attribute_types;
  bool alert_indication = false;  ///< An alert could not be delivered since the last bind.
  std::optional<std::vector<asn1::Oid>> content_types_supported;
  std::optional<std::vector<EntryClass>> entry_classes_supported;  ///< 1994, and all after it
  std::optional<std::vector<asn1::Oid>> matching_rules_supported;
  std::optional<MSExtensions> bind_result_extensions;
  std::optional<std::int64_t> message_group_depth;
  std::optional<AutoActionErrorIndication> auto_action_error_indication;
  std::optional<std::vector<asn1::Oid>> unsupported_extensions;
  bool ua_registration_id_unknown = false;
  std::optional<asn1::GeneralString> service_information;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const MSBindResult&, const MSBindResult&) = default;
};
const asn1::Type& schema(asn1::Of<MSBindResult>);

enum class BindProblem : std::int64_t {
  AuthenticationError = 0,
  UnacceptableSecurityContext = 1,
  UnableToEstablishAssociation = 2,
  BindExtensionProblem = 3,
  InadequateAssociationConfidentiality = 4,
};
const asn1::Type& schema(asn1::Of<BindProblem>);

struct QualifiedBindError {
  BindProblem bind_problem = BindProblem::AuthenticationError;
  std::optional<asn1::GeneralString> supplementary_information;
  std::optional<std::vector<asn1::Oid>> bind_extension_errors;
  friend bool operator==(const QualifiedBindError&, const QualifiedBindError&) = default;
};
const asn1::Type& schema(asn1::Of<QualifiedBindError>);
struct MSBindError {
  std::variant<BindProblem, QualifiedBindError> value;  ///< unqualified-error (always in 1988), qualified-error
  friend bool operator==(const MSBindError&, const MSBindError&) = default;
};
const asn1::Type& schema(asn1::Of<MSBindError>);
/// A sentence for the operator: what the store said and what to look at.
[[nodiscard]] std::string words_of(const MSBindError& error);

// ---- judging one
/// What the store has to say about itself when it is asked (ms-configuration-request).
struct Offer {
  bool version_1994 = false;
  bool alert_indication = false;
  mts::ResponderCredentials credentials{};  ///< Ours; simple with an empty password where none are set.
};
/// The credentials of this name are right. Denied: they are not, or nobody is called so; other errors: the store cannot say now.
using CheckUser = std::function<Status(const mts::ORName& name, const mts::Credentials& credentials)>;
struct BindAnswer {
  std::variant<MSBindResult, MSBindError> value;
  std::string why;  ///< Of an error, for our own log; the peer gets the code only, the same for a wrong name and a wrong password.
};
[[nodiscard]] BindAnswer judge_bind(const MSBindArgument& argument, const CheckUser& check, const Offer& offer);

}  // namespace postern::ms
