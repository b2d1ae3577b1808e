#include "ipm/extended_body.hpp"

#include <algorithm>
#include <array>

#include "ipm/file_transfer.hpp"
#include "ipm/notification.hpp"

namespace postern::ipm {

using asn1::context;
using asn1::field;
using asn1::Of;
using asn1::Type;

namespace {

const Type& character_set_registration() {
  static const Type type = [] {
    Type number = asn1::renamed<std::int64_t>("CharacterSetRegistration", schema(Of<std::int64_t>{}));
    number.min = 1;
    number.max = 32767;
    return number;
  }();
  return type;
}

}  // namespace

const Type& schema(Of<GeneralTextParameters>) {
  static const Type type = asn1::set_of_type<std::int64_t>("GeneralTextParameters", &character_set_registration);
  return type;
}
const Type& schema(Of<VoiceParameters>) {
  static const Type type = asn1::sequence<VoiceParameters>(
      "VoiceParameters", {
                             field<&VoiceParameters::voice_message_duration>("voice-message-duration").implicitly(context(0)),
                             field<&VoiceParameters::voice_encoding_type>("voice-encoding-type").implicitly(context(1)),
                             field<&VoiceParameters::supplementary_information>("supplementary-information").implicitly(context(2)),
                         });
  return type;
}
const Type& schema(Of<ForwardedContentParameters>) {
  static const Type type = asn1::set<ForwardedContentParameters>(
      "ForwardedContentParameters", {
                                        field<&ForwardedContentParameters::delivery_time>("delivery-time").implicitly(context(0)),
                                        field<&ForwardedContentParameters::delivery_envelope>("delivery-envelope").implicitly(context(1)),
                                        field<&ForwardedContentParameters::mts_identifier>("mts-identifier").implicitly(context(2)),
                                        asn1::rest<&ForwardedContentParameters::unknown>(),
                                    });
  return type;
}
namespace {

// The standard gives the extended twin of a basic part the same types, without the SEQUENCE around them.
template <class T>
const Type* type_of() {
  return &schema(Of<T>{});
}

const std::array<ExtendedBodyKind, 16>& kinds() {
  using enum BodyPartType;
  static const std::array<ExtendedBodyKind, 16> all{{
      {Ia5Text, "ia5-text-body-part", type_of<IA5TextParameters>(), type_of<asn1::Ia5String>()},
      {G3Facsimile, "g3-facsimile-body-part", type_of<G3FacsimileParameters>(), type_of<std::vector<asn1::BitString>>()},
      {G4Class1, "g4-class1-body-part", nullptr, type_of<G4Class1BodyPart>()},
      {Teletex, "teletex-body-part", type_of<TeletexParameters>(), type_of<std::vector<asn1::TeletexString>>()},
      {Videotex, "videotex-body-part", type_of<VideotexParameters>(), type_of<asn1::VideotexString>()},
      {Encrypted, "encrypted-body-part", type_of<EncryptedParameters>(), type_of<asn1::BitString>()},
      {Message, "message-body-part", type_of<MessageParameters>(), type_of<IPM>()},
      {MixedMode, "mixed-mode-body-part", nullptr, type_of<MixedModeBodyPart>()},
      {BilaterallyDefined, "bilaterally-defined-body-part", nullptr, type_of<BilaterallyDefinedBodyPart>()},
      {NationallyDefined, "nationally-defined-body-part", nullptr, nullptr},
      {GeneralText, "general-text-body-part", type_of<GeneralTextParameters>(), type_of<GeneralTextData>()},
      {FileTransfer, "file-transfer-body-part", type_of<FileTransferParameters>(), type_of<FileTransferData>()},
      {Report, "report-body-part", nullptr, type_of<ForwardedReport>()},
      {Notification, "notification-body-part", type_of<MessageParameters>(), type_of<IPN>()},
      {Voice, "voice-body-part", type_of<VoiceParameters>(), type_of<asn1::OctetString>()},
      {Pkcs7, "pkcs7-body-part", nullptr, nullptr},
  }};
  return all;
}
const ExtendedBodyKind& content_kind() {
  static const ExtendedBodyKind kind{BodyPartType::Content, "content-body-part", type_of<ForwardedContentParameters>(),
                                     type_of<asn1::OctetString>()};
  return kind;
}

constexpr std::size_t prefix_octets = 4;  // 2.6.1.4.N: four content octets, as every arc is below 128
const ExtendedBodyKind* find_kind(const asn1::Oid& oid, Category category) {
  const ByteView octets = oid.content();
  const asn1::Oid first = oid_of(category, 0);
  if (octets.size() < prefix_octets || !std::ranges::equal(octets.first(prefix_octets - 1), first.content().first(prefix_octets - 1)))
    return nullptr;
  const auto type = static_cast<BodyPartType>(octets[prefix_octets - 1]);
  if (type == BodyPartType::Content) return octets.size() > prefix_octets ? &content_kind() : nullptr;
  if (octets.size() != prefix_octets) return nullptr;
  const auto found = std::ranges::find(kinds(), type, &ExtendedBodyKind::type);
  return found == kinds().end() ? nullptr : &*found;
}

}  // namespace

std::span<const ExtendedBodyKind> extended_body_kinds() { return kinds(); }

const ExtendedBodyKind* find_extended_body_kind(const asn1::Oid& data_type) { return find_kind(data_type, Category::ExtendedBodyPartType); }

const Type* body_part_type(const asn1::Oid& oid) {
  if (const ExtendedBodyKind* kind = find_kind(oid, Category::ExtendedBodyPartType)) return kind->data;
  if (const ExtendedBodyKind* kind = find_kind(oid, Category::ExtendedBodyPartParameter)) return kind->parameters;
  return nullptr;
}

// The content type's arcs follow the prefix as arcs of their own, its first two as well (2.6.1.4.17.2.6.1.10.1), so that they are not the
// first octet of its content, which folds two arcs into one.
std::optional<asn1::Oid> forwarded_content_type(const asn1::Oid& data_type) {
  if (find_extended_body_kind(data_type) != &content_kind()) return std::nullopt;
  const std::string prefix = id_et(BodyPartType::Content).text() + ".";
  auto arcs = asn1::Oid::parse(data_type.text().substr(prefix.size()));
  return arcs ? std::optional(*std::move(arcs)) : std::nullopt;
}

asn1::Oid forwarded_content_oid(Category category, const asn1::Oid& content_type) {
  return asn1::Oid::parse(oid_of(category, static_cast<std::uint32_t>(BodyPartType::Content)).text() + "." + content_type.text()).value();
}

}  // namespace postern::ipm
