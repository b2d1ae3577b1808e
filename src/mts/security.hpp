// Security parameters of the MTS (X.411 8.5.8 to 8.5.13): credentials, tokens, labels, signatures. Everything that is signed or certified
// keeps its octets (asn1::Any), because a signature covers the very encoding. Nothing here does cryptography.
#pragma once

#include "mts/types.hpp"

namespace postern::mts {

/// X.509: AlgorithmIdentifier.
struct AlgorithmIdentifier {
  asn1::Oid algorithm;
  std::optional<asn1::Any> parameters;
  friend bool operator==(const AlgorithmIdentifier&, const AlgorithmIdentifier&) = default;
};
const asn1::Type& schema(asn1::Of<AlgorithmIdentifier>);

/// X.509: Certificates, a certificate and what leads to it. Both are DER that crypto/ reads.
struct Certificates {
  asn1::Any user_certificate;
  std::optional<asn1::Any> certification_path;
  friend bool operator==(const Certificates&, const Certificates&) = default;
};
const asn1::Type& schema(asn1::Of<Certificates>);

/// X.509: CertificateAssertion, kept as its elements.
struct CertificateAssertion {
  std::vector<asn1::Any> elements;
  friend bool operator==(const CertificateAssertion&, const CertificateAssertion&) = default;
};
const asn1::Type& schema(asn1::Of<CertificateAssertion>);

/// X.509 SIGNATURE: the check values of X.411 8.2.1.1.1.28 and its kin. What they cover is said there and not sent.
struct Signature {
  AlgorithmIdentifier algorithm_identifier;
  asn1::BitString encrypted;
  friend bool operator==(const Signature&, const Signature&) = default;
};
const asn1::Type& schema(asn1::Of<Signature>);

// ---- tokens (X.411 8.5.8)
/// What a token is, its own type says; id-tok-asymmetricToken (oids.hpp) is the one the standard has.
struct Token {
  asn1::Oid token_type_identifier;
  asn1::Any token;
  friend bool operator==(const Token&, const Token&) = default;
};
const asn1::Type& schema(asn1::Of<Token>);

/// SIGNED{AsymmetricTokenData}: the data as the octets that were signed.
struct AsymmetricToken {
  asn1::Any asymmetric_token_data;
  AlgorithmIdentifier algorithm_identifier;
  asn1::BitString encrypted;
  friend bool operator==(const AsymmetricToken&, const AsymmetricToken&) = default;
};
const asn1::Type& schema(asn1::Of<AsymmetricToken>);

struct MTANameAndOptionalGDI {
  std::optional<GlobalDomainIdentifier> global_domain_identifier;
  MTAName mta_name;
  friend bool operator==(const MTANameAndOptionalGDI&, const MTANameAndOptionalGDI&) = default;
};
const asn1::Type& schema(asn1::Of<MTANameAndOptionalGDI>);

struct TokenName {
  std::variant<ORName, MTANameAndOptionalGDI> value;  ///< recipient-name, mta
  friend bool operator==(const TokenName&, const TokenName&) = default;
};
const asn1::Type& schema(asn1::Of<TokenName>);

enum class TokenDataType : std::int64_t {
  BindTokenSignedData = 1,
  MessageTokenSignedData = 2,
  MessageTokenEncryptedData = 3,
  BindTokenEncryptedData = 4,
};
const asn1::Type& schema(asn1::Of<TokenDataType>);

struct TokenData {
  TokenDataType type = TokenDataType::BindTokenSignedData;
  asn1::Any value;
  friend bool operator==(const TokenData&, const TokenData&) = default;
};
const asn1::Type& schema(asn1::Of<TokenData>);

struct AsymmetricTokenData {
  AlgorithmIdentifier signature_algorithm_identifier;
  TokenName name;
  Time time;
  std::optional<TokenData> signed_data;
  std::optional<AlgorithmIdentifier> encryption_algorithm_identifier;
  std::optional<asn1::BitString> encrypted_data;
  friend bool operator==(const AsymmetricTokenData&, const AsymmetricTokenData&) = default;
};
const asn1::Type& schema(asn1::Of<AsymmetricTokenData>);

// ---- security labels (X.411 8.5.9)
enum class SecurityClassification : std::int64_t {
  Unmarked = 0,
  Unclassified = 1,
  Restricted = 2,
  Confidential = 3,
  Secret = 4,
  TopSecret = 5
};
const asn1::Type& schema(asn1::Of<SecurityClassification>);

struct SecurityCategory {
  asn1::Oid type;
  asn1::Any value;
  friend bool operator==(const SecurityCategory&, const SecurityCategory&) = default;
};
const asn1::Type& schema(asn1::Of<SecurityCategory>);

struct SecurityLabel {
  std::optional<asn1::Oid> security_policy_identifier;
  std::optional<SecurityClassification> security_classification;
  std::optional<asn1::PrintableString> privacy_mark;
  std::optional<std::vector<SecurityCategory>> security_categories;
  friend bool operator==(const SecurityLabel&, const SecurityLabel&) = default;
};
const asn1::Type& schema(asn1::Of<SecurityLabel>);

/// The labels an association may carry (X.411 8.1.1.1.1.5).
struct SecurityContext : std::vector<SecurityLabel> {
  using vector::vector;
};
const asn1::Type& schema(asn1::Of<SecurityContext>);

// ---- credentials (X.411 8.1.1.1.1.3, 12.1.1)
/// Never printed: no text_of(), and to_json() of a bind is for tests and for the operator's own eyes.
struct Password {
  std::variant<asn1::Ia5String, asn1::OctetString> value;  ///< ia5-string, octet-string
  /// The octets, whichever form; a peer may send one and be configured with the other.
  [[nodiscard]] ByteView octets() const noexcept;
  friend bool operator==(const Password&, const Password&) = default;
};
const asn1::Type& schema(asn1::Of<Password>);

struct StrongCredentials {
  std::optional<Token> bind_token;
  std::optional<Certificates> certificate;
  std::optional<CertificateAssertion> certificate_selector;
  friend bool operator==(const StrongCredentials&, const StrongCredentials&) = default;
};
const asn1::Type& schema(asn1::Of<StrongCredentials>);

struct ProtectedPassword {
  Signature signature;
  std::optional<asn1::UtcTime> time1;
  std::optional<asn1::UtcTime> time2;
  std::optional<asn1::BitString> random1;
  std::optional<asn1::BitString> random2;
  friend bool operator==(const ProtectedPassword&, const ProtectedPassword&) = default;
};
const asn1::Type& schema(asn1::Of<ProtectedPassword>);

struct Credentials {
  std::variant<Password, StrongCredentials, ProtectedPassword> value;  ///< simple, strong, protected
  friend bool operator==(const Credentials&, const Credentials&) = default;
};
const asn1::Type& schema(asn1::Of<Credentials>);
using InitiatorCredentials = Credentials;
using ResponderCredentials = Credentials;

}  // namespace postern::mts
