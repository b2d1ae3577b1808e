// Interpersonal notifications (X.420 8): what a recipient's side says about a message: received, not received, something else.
#pragma once

#include "ipm/body.hpp"

namespace postern::ipm {

enum class NonReceiptReasonField : std::int64_t { IpmDiscarded = 0, IpmAutoForwarded = 1 };
/// X.420 8.2.2 (3 is "ipm-deleted" in the ISO text, "not-used" in the ITU-T one).
enum class DiscardReasonField : std::int64_t { IpmExpired = 0, IpmObsoleted = 1, UserSubscriptionTerminated = 2, IpmDeleted = 3 };
enum class AcknowledgmentModeField : std::int64_t { Manual = 0, Automatic = 1 };

/// X.420 8.2.
struct NonReceiptFields {
  NonReceiptReasonField non_receipt_reason = NonReceiptReasonField::IpmDiscarded;
  std::optional<DiscardReasonField> discard_reason;           ///< If and only if discarded.
  std::optional<asn1::PrintableString> auto_forward_comment;  ///< Only if auto-forwarded.
  std::optional<IPM> returned_ipm;
  std::optional<IPMSExtensions> nrn_extensions;
  friend bool operator==(const NonReceiptFields&, const NonReceiptFields&) = default;
};
/// X.420 8.3.
struct ReceiptFields {
  asn1::UtcTime receipt_time;
  AcknowledgmentModeField acknowledgment_mode = AcknowledgmentModeField::Manual;
  std::optional<asn1::PrintableString> suppl_receipt_info;
  std::optional<IPMSExtensions> rn_extensions;
  friend bool operator==(const ReceiptFields&, const ReceiptFields&) = default;
};
/// X.420 8.4: SET OF extensions, such as advice about an absence.
struct OtherNotificationTypeFields : IPMSExtensions {
  using vector::vector;
};

/// X.420 8. RN, NRN and ON are IPNs with one of the choices.
struct IPN {
  struct Choice {
    std::variant<NonReceiptFields, ReceiptFields, OtherNotificationTypeFields> value;
    friend bool operator==(const Choice&, const Choice&) = default;
  };
  IPMIdentifier subject_ipm;
  std::optional<ORDescriptor> ipn_originator;
  std::optional<ORDescriptor> ipm_intended_recipient;  ///< Where it is not the originator of the notification (X.420 8.1.3).
  std::optional<mts::EncodedInformationTypes> conversion_eits;
  std::optional<IPMSExtensions> notification_extensions;
  Choice choice;
  friend bool operator==(const IPN&, const IPN&) = default;
};

/// Other-notification extensions (X.420 8.4).
struct AbsenceAdvice {
  std::optional<BodyPart> advice;
  std::optional<asn1::UtcTime> next_available;
  friend bool operator==(const AbsenceAdvice&, const AbsenceAdvice&) = default;
};
struct ChangeOfAddressAdvice {
  ORDescriptor new_address;
  std::optional<asn1::UtcTime> effective_from;
  friend bool operator==(const ChangeOfAddressAdvice&, const ChangeOfAddressAdvice&) = default;
};

/// X.420 6: what the content of a message of type P2 or P22 is.
struct InformationObject {
  std::variant<IPM, IPN> value;  ///< ipm [0], ipn [1]
  [[nodiscard]] const IPM* ipm() const noexcept { return std::get_if<IPM>(&value); }
  [[nodiscard]] const IPN* ipn() const noexcept { return std::get_if<IPN>(&value); }
  friend bool operator==(const InformationObject&, const InformationObject&) = default;
};

const asn1::Type& schema(asn1::Of<NonReceiptReasonField>);
const asn1::Type& schema(asn1::Of<DiscardReasonField>);
const asn1::Type& schema(asn1::Of<AcknowledgmentModeField>);
const asn1::Type& schema(asn1::Of<NonReceiptFields>);
const asn1::Type& schema(asn1::Of<ReceiptFields>);
const asn1::Type& schema(asn1::Of<OtherNotificationTypeFields>);
const asn1::Type& schema(asn1::Of<IPN::Choice>);
const asn1::Type& schema(asn1::Of<IPN>);
const asn1::Type& schema(asn1::Of<AbsenceAdvice>);
const asn1::Type& schema(asn1::Of<ChangeOfAddressAdvice>);
const asn1::Type& schema(asn1::Of<InformationObject>);

/// The content type this object needs (X.420 20.2): P2 as long as 1984 knows every heading field and body part in it, P22 otherwise.
[[nodiscard]] mts::BuiltInContentType content_type_of(const InformationObject& object);
/// P2 or P22, built in or by object identifier (id-mct-p2-1984, id-mct-p2-1988).
[[nodiscard]] bool is_interpersonal(const mts::ContentType& type);

}  // namespace postern::ipm
