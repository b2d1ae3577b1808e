// The file transfer body part (X.420 7.4.12, module IPMSFileTransferBodyPartType; attributes of ISO 8571-4): a file with what its system
// knew about it. Attributes that only a file server uses (access control, accounts, availability) are kept as they came.
#pragma once

#include "ipm/extended_body.hpp"

namespace postern::ipm {

using Pathname = std::vector<asn1::GraphicString>;  ///< From the root down; the last element is the file's name.

/// complete-pathname [23] begins at the root, incomplete-pathname [0] is the file's name and perhaps some folders above.
struct PathnameAttribute {
  std::variant<Pathname, Pathname> value;
  [[nodiscard]] const Pathname& pathname() const { return value.index() == 0 ? std::get<0>(value) : std::get<1>(value); }
  friend bool operator==(const PathnameAttribute&, const PathnameAttribute&) = default;
};

struct DateAndTimeAttribute {
  std::variant<asn1::Null, asn1::GeneralizedTime> value;  ///< no-value-available [0], actual-values [1]
  friend bool operator==(const DateAndTimeAttribute&, const DateAndTimeAttribute&) = default;
};
struct UserIdentityAttribute {
  std::variant<asn1::Null, asn1::GraphicString> value;  ///< no-value-available [0], actual-values
  friend bool operator==(const UserIdentityAttribute&, const UserIdentityAttribute&) = default;
};
struct ObjectSizeAttribute {
  std::variant<asn1::Null, std::int64_t> value;  ///< no-value-available [0], actual-values [1]: octets
  friend bool operator==(const ObjectSizeAttribute&, const ObjectSizeAttribute&) = default;
};

struct FileAttributes {
  std::optional<PathnameAttribute> pathname;
  std::optional<asn1::BitString> permitted_actions;
  std::optional<UserIdentityAttribute> storage_account;
  std::optional<DateAndTimeAttribute> date_and_time_of_creation;
  std::optional<DateAndTimeAttribute> date_and_time_of_last_modification;
  std::optional<DateAndTimeAttribute> date_and_time_of_last_read_access;
  std::optional<DateAndTimeAttribute> date_and_time_of_last_attribute_modification;
  std::optional<UserIdentityAttribute> identity_of_creator;
  std::optional<UserIdentityAttribute> identity_of_last_modifier;
  std::optional<UserIdentityAttribute> identity_of_last_reader;
  std::optional<UserIdentityAttribute> identity_of_last_attribute_modifier;
  std::optional<asn1::Any> object_availability;  ///< [12]
  std::optional<ObjectSizeAttribute> object_size;
  std::optional<ObjectSizeAttribute> future_object_size;
  std::vector<asn1::Any> unknown;  ///< access-control [15], legal-qualifications [16], private-use [17], attribute-extensions [22]
  friend bool operator==(const FileAttributes&, const FileAttributes&) = default;
};

struct MessageReference {
  std::optional<oraddress::ORName> user;
  asn1::PrintableString user_relative_identifier;
  friend bool operator==(const MessageReference&, const MessageReference&) = default;
};
struct CrossReference {
  asn1::OctetString application_cross_reference;
  std::optional<MessageReference> message_reference;
  std::optional<std::int64_t> body_part_reference;
  friend bool operator==(const CrossReference&, const CrossReference&) = default;
};
struct PathnameAndVersion {
  PathnameAttribute pathname;
  std::optional<asn1::GraphicString> file_version;
  friend bool operator==(const PathnameAndVersion&, const PathnameAndVersion&) = default;
};
struct FileIdentifier {
  std::variant<PathnameAndVersion, CrossReference> value;
  friend bool operator==(const FileIdentifier&, const FileIdentifier&) = default;
};
enum class ExplicitRelationship : std::int64_t { Unspecified = 0, NewFile = 1, Replacement = 2, Extension = 3 };
struct Relationship {
  std::variant<ExplicitRelationship, asn1::GraphicString> value;
  friend bool operator==(const Relationship&, const Relationship&) = default;
};
struct RelatedStoredFile {
  FileIdentifier file_identifier;
  Relationship relationship;
  friend bool operator==(const RelatedStoredFile&, const RelatedStoredFile&) = default;
};

struct DocumentType {
  asn1::Oid document_type_name = id_ftam_unstructured_binary();
  std::optional<asn1::Any> parameter;  ///< Inside [0].
  friend bool operator==(const DocumentType&, const DocumentType&) = default;
};
struct ConstraintSetAndAbstractSyntax {
  asn1::Oid constraint_set_name;
  asn1::Oid abstract_syntax_name;
  friend bool operator==(const ConstraintSetAndAbstractSyntax&, const ConstraintSetAndAbstractSyntax&) = default;
};
struct ContentsTypeParameter {
  std::variant<DocumentType, ConstraintSetAndAbstractSyntax> value;  ///< Default: unstructured binary.
  friend bool operator==(const ContentsTypeParameter&, const ContentsTypeParameter&) = default;
};

struct GeneralIdentifier {
  std::variant<asn1::Oid, std::vector<asn1::GraphicString>> value;  ///< registered, descriptive
  friend bool operator==(const GeneralIdentifier&, const GeneralIdentifier&) = default;
};
struct EnvironmentParameter {
  std::optional<GeneralIdentifier> application_reference;
  std::optional<GeneralIdentifier> machine;
  std::optional<asn1::Oid> operating_system;
  std::optional<std::vector<asn1::GraphicString>> user_visible_string;
  friend bool operator==(const EnvironmentParameter&, const EnvironmentParameter&) = default;
};
struct CompressionParameter {
  asn1::Oid compression_algorithm_id;
  asn1::Any compression_algorithm_param;
  friend bool operator==(const CompressionParameter&, const CompressionParameter&) = default;
};

struct FileTransferParameters {
  std::optional<std::vector<RelatedStoredFile>> related_stored_file;  ///< SET OF
  ContentsTypeParameter contents_type;
  std::optional<EnvironmentParameter> environment;
  std::optional<CompressionParameter> compression;
  std::optional<FileAttributes> file_attributes;
  std::optional<IPMSExtensions> extensions;
  friend bool operator==(const FileTransferParameters&, const FileTransferParameters&) = default;
};
/// The values that make up the file, in order; how, the contents type says.
struct FileTransferData : std::vector<ExternalValue> {
  using vector::vector;
};

const asn1::Type& schema(asn1::Of<PathnameAttribute>);
const asn1::Type& schema(asn1::Of<DateAndTimeAttribute>);
const asn1::Type& schema(asn1::Of<UserIdentityAttribute>);
const asn1::Type& schema(asn1::Of<ObjectSizeAttribute>);
const asn1::Type& schema(asn1::Of<FileAttributes>);
const asn1::Type& schema(asn1::Of<MessageReference>);
const asn1::Type& schema(asn1::Of<CrossReference>);
const asn1::Type& schema(asn1::Of<PathnameAndVersion>);
const asn1::Type& schema(asn1::Of<FileIdentifier>);
const asn1::Type& schema(asn1::Of<ExplicitRelationship>);
const asn1::Type& schema(asn1::Of<Relationship>);
const asn1::Type& schema(asn1::Of<RelatedStoredFile>);
const asn1::Type& schema(asn1::Of<DocumentType>);
const asn1::Type& schema(asn1::Of<ConstraintSetAndAbstractSyntax>);
const asn1::Type& schema(asn1::Of<ContentsTypeParameter>);
const asn1::Type& schema(asn1::Of<GeneralIdentifier>);
const asn1::Type& schema(asn1::Of<EnvironmentParameter>);
const asn1::Type& schema(asn1::Of<CompressionParameter>);
const asn1::Type& schema(asn1::Of<FileTransferParameters>);
const asn1::Type& schema(asn1::Of<FileTransferData>);

/// The octets of a file whose contents are unstructured (FTAM-1, FTAM-3, or no word about it): the values' octets one after the other, be
/// each an OCTET STRING or character string as ASN.1 value, or octet-aligned. Unsupported where the file is compressed or its contents have
/// another type; BadInput where a value is no string.
[[nodiscard]] Result<Bytes> file_octets(const FileTransferParameters& parameters, const FileTransferData& data);
/// The inverse: one value, unstructured binary.
[[nodiscard]] FileTransferData file_data(ByteView octets);
/// The last element of the pathname as UTF-8; empty where there is none. Not safe as a name on a disk: see read.hpp.
[[nodiscard]] std::string file_name(const FileTransferParameters& parameters);

}  // namespace postern::ipm
