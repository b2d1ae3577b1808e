// For tests: envelopes as they usually are.
#pragma once

#include "mts/p1.hpp"
#include "mts/rules_trace.hpp"

namespace postern::mts::testing {

inline ORName name_of(std::string_view surname, std::string_view organization = "Works") {
  ORName name;
  auto& standard = name.built_in_standard_attributes;
  standard.country_name = oraddress::make<oraddress::CountryName>("DE");
  standard.administration_domain_name = oraddress::make<oraddress::AdministrationDomainName>(" ");
  standard.private_domain_name = oraddress::make<oraddress::PrivateDomainName>("ACME");
  standard.organization_name = std::string(organization);
  standard.personal_name.emplace().surname = std::string(surname);
  return name;
}

inline GlobalDomainIdentifier domain_of(std::string_view private_domain) {
  GlobalDomainIdentifier domain;
  domain.country_name.assign("DE");
  domain.administration_domain_name.assign(" ");
  domain.private_domain_identifier = oraddress::make<oraddress::PrivateDomainIdentifier>(private_domain);
  return domain;
}

inline Here here_of(std::string_view private_domain, std::string_view mta) {
  return {domain_of(private_domain), MTAName(std::string(mta))};
}

inline constexpr std::int64_t kNow = 1795671720;  ///< 2026-11-26 05:42:00 UTC.

inline PerRecipientMessageTransferFields recipient_of(std::string_view surname, std::int64_t number = 1,
                                                      std::initializer_list<PerRecipientIndicator> more = {}) {
  PerRecipientMessageTransferFields recipient;
  recipient.recipient_name = name_of(surname);
  recipient.originally_specified_recipient_number = number;
  recipient.per_recipient_indicators = {PerRecipientIndicator::Responsibility, PerRecipientIndicator::OriginatingMTANonDeliveryReport};
  for (const PerRecipientIndicator bit : more) recipient.per_recipient_indicators.set(bit);
  return recipient;
}

/// From Smith of ACME to Doe and Roe, submitted at kNow to mta-a.
inline MessageTransferEnvelope envelope() {
  MessageTransferEnvelope envelope;
  envelope.message_identifier = {domain_of("ACME"), "mta-a-1"};
  envelope.originator_name = name_of("Smith");
  envelope.original_encoded_information_types.emplace().built_in_encoded_information_types = {BuiltInEncodedInformationType::Ia5Text};
  envelope.content_type.value = BuiltInContentType::InterpersonalMessaging1988;
  envelope.content_identifier = ContentIdentifier("hello");
  envelope.trace_information.resize(1);
  envelope.trace_information[0].global_domain_identifier = domain_of("ACME");
  envelope.trace_information[0].domain_supplied_information.arrival_time = Time::at(kNow);
  envelope.per_recipient_fields = {recipient_of("Doe", 1), recipient_of("Roe", 2)};
  return envelope;
}

inline Message message(std::string_view content = "content") { return {envelope(), Content(content)}; }

}  // namespace postern::mts::testing
