#include "ipm/body.hpp"

#include "ipm/extended_body.hpp"

namespace postern::ipm {

using asn1::context;
using asn1::field;
using asn1::Of;
using asn1::Type;

const Type& schema(Of<Repertoire>) {
  static const Type type = asn1::enumerated<Repertoire>("Repertoire", {{"ita2", 2}, {"ia5", 5}});
  return type;
}
const Type& schema(Of<IA5TextParameters>) {
  static const Type type = asn1::set<IA5TextParameters>(
      "IA5TextParameters", {field<&IA5TextParameters::repertoire>("repertoire").implicitly(context(0)).defaulted()});
  return type;
}
const Type& schema(Of<IA5TextBodyPart>) {
  static const Type type = asn1::sequence<IA5TextBodyPart>("IA5TextBodyPart", {
                                                                                  field<&IA5TextBodyPart::parameters>("parameters"),
                                                                                  field<&IA5TextBodyPart::data>("data"),
                                                                              });
  return type;
}

const Type& schema(Of<G3FacsimileParameters>) {
  static const Type type = asn1::set<G3FacsimileParameters>(
      "G3FacsimileParameters", {
                                   field<&G3FacsimileParameters::number_of_pages>("number-of-pages").implicitly(context(0)),
                                   field<&G3FacsimileParameters::non_basic_parameters>("non-basic-parameters").implicitly(context(1)),
                               });
  return type;
}
const Type& schema(Of<G3FacsimileBodyPart>) {
  static const Type type =
      asn1::sequence<G3FacsimileBodyPart>("G3FacsimileBodyPart", {
                                                                     field<&G3FacsimileBodyPart::parameters>("parameters"),
                                                                     field<&G3FacsimileBodyPart::data>("data"),
                                                                 });
  return type;
}
const Type& schema(Of<G4Class1BodyPart>) {
  static const Type type = asn1::sequence_of_type<asn1::Any>("G4Class1BodyPart");
  return type;
}
const Type& schema(Of<MixedModeBodyPart>) {
  static const Type type = asn1::sequence_of_type<asn1::Any>("MixedModeBodyPart");
  return type;
}
const Type& schema(Of<TeletexParameters>) {
  static const Type type = asn1::set<TeletexParameters>(
      "TeletexParameters", {
                               field<&TeletexParameters::number_of_pages>("number-of-pages").implicitly(context(0)),
                               field<&TeletexParameters::telex_compatible>("telex-compatible").implicitly(context(1)).defaulted(),
                               field<&TeletexParameters::non_basic_parameters>("non-basic-parameters").implicitly(context(2)),
                           });
  return type;
}
const Type& schema(Of<TeletexBodyPart>) {
  static const Type type = asn1::sequence<TeletexBodyPart>("TeletexBodyPart", {
                                                                                  field<&TeletexBodyPart::parameters>("parameters"),
                                                                                  field<&TeletexBodyPart::data>("data"),
                                                                              });
  return type;
}
const Type& schema(Of<VideotexSyntax>) {
  static const Type type =
      asn1::integer<VideotexSyntax>("VideotexSyntax", {{"ids", 0}, {"data-syntax1", 1}, {"data-syntax2", 2}, {"data-syntax3", 3}});
  return type;
}
const Type& schema(Of<VideotexParameters>) {
  static const Type type =
      asn1::set<VideotexParameters>("VideotexParameters", {field<&VideotexParameters::syntax>("syntax").implicitly(context(0))});
  return type;
}
const Type& schema(Of<VideotexBodyPart>) {
  static const Type type = asn1::sequence<VideotexBodyPart>("VideotexBodyPart", {
                                                                                    field<&VideotexBodyPart::parameters>("parameters"),
                                                                                    field<&VideotexBodyPart::data>("data"),
                                                                                });
  return type;
}

const Type& schema(Of<EncryptedParameters>) {
  static const Type type = asn1::set<EncryptedParameters>(
      "EncryptedParameters",
      {
          field<&EncryptedParameters::algorithm_identifier>("algorithm-identifier"),
          field<&EncryptedParameters::originator_certificates>("originator-certificates").as(asn1::set_of<asn1::Any>()),
          asn1::rest<&EncryptedParameters::unknown>(),
      });
  return type;
}
const Type& schema(Of<EncryptedBodyPart>) {
  static const Type type = asn1::sequence<EncryptedBodyPart>("EncryptedBodyPart", {
                                                                                      field<&EncryptedBodyPart::parameters>("parameters"),
                                                                                      field<&EncryptedBodyPart::data>("data"),
                                                                                  });
  return type;
}

const Type& schema(Of<MessageParameters>) {
  static const Type type = asn1::set<MessageParameters>(
      "MessageParameters", {
                               field<&MessageParameters::delivery_time>("delivery-time").implicitly(context(0)),
                               field<&MessageParameters::delivery_envelope>("delivery-envelope").implicitly(context(1)),
                           });
  return type;
}
const Type& schema(Of<MessageBodyPart>) {
  static const Type type = asn1::sequence<MessageBodyPart>("MessageBodyPart", {
                                                                                  field<&MessageBodyPart::parameters>("parameters"),
                                                                                  field<&MessageBodyPart::data>("data"),
                                                                              });
  return type;
}

const Type& schema(Of<BilaterallyDefinedBodyPart>) {
  static const Type type = asn1::renamed<BilaterallyDefinedBodyPart>("BilaterallyDefinedBodyPart", schema(Of<asn1::OctetString>{}));
  return type;
}
const Type& schema(Of<ExtendedBodyPart>) {
  static const Type type =
      asn1::sequence<ExtendedBodyPart>("ExtendedBodyPart", {
                                                               field<&ExtendedBodyPart::parameters>("parameters").implicitly(context(0)),
                                                               field<&ExtendedBodyPart::data>("data"),
                                                           });
  return type;
}

const Type& schema(Of<BodyPart>) {
  static const Type type =
      asn1::choice<&BodyPart::value>("BodyPart", {
                                                     asn1::alternative<&BodyPart::value, 0>("ia5-text").implicitly(context(0)),
                                                     asn1::alternative<&BodyPart::value, 1>("g3-facsimile").implicitly(context(3)),
                                                     asn1::alternative<&BodyPart::value, 2>("g4-class1").implicitly(context(4)),
                                                     asn1::alternative<&BodyPart::value, 3>("teletex").implicitly(context(5)),
                                                     asn1::alternative<&BodyPart::value, 4>("videotex").implicitly(context(6)),
                                                     asn1::alternative<&BodyPart::value, 5>("encrypted").implicitly(context(8)),
                                                     asn1::alternative<&BodyPart::value, 6>("message").implicitly(context(9)),
                                                     asn1::alternative<&BodyPart::value, 7>("mixed-mode").implicitly(context(11)),
                                                     asn1::alternative<&BodyPart::value, 8>("bilaterally-defined").implicitly(context(14)),
                                                     asn1::alternative<&BodyPart::value, 9>("extended").implicitly(context(15)),
                                                     asn1::alternative<&BodyPart::value, 10>("unknown"),
                                                 });
  return type;
}

const Type& schema(Of<IPM>) {
  static const Type type = asn1::sequence<IPM>("IPM", {
                                                          field<&IPM::heading>("heading"),
                                                          field<&IPM::body>("body"),
                                                      });
  return type;
}

// Beside the others this one is not in the class: its variant holds a type that is not known there yet.
bool operator==(const BodyPart& a, const BodyPart& b) { return a.value == b.value; }

// ---- EXTERNAL
namespace {

const Type* held_type(const void* parent) {
  const auto& external = *static_cast<const ExternalValue*>(parent);
  return external.direct_reference ? body_part_type(*external.direct_reference) : nullptr;
}

}  // namespace

const Type& schema(Of<ExternalValue>) {
  static const Type type =
      asn1::sequence<ExternalValue>("EXTERNAL",
                                    {
                                        field<&ExternalValue::direct_reference>("direct-reference"),
                                        field<&ExternalValue::indirect_reference>("indirect-reference"),
                                        field<&ExternalValue::data_value_descriptor>("data-value-descriptor"),
                                        field<&ExternalValue::single_asn1_type>("single-ASN1-type").explicitly(context(0)).holds(held_type),
                                        field<&ExternalValue::octet_aligned>("octet-aligned").implicitly(context(1)).holds(held_type),
                                        field<&ExternalValue::arbitrary>("arbitrary").implicitly(context(2)),
                                    })
          .implicitly(asn1::universal(8));
  return type;
}

ExternalValue ExternalValue::instance(asn1::Oid type, asn1::Any value) {
  ExternalValue made;
  made.direct_reference = std::move(type);
  made.single_asn1_type = std::move(value);
  return made;
}

Result<ByteView> ExternalValue::open_value() const {
  if (single_asn1_type) return ByteView(single_asn1_type->ber);
  if (octet_aligned) return ByteView(octet_aligned->octets);
  if (arbitrary && arbitrary->unused == 0) return ByteView(arbitrary->octets);
  return fail(ErrorCode::BadInput, "an EXTERNAL without a value of whole octets", "EXTERNAL.encoding");
}

}  // namespace postern::ipm
