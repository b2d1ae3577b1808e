// The heading of an interpersonal message (X.420 7.1, 7.2; module IPMSInformationObjects). P2 (1984) has the same fields under the same
// tags, without the extensions.
#pragma once

#include "asn1/ber.hpp"
#include "asn1/schema.hpp"
#include "mts/types.hpp"
#include "oraddress/or_name.hpp"

namespace postern::ipm {

// X.420 annex K: upper bounds.
inline constexpr std::int64_t ub_auto_forward_comment = 256;
inline constexpr std::int64_t ub_free_form_name = 64;
inline constexpr std::int64_t ub_local_ipm_identifier = 64;
inline constexpr std::int64_t ub_subject_field = 128;
inline constexpr std::int64_t ub_telephone_number = 32;

/// X.420 7.1.1: [APPLICATION 11]. Unique together; the user makes it so across users.
struct IPMIdentifier {
  std::optional<oraddress::ORName> user;
  asn1::PrintableString user_relative_identifier;
  friend bool operator==(const IPMIdentifier&, const IPMIdentifier&) = default;
};

/// X.420 7.1.3. The formal name must be there in whatever is to be answered or notified.
struct ORDescriptor {
  std::optional<oraddress::ORName> formal_name;
  std::optional<asn1::TeletexString> free_form_name;
  std::optional<asn1::PrintableString> telephone_number;
  friend bool operator==(const ORDescriptor&, const ORDescriptor&) = default;
};

/// X.420 7.1.2: what a recipient is asked to send back.
enum class NotificationRequest : std::uint8_t { Rn = 0, Nrn = 1, IpmReturn = 2, AnSupported = 3, SuppressAn = 4 };
using NotificationRequests = mts::Bits<NotificationRequest>;

/// An extension (X.420 7.2.18, 7.1.2.4, 8.1.5): its type decides what the value is; see heading_extensions.hpp. An absent value is NULL.
struct IPMSExtension {
  asn1::Oid type;
  asn1::Any value{Bytes{0x05, 0x00}};
  friend bool operator==(const IPMSExtension&, const IPMSExtension&) = default;
};
using IPMSExtensions = std::vector<IPMSExtension>;

/// X.420 7.1.2.
struct RecipientSpecifier {
  ORDescriptor recipient;
  NotificationRequests notification_requests;
  bool reply_requested = false;
  std::optional<IPMSExtensions> recipient_extensions;
  friend bool operator==(const RecipientSpecifier&, const RecipientSpecifier&) = default;
};

enum class ImportanceField : std::int64_t { Low = 0, Normal = 1, High = 2 };
enum class SensitivityField : std::int64_t { Personal = 1, Private = 2, CompanyConfidential = 3 };

/// X.420 7.2.
struct Heading {
  IPMIdentifier this_ipm;
  std::optional<ORDescriptor> originator;
  std::optional<std::vector<ORDescriptor>> authorizing_users;
  std::vector<RecipientSpecifier> primary_recipients;
  std::vector<RecipientSpecifier> copy_recipients;
  std::optional<std::vector<RecipientSpecifier>> blind_copy_recipients;
  std::optional<IPMIdentifier> replied_to_ipm;
  std::vector<IPMIdentifier> obsoleted_ipms;
  std::vector<IPMIdentifier> related_ipms;
  std::optional<asn1::TeletexString> subject;
  std::optional<asn1::UtcTime> expiry_time;
  std::optional<asn1::UtcTime> reply_time;
  std::optional<std::vector<ORDescriptor>> reply_recipients;
  ImportanceField importance = ImportanceField::Normal;
  std::optional<SensitivityField> sensitivity;
  bool auto_forwarded = false;
  IPMSExtensions extensions;
  std::vector<asn1::Any> unknown;  ///< Fields of a later edition: kept, sent on.
  friend bool operator==(const Heading&, const Heading&) = default;
};

const asn1::Type& schema(asn1::Of<IPMIdentifier>);
const asn1::Type& schema(asn1::Of<ORDescriptor>);
const asn1::Type& schema(asn1::Of<NotificationRequests>);
const asn1::Type& schema(asn1::Of<IPMSExtension>);
const asn1::Type& schema(asn1::Of<RecipientSpecifier>);
const asn1::Type& schema(asn1::Of<ImportanceField>);
const asn1::Type& schema(asn1::Of<SensitivityField>);
const asn1::Type& schema(asn1::Of<Heading>);

/// The first extension of that type, nullptr where there is none.
[[nodiscard]] const IPMSExtension* find_extension(const IPMSExtensions& extensions, const asn1::Oid& type) noexcept;

}  // namespace postern::ipm
