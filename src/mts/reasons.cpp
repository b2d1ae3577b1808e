#include "mts/reasons.hpp"

#include "mts/bounds.hpp"

namespace postern::mts {

using namespace asn1;

namespace {

constexpr CodeInfo kReasons[] = {
    {0, "transfer-failure", "the message could not be transferred, although it should have been possible"},
    {1, "unable-to-transfer", "the message could not be transferred because of what it is or asks for"},
    {2, "conversion-not-performed", "a conversion that delivery needs could not be made"},
    {3, "physical-rendition-not-performed", "the message could not be put on paper"},
    {4, "physical-delivery-not-performed", "the letter could not be delivered"},
    {5, "restricted-delivery", "the recipient does not accept messages from this sender"},
    {6, "directory-operation-unsuccessful", "a look-up in the directory that delivery needs did not succeed"},
    {7, "deferred-delivery-not-performed", "delivery at the time asked for is not possible there"},
    {8, "transfer-failure-for-security-reason", "the message could not be transferred for reasons of security"},
};

constexpr CodeInfo kDiagnostics[] = {
    {0, "unrecognised-OR-name", "the recipient's address is not known there"},
    {1, "ambiguous-OR-name", "the address fits more than one recipient; give more of it"},
    {2, "mts-congestion", "the mail system there was overloaded; send again later"},
    {3, "loop-detected", "the message went in circles; a route on its way is wrong"},
    {4, "recipient-unavailable", "the recipient's system could not be reached"},
    {5, "maximum-time-expired", "it could not be delivered within the time allowed"},
    {6, "encoded-information-types-unsupported", "the recipient cannot take this kind of content (text, fax, …)"},
    {7, "content-too-long", "the message is too large for the recipient or a system on the way"},
    {8, "conversion-impractical", "a conversion is not possible without spoiling the content"},
    {9, "implicit-conversion-prohibited", "a conversion is needed and the sender has prohibited it"},
    {10, "implicit-conversion-not-subscribed", "a conversion is needed and the recipient has not subscribed to it"},
    {11, "invalid-arguments", "a parameter of the message is wrong"},
    {12, "content-syntax-error", "the content is not what its type says"},
    {13, "size-constraint-violation", "a part of the envelope is longer than the standard allows"},
    {14, "protocol-violation", "the message lacks something that the protocol requires"},
    {15, "content-type-not-supported", "the content type is not known there"},
    {16, "too-many-recipients", "the message has too many recipients for a system on the way"},
    {17, "no-bilateral-agreement", "the two mail systems have no agreement that this needs"},
    {18, "unsupported-critical-function", "a system on the way does not support a function the message cannot do without"},
    {19, "conversion-with-loss-prohibited", "a conversion would lose information and the sender has prohibited it"},
    {20, "line-too-long", "a conversion would lose characters: a line is too long"},
    {21, "page-split", "a conversion would split pages"},
    {22, "pictorial-symbol-loss", "a conversion would lose pictures or drawings"},
    {23, "punctuation-symbol-loss", "a conversion would lose punctuation"},
    {24, "alphabetic-character-loss", "a conversion would lose letters"},
    {25, "multiple-information-loss", "a conversion would lose information of several kinds"},
    {26, "recipient-reassignment-prohibited", "the recipient has another address now and the sender has prohibited redirection"},
    {27, "redirection-loop-detected", "the addresses the message is redirected to lead back to the first"},
    {28, "dl-expansion-prohibited", "the recipient is a distribution list and the sender has prohibited its expansion"},
    {29, "no-dl-submit-permission", "the sender, or the list before, may not send to this distribution list"},
    {30, "dl-expansion-failure", "the members of the distribution list could not be found out"},
    {31, "physical-rendition-attributes-not-supported", "the paper and print asked for are not available"},
    {32, "undeliverable-mail-physical-delivery-address-incorrect", "the postal address is not correct"},
    {33, "undeliverable-mail-physical-delivery-office-incorrect-or-invalid", "the post office in the address is wrong"},
    {34, "undeliverable-mail-physical-delivery-address-incomplete", "the postal address is not complete"},
    {35, "undeliverable-mail-recipient-unknown", "the addressee is not known at the postal address"},
    {36, "undeliverable-mail-recipient-deceased", "the addressee has died"},
    {37, "undeliverable-mail-organization-expired", "the organization does not exist any more"},
    {38, "undeliverable-mail-recipient-refused-to-accept", "the addressee did not accept the letter"},
    {39, "undeliverable-mail-recipient-did-not-claim", "the addressee did not fetch the letter"},
    {40, "undeliverable-mail-recipient-changed-address-permanently", "the addressee has moved"},
    {41, "undeliverable-mail-recipient-changed-address-temporarily", "the addressee has moved for some time"},
    {42, "undeliverable-mail-recipient-changed-temporary-address", "the addressee has left the address where he was for some time"},
    {43, "undeliverable-mail-new-address-unknown", "the addressee has moved and left no address"},
    {44, "undeliverable-mail-recipient-did-not-want-forwarding", "the addressee has moved and does not want letters sent on"},
    {45, "undeliverable-mail-originator-prohibited-forwarding", "the addressee has moved and the sender has prohibited sending on"},
    {46, "secure-messaging-error", "the security the message needs could not be given, or its checks failed"},
    {47, "unable-to-downgrade", "a system on the way is of 1984 and cannot be given this message"},
    {48, "unable-to-complete-transfer", "the transfer stopped and could not be resumed"},
    {49, "transfer-attempts-limit-reached", "the next system could not be reached in as many attempts as are made"},
    {50, "incorrect-notification-type", "the notification is not of a type that was asked for"},
    {51, "dl-expansion-prohibited-by-security-policy", "the security policy does not allow this list to be expanded for this message"},
    {52, "forbidden-alternate-recipient", "the security policy does not allow the alternate recipient"},
    {53, "security-policy-violation", "the message does not fit the security policy"},
    {54, "security-services-refusal", "the security services the message asks for are not available"},
    {55, "unauthorised-dl-member", "a member of the list may not get this message"},
    {56, "unauthorised-dl-name", "the distribution list may not be used for this message"},
    {57, "unauthorised-originally-intended-recipient-name", "the recipient first intended may not get this message"},
    {58, "unauthorised-originator-name", "the sender may not send this message"},
    {59, "unauthorised-recipient-name", "the recipient may not get this message"},
    {60, "unreliable-system", "the system on the way is not trusted with this message"},
    {61, "authentication-failure-on-subject-message", "the sender of the message could not be verified"},
    {62, "decryption-failed", "the message could not be decrypted"},
    {63, "decryption-key-unobtainable", "there is no key to decrypt the message with"},
    {64, "double-envelope-creation-failure", "the message could not be put into an outer envelope"},
    {65, "double-enveloping-message-restoring-failure", "the message could not be taken out of its outer envelope"},
    {66, "failure-of-proof-of-message", "the proof that belongs to the message is not right"},
    {67, "integrity-failure-on-subject-message", "the message has been changed on its way"},
    {68, "invalid-security-label", "the security label is not valid"},
    {69, "key-failure", "a key is wrong or could not be used"},
    {70, "mandatory-parameter-absence", "a parameter that the security policy requires is not there"},
    {71, "operation-security-failure", "the operation is not allowed to this user for reasons of security"},
    {72, "repudiation-failure-of-message", "the sender disowns the message"},
    {73, "security-context-failure", "the security label does not fit the association"},
    {74, "token-decryption-failed", "the token of the message could not be decrypted"},
    {75, "token-error", "the token of the message is wrong"},
    {76, "unknown-security-label", "the security label is not known there"},
    {77, "unsupported-algorithm-identifier", "a cryptographic algorithm is not supported there"},
    {78, "unsupported-security-policy", "the security policy named is not supported there"},
};

template <std::size_t N>
const CodeInfo* at(const CodeInfo (&table)[N], std::int64_t code) {
  return code >= 0 && code < static_cast<std::int64_t>(N) ? &table[code] : nullptr;
}

template <class E, std::size_t N>
Type described(std::string_view name, const CodeInfo (&table)[N], std::int64_t bound) {
  Type type = integer<E>(name, {}).size(0, bound);
  for (const CodeInfo& info : table) type.names.push_back({info.name, info.code});
  return type;
}

}  // namespace

const Type& schema(Of<NonDeliveryReasonCode>) {
  static const Type type = described<NonDeliveryReasonCode>("NonDeliveryReasonCode", kReasons, ub::reason_codes);
  return type;
}

const Type& schema(Of<NonDeliveryDiagnosticCode>) {
  static const Type type = described<NonDeliveryDiagnosticCode>("NonDeliveryDiagnosticCode", kDiagnostics, ub::diagnostic_codes);
  return type;
}

std::span<const CodeInfo> reason_codes() { return kReasons; }
std::span<const CodeInfo> diagnostic_codes() { return kDiagnostics; }
const CodeInfo* info_of(NonDeliveryReasonCode code) { return at(kReasons, static_cast<std::int64_t>(code)); }
const CodeInfo* info_of(NonDeliveryDiagnosticCode code) { return at(kDiagnostics, static_cast<std::int64_t>(code)); }

std::string words_of(const NonDeliveryReport& report) {
  const CodeInfo* reason = info_of(report.non_delivery_reason_code);
  const std::string number = std::to_string(static_cast<std::int64_t>(report.non_delivery_reason_code));
  std::string text = reason != nullptr ? std::string(reason->name) : "reason " + number;
  if (!report.non_delivery_diagnostic_code) return reason != nullptr ? text.append(": ").append(reason->words) : text;
  const CodeInfo* diagnostic = info_of(*report.non_delivery_diagnostic_code);
  if (diagnostic == nullptr)
    return text + ", diagnostic " + std::to_string(static_cast<std::int64_t>(*report.non_delivery_diagnostic_code));
  return text.append(", ").append(diagnostic->name).append(": ").append(diagnostic->words);
}

}  // namespace postern::mts
