// The body of an interpersonal message (X.420 7.3, 7.4): its parts, basic and extended, and the message itself, which a part can hold
// again.
#pragma once

#include "ipm/external_value.hpp"
#include "ipm/heading.hpp"
#include "mts/envelopes.hpp"
#include "mts/security.hpp"

namespace postern::ipm {

// ---- text (X.420 7.3.1)
enum class Repertoire : std::int64_t { Ita2 = 2, Ia5 = 5 };
struct IA5TextParameters {
  Repertoire repertoire = Repertoire::Ia5;
  friend bool operator==(const IA5TextParameters&, const IA5TextParameters&) = default;
};
struct IA5TextBodyPart {
  IA5TextParameters parameters;
  asn1::Ia5String data;
  friend bool operator==(const IA5TextBodyPart&, const IA5TextBodyPart&) = default;
};

// ---- facsimile, teletex, videotex (X.420 7.3.2 to 7.3.5)
struct G3FacsimileParameters {
  std::optional<std::int64_t> number_of_pages;
  std::optional<mts::G3FacsimileNonBasicParameters> non_basic_parameters;
  friend bool operator==(const G3FacsimileParameters&, const G3FacsimileParameters&) = default;
};
struct G3FacsimileBodyPart {
  G3FacsimileParameters parameters;
  std::vector<asn1::BitString> data;  ///< A page each.
  friend bool operator==(const G3FacsimileBodyPart&, const G3FacsimileBodyPart&) = default;
};
/// Interchange-Data-Elements (T.411 to T.418), as they came.
struct G4Class1BodyPart : std::vector<asn1::Any> {
  using vector::vector;
};
struct MixedModeBodyPart : std::vector<asn1::Any> {
  using vector::vector;
};
struct TeletexParameters {
  std::optional<std::int64_t> number_of_pages;
  bool telex_compatible = false;
  std::optional<mts::TeletexNonBasicParameters> non_basic_parameters;
  friend bool operator==(const TeletexParameters&, const TeletexParameters&) = default;
};
struct TeletexBodyPart {
  TeletexParameters parameters;
  std::vector<asn1::TeletexString> data;  ///< A page each.
  friend bool operator==(const TeletexBodyPart&, const TeletexBodyPart&) = default;
};
enum class VideotexSyntax : std::int64_t { Ids = 0, DataSyntax1 = 1, DataSyntax2 = 2, DataSyntax3 = 3 };
struct VideotexParameters {
  std::optional<VideotexSyntax> syntax;
  friend bool operator==(const VideotexParameters&, const VideotexParameters&) = default;
};
struct VideotexBodyPart {
  VideotexParameters parameters;
  asn1::VideotexString data;
  friend bool operator==(const VideotexBodyPart&, const VideotexBodyPart&) = default;
};

// ---- encrypted (X.420 7.3.6): the octets of a BodyPart, enciphered
struct EncryptedParameters {
  mts::AlgorithmIdentifier algorithm_identifier;
  std::optional<std::vector<asn1::Any>> originator_certificates;  ///< ExtendedCertificates, SET OF
  std::vector<asn1::Any> unknown;
  friend bool operator==(const EncryptedParameters&, const EncryptedParameters&) = default;
};
struct EncryptedBodyPart {
  EncryptedParameters parameters;
  asn1::BitString data;
  friend bool operator==(const EncryptedBodyPart&, const EncryptedBodyPart&) = default;
};

// ---- forwarded message (X.420 7.3.7)
struct MessageParameters {
  std::optional<mts::Time> delivery_time;
  std::optional<mts::OtherMessageDeliveryFields> delivery_envelope;  ///< Only together with the time.
  friend bool operator==(const MessageParameters&, const MessageParameters&) = default;
};
struct MessageBodyPart;

// ---- agreed between the parties (X.420 7.3.9)
struct BilaterallyDefinedBodyPart : asn1::OctetString {
  using OctetString::OctetString;
};

/// X.420 7.3.12: a part whose type is an object identifier; extended_body.hpp knows those of the standard.
struct ExtendedBodyPart {
  std::optional<ExternalValue> parameters;
  ExternalValue data;
  friend bool operator==(const ExtendedBodyPart&, const ExtendedBodyPart&) = default;
};

/// X.420 7.3. The last alternative is every basic part whose form is not of the standard, kept octet by octet: nationally-defined [7],
/// whose tag alone is; telex [1], voice [2] and simple formattable document [10] of 1984; whatever a peer makes up.
struct BodyPart {
  std::variant<IA5TextBodyPart, G3FacsimileBodyPart, G4Class1BodyPart, TeletexBodyPart, VideotexBodyPart, EncryptedBodyPart,
               asn1::Box<MessageBodyPart>, MixedModeBodyPart, BilaterallyDefinedBodyPart, ExtendedBodyPart, asn1::Any>
      value;
  friend bool operator==(const BodyPart& a, const BodyPart& b);
};
using Body = std::vector<BodyPart>;

/// X.420 7: an interpersonal message.
struct IPM {
  Heading heading;
  Body body;
  friend bool operator==(const IPM&, const IPM&) = default;
};

struct MessageBodyPart {
  MessageParameters parameters;
  IPM data;
  friend bool operator==(const MessageBodyPart&, const MessageBodyPart&) = default;
};

const asn1::Type& schema(asn1::Of<IA5TextParameters>);
const asn1::Type& schema(asn1::Of<IA5TextBodyPart>);
const asn1::Type& schema(asn1::Of<G3FacsimileParameters>);
const asn1::Type& schema(asn1::Of<G3FacsimileBodyPart>);
const asn1::Type& schema(asn1::Of<G4Class1BodyPart>);
const asn1::Type& schema(asn1::Of<MixedModeBodyPart>);
const asn1::Type& schema(asn1::Of<TeletexParameters>);
const asn1::Type& schema(asn1::Of<TeletexBodyPart>);
const asn1::Type& schema(asn1::Of<VideotexSyntax>);
const asn1::Type& schema(asn1::Of<VideotexParameters>);
const asn1::Type& schema(asn1::Of<VideotexBodyPart>);
const asn1::Type& schema(asn1::Of<EncryptedParameters>);
const asn1::Type& schema(asn1::Of<EncryptedBodyPart>);
const asn1::Type& schema(asn1::Of<MessageParameters>);
const asn1::Type& schema(asn1::Of<MessageBodyPart>);
const asn1::Type& schema(asn1::Of<BilaterallyDefinedBodyPart>);
const asn1::Type& schema(asn1::Of<ExtendedBodyPart>);
const asn1::Type& schema(asn1::Of<Repertoire>);
const asn1::Type& schema(asn1::Of<BodyPart>);
const asn1::Type& schema(asn1::Of<IPM>);

}  // namespace postern::ipm
