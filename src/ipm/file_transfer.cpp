#include "ipm/file_transfer.hpp"

#include "base/text.hpp"
#include "ipm/general_text.hpp"

namespace postern::ipm {

using asn1::alternative;
using asn1::context;
using asn1::field;
using asn1::Of;
using asn1::Type;

const Type& schema(Of<PathnameAttribute>) {
  static const Type type = asn1::choice<&PathnameAttribute::value>(
      "Pathname-Attribute", {
                                alternative<&PathnameAttribute::value, 0>("incomplete-pathname").implicitly(context(0)),
                                alternative<&PathnameAttribute::value, 1>("complete-pathname").implicitly(context(23)),
                            });
  return type;
}
const Type& schema(Of<DateAndTimeAttribute>) {
  static const Type type = asn1::choice<&DateAndTimeAttribute::value>(
      "Date-and-Time-Attribute", {
                                     alternative<&DateAndTimeAttribute::value, 0>("no-value-available").implicitly(context(0)),
                                     alternative<&DateAndTimeAttribute::value, 1>("actual-values").implicitly(context(1)),
                                 });
  return type;
}
const Type& schema(Of<UserIdentityAttribute>) {
  static const Type type = asn1::choice<&UserIdentityAttribute::value>(
      "User-Identity-Attribute", {
                                     alternative<&UserIdentityAttribute::value, 0>("no-value-available").implicitly(context(0)),
                                     alternative<&UserIdentityAttribute::value, 1>("actual-values"),
                                 });
  return type;
}
const Type& schema(Of<ObjectSizeAttribute>) {
  static const Type type = asn1::choice<&ObjectSizeAttribute::value>(
      "Object-Size-Attribute", {
                                   alternative<&ObjectSizeAttribute::value, 0>("no-value-available").implicitly(context(0)),
                                   alternative<&ObjectSizeAttribute::value, 1>("actual-values").implicitly(context(1)),
                               });
  return type;
}

namespace {
const Type& permitted_actions() {
  static const Type type = asn1::named_bits<asn1::BitString>("Permitted-Actions-Attribute", {{"read", 0},
                                                                                             {"insert", 1},
                                                                                             {"replace", 2},
                                                                                             {"extend", 3},
                                                                                             {"erase", 4},
                                                                                             {"read-attribute", 5},
                                                                                             {"change-attribute", 6},
                                                                                             {"delete-object", 7},
                                                                                             {"traversal", 8},
                                                                                             {"reverse-traversal", 9},
                                                                                             {"random-order", 10},
                                                                                             {"pass", 11},
                                                                                             {"link", 12}});
  return type;
}
}  // namespace

const Type& schema(Of<FileAttributes>) {
  using F = FileAttributes;
  static const Type type = asn1::sequence<F>(
      "FileAttributes",
      {
          field<&F::pathname>("pathname"),
          field<&F::permitted_actions>("permitted-actions").as(permitted_actions()).implicitly(context(1)),
          field<&F::storage_account>("storage-account").explicitly(context(3)),
          field<&F::date_and_time_of_creation>("date-and-time-of-creation").explicitly(context(4)),
          field<&F::date_and_time_of_last_modification>("date-and-time-of-last-modification").explicitly(context(5)),
          field<&F::date_and_time_of_last_read_access>("date-and-time-of-last-read-access").explicitly(context(6)),
          field<&F::date_and_time_of_last_attribute_modification>("date-and-time-of-last-attribute-modification").explicitly(context(7)),
          field<&F::identity_of_creator>("identity-of-creator").explicitly(context(8)),
          field<&F::identity_of_last_modifier>("identity-of-last-modifier").explicitly(context(9)),
          field<&F::identity_of_last_reader>("identity-of-last-reader").explicitly(context(10)),
          field<&F::identity_of_last_attribute_modifier>("identity-of-last-attribute-modifier").explicitly(context(11)),
          field<&F::object_availability>("object-availability").explicitly(context(12)),
          field<&F::object_size>("object-size").explicitly(context(13)),
          field<&F::future_object_size>("future-object-size").explicitly(context(14)),
          asn1::rest<&F::unknown>(),
      });
  return type;
}

const Type& schema(Of<MessageReference>) {
  static const Type type = asn1::set<MessageReference>(
      "MessageReference", {
                              field<&MessageReference::user>("user").implicitly(context(0)),
                              field<&MessageReference::user_relative_identifier>("user-relative-identifier").implicitly(context(1)),
                          });
  return type;
}
const Type& schema(Of<CrossReference>) {
  static const Type type = asn1::sequence<CrossReference>(
      "CrossReference", {
                            field<&CrossReference::application_cross_reference>("application-cross-reference").implicitly(context(0)),
                            field<&CrossReference::message_reference>("message-reference").implicitly(context(1)),
                            field<&CrossReference::body_part_reference>("body-part-reference").implicitly(context(2)),
                        });
  return type;
}
const Type& schema(Of<PathnameAndVersion>) {
  static const Type type = asn1::sequence<PathnameAndVersion>(
      "PathnameandVersion", {
                                field<&PathnameAndVersion::pathname>("pathname").explicitly(context(0)),
                                field<&PathnameAndVersion::file_version>("file-version").implicitly(context(1)),
                            });
  return type;
}
const Type& schema(Of<FileIdentifier>) {
  static const Type type = asn1::choice<&FileIdentifier::value>(
      "FileIdentifier", {
                            alternative<&FileIdentifier::value, 0>("pathname-and-version").implicitly(context(0)),
                            alternative<&FileIdentifier::value, 1>("cross-reference").implicitly(context(1)),
                        });
  return type;
}
const Type& schema(Of<ExplicitRelationship>) {
  static const Type type = asn1::integer<ExplicitRelationship>("ExplicitRelationship",
                                                               {{"unspecified", 0}, {"new-file", 1}, {"replacement", 2}, {"extension", 3}});
  return type;
}
const Type& schema(Of<Relationship>) {
  static const Type type = asn1::choice<&Relationship::value>(
      "Relationship", {
                          alternative<&Relationship::value, 0>("explicit-relationship").implicitly(context(0)),
                          alternative<&Relationship::value, 1>("descriptive-relationship").implicitly(context(1)),
                      });
  return type;
}
const Type& schema(Of<RelatedStoredFile>) {
  static const Type type =
      asn1::sequence<RelatedStoredFile>("RelatedStoredFile", {
                                                                 field<&RelatedStoredFile::file_identifier>("file-identifier"),
                                                                 field<&RelatedStoredFile::relationship>("relationship").defaulted(),
                                                             });
  return type;
}

const Type& schema(Of<DocumentType>) {
  static const Type type =
      asn1::sequence<DocumentType>("document-type", {
                                                        field<&DocumentType::document_type_name>("document-type-name"),
                                                        field<&DocumentType::parameter>("parameter").explicitly(context(0)),
                                                    });
  return type;
}
const Type& schema(Of<ConstraintSetAndAbstractSyntax>) {
  static const Type type = asn1::sequence<ConstraintSetAndAbstractSyntax>(
      "constraint-set-and-abstract-syntax", {
                                                field<&ConstraintSetAndAbstractSyntax::constraint_set_name>("constraint-set-name"),
                                                field<&ConstraintSetAndAbstractSyntax::abstract_syntax_name>("abstract-syntax-name"),
                                            });
  return type;
}
const Type& schema(Of<ContentsTypeParameter>) {
  static const Type type = asn1::choice<&ContentsTypeParameter::value>(
      "Contents-Type-Attribute",
      {
          alternative<&ContentsTypeParameter::value, 0>("document-type").implicitly(context(0)),
          alternative<&ContentsTypeParameter::value, 1>("constraint-set-and-abstract-syntax").implicitly(context(1)),
      });
  return type;
}
const Type& schema(Of<GeneralIdentifier>) {
  static const Type type = asn1::choice<&GeneralIdentifier::value>(
      "GeneralIdentifier", {
                               alternative<&GeneralIdentifier::value, 0>("registered-identifier").implicitly(context(0)),
                               alternative<&GeneralIdentifier::value, 1>("descriptive-identifier").implicitly(context(1)),
                           });
  return type;
}
const Type& schema(Of<EnvironmentParameter>) {
  static const Type type = asn1::sequence<EnvironmentParameter>(
      "EnvironmentParameter", {
                                  field<&EnvironmentParameter::application_reference>("application-reference").explicitly(context(0)),
                                  field<&EnvironmentParameter::machine>("machine").explicitly(context(1)),
                                  field<&EnvironmentParameter::operating_system>("operating-system").implicitly(context(2)),
                                  field<&EnvironmentParameter::user_visible_string>("user-visible-string").implicitly(context(3)),
                              });
  return type;
}
const Type& schema(Of<CompressionParameter>) {
  static const Type type = asn1::sequence<CompressionParameter>(
      "CompressionParameter",
      {
          field<&CompressionParameter::compression_algorithm_id>("compression-algorithm-id").implicitly(context(0)),
          field<&CompressionParameter::compression_algorithm_param>("compression-algorithm-param").explicitly(context(1)),
      });
  return type;
}
const Type& schema(Of<FileTransferParameters>) {
  using P = FileTransferParameters;
  static const Type type = asn1::sequence<P>(
      "FileTransferParameters",
      {
          field<&P::related_stored_file>("related-stored-file").as(asn1::set_of<RelatedStoredFile>()).implicitly(context(0)),
          field<&P::contents_type>("contents-type").explicitly(context(1)).defaulted(),
          field<&P::environment>("environment").implicitly(context(2)),
          field<&P::compression>("compression").implicitly(context(3)),
          field<&P::file_attributes>("file-attributes").implicitly(context(4)),
          field<&P::extensions>("extensions").as(asn1::set_of<IPMSExtension>()).implicitly(context(5)),
      });
  return type;
}
const Type& schema(Of<FileTransferData>) {
  static const Type type = asn1::sequence_of_type<ExternalValue>("FileTransferData");
  return type;
}

// ---- contents
namespace {

constexpr std::string_view unsupported_hint = "; save the body part as it is and open it with the program that made it";

bool is_unstructured(const ContentsTypeParameter& type) {
  const auto* document = std::get_if<DocumentType>(&type.value);
  return document != nullptr &&
         (document->document_type_name == id_ftam_unstructured_binary() || document->document_type_name == id_ftam_unstructured_text());
}

// Universal 4, 12, 18 to 22, 25 to 30: OCTET STRING and the character string types.
bool is_string(std::uint32_t tag) { return tag == 4 || tag == 12 || (tag >= 18 && tag <= 22) || (tag >= 25 && tag <= 30); }

/// The octets of a string of whatever type, segments joined: every string type decodes as an OCTET STRING under its own tag.
Status append_string(ByteView ber, Bytes& out) {
  POSTERN_TRY(const auto header, asn1::peek_header(ber));
  if (!header || header->tag.tag_class != asn1::TagClass::Universal || !is_string(header->tag.number))
    return fail(ErrorCode::BadInput, "a value of an unstructured file that is no string", "FileTransferData");
  const Type type = asn1::renamed<asn1::OctetString>("FileTransferData", schema(Of<asn1::OctetString>{})).implicitly(header->tag);
  POSTERN_TRY(const auto value, asn1::decode<asn1::OctetString>(ber, {}, type));
  append(out, value.octets);
  return {};
}

}  // namespace

Result<Bytes> file_octets(const FileTransferParameters& parameters, const FileTransferData& data) {
  if (parameters.compression)
    return fail(ErrorCode::Unsupported,
                "compressed by " + parameters.compression->compression_algorithm_id.text() + std::string(unsupported_hint), "compression");
  if (!is_unstructured(parameters.contents_type))
    return fail(ErrorCode::Unsupported, "its contents are structured" + std::string(unsupported_hint), "contents-type");
  Bytes out;
  for (const ExternalValue& each : data) {
    if (each.single_asn1_type) {
      POSTERN_CHECK(append_string(each.single_asn1_type->ber, out));
      continue;
    }
    POSTERN_TRY(const ByteView octets, each.open_value());
    append(out, octets);
  }
  return out;
}

FileTransferData file_data(ByteView octets) {
  ExternalValue value;
  value.direct_reference = id_ftam_unstructured_binary_as();
  value.octet_aligned = asn1::OctetString(Bytes(octets.begin(), octets.end()));
  return {std::move(value)};
}

std::string file_name(const FileTransferParameters& parameters) {
  if (!parameters.file_attributes || !parameters.file_attributes->pathname) return {};
  const Pathname& pathname = parameters.file_attributes->pathname->pathname();
  if (pathname.empty()) return {};
  const std::string& octets = pathname.back().octets;
  if (auto name = asn1::to_utf8(asn1::Alphabet::Graphic, octets)) return *std::move(name);
  // Octets that GraphicString does not have: senders mean UTF-8 or ISO 8859-1 by them.
  return is_utf8(octets) ? octets : general_text_to_utf8({1, 6, 100}, octets).utf8;
}

}  // namespace postern::ipm
