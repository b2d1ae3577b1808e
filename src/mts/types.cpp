#include "mts/types.hpp"

#include "mts/bounds.hpp"

namespace postern::mts {

using namespace asn1;

namespace {

std::string joined(std::string text, std::string_view next) {
  if (!text.empty()) text += ' ';
  return text.append(next);
}

std::optional<std::string_view> name_in(const Type& type, std::int64_t number) {
  for (const NamedNumber& named : type.names) {
    if (named.number == number) return named.name;
  }
  return std::nullopt;
}

}  // namespace

const Type& schema(Of<MTAName>) {
  static const Type type = renamed<MTAName>("MTAName", schema(Of<Ia5String>{})).size(1, ub::mta_name_length);
  return type;
}

const Type& schema(Of<MTSIdentifier>) {
  static const Type type =
      sequence<MTSIdentifier>("MTSIdentifier",
                              {
                                  field<&MTSIdentifier::global_domain_identifier>("global-domain-identifier"),
                                  field<&MTSIdentifier::local_identifier>("local-identifier").size(1, ub::local_id_length),
                              })
          .implicitly(application(4));
  return type;
}

const Type& schema(Of<ContentIdentifier>) {
  static const Type type = renamed<ContentIdentifier>("ContentIdentifier", schema(Of<PrintableString>{}))
                               .implicitly(application(10))
                               .size(1, ub::content_id_length);
  return type;
}

const Type& schema(Of<BuiltInContentType>) {
  static const Type type = integer<BuiltInContentType>("BuiltInContentType",
                                                       {
                                                           {"unidentified", 0},
                                                           {"external", 1},
                                                           {"interpersonal-messaging-1984", 2},
                                                           {"interpersonal-messaging-1988", 22},
                                                           {"edi-messaging", 35},
                                                           {"voice-messaging", 40},
                                                       })
                               .implicitly(application(6))
                               .size(0, ub::built_in_content_type);
  return type;
}

const Type& schema(Of<ContentType>) {
  static const Type type = choice<&ContentType::value>("ContentType", {
                                                                          alternative<&ContentType::value, 0>("built-in"),
                                                                          alternative<&ContentType::value, 1>("extended"),
                                                                      });
  return type;
}

const Type& schema(Of<BuiltInEncodedInformationTypes>) {
  static const Type type = named_bits<BuiltInEncodedInformationTypes>("BuiltInEncodedInformationTypes", {
                                                                                                            {"unknown", 0},
                                                                                                            {"telex", 1},
                                                                                                            {"ia5-text", 2},
                                                                                                            {"g3-facsimile", 3},
                                                                                                            {"g4-class-1", 4},
                                                                                                            {"teletex", 5},
                                                                                                            {"videotex", 6},
                                                                                                            {"voice", 7},
                                                                                                            {"sfd", 8},
                                                                                                            {"mixed-mode", 9},
                                                                                                        });
  return type;
}

const Type& schema(Of<G3FacsimileNonBasicParameters>) {
  static const Type type = named_bits<G3FacsimileNonBasicParameters>("G3FacsimileNonBasicParameters", {
                                                                                                          {"two-dimensional", 8},
                                                                                                          {"fine-resolution", 9},
                                                                                                          {"unlimited-length", 20},
                                                                                                          {"b4-length", 21},
                                                                                                          {"a3-width", 22},
                                                                                                          {"b4-width", 23},
                                                                                                          {"t6-coding", 25},
                                                                                                          {"uncompressed", 30},
                                                                                                      });
  return type;
}

const Type& schema(Of<TeletexNonBasicParameters>) {
  using T = TeletexNonBasicParameters;
  static const Type type =
      set<T>("TeletexNonBasicParameters",
             {
                 field<&T::graphic_character_sets>("graphic-character-sets").implicitly(context(0)),
                 field<&T::control_character_sets>("control-character-sets").implicitly(context(1)),
                 field<&T::page_formats>("page-formats").implicitly(context(2)),
                 field<&T::miscellaneous_terminal_capabilities>("miscellaneous-terminal-capabilities").implicitly(context(3)),
                 field<&T::private_use>("private-use").implicitly(context(4)),
             })
          .extensible();
  return type;
}

const Type& schema(Of<ExtendedEncodedInformationTypes>) {
  static const Type type = set_of_type<Oid>("ExtendedEncodedInformationTypes").size(1, ub::encoded_information_types);
  return type;
}

// X.411 fig. 2 "EncodedInformationTypes"; X.411-1984 3.4.1.
const Type& schema(Of<EncodedInformationTypes>) {
  using T = EncodedInformationTypes;
  static const Type type =
      set<T>("EncodedInformationTypes",
             {
                 field<&T::built_in_encoded_information_types>("built-in-encoded-information-types").implicitly(context(0)),
                 field<&T::g3_facsimile>("g3-facsimile").implicitly(context(1)).defaulted(),
                 field<&T::teletex>("teletex").implicitly(context(2)).defaulted(),
                 field<&T::extended_encoded_information_types>("extended-encoded-information-types").implicitly(context(4)),
                 rest<&T::unknown>(),
             })
          .implicitly(application(5));
  return type;
}

const Type& schema(Of<Priority>) {
  static const Type type = enumerated<Priority>("Priority", {{"normal", 0}, {"non-urgent", 1}, {"urgent", 2}}).implicitly(application(7));
  return type;
}

const Type& schema(Of<PerMessageIndicators>) {
  static const Type type = named_bits<PerMessageIndicators>("PerMessageIndicators",
                                                            {
                                                                {"disclosure-of-other-recipients", 0},
                                                                {"implicit-conversion-prohibited", 1},
                                                                {"alternate-recipient-allowed", 2},
                                                                {"content-return-request", 3},
                                                                {"reserved", 4},
                                                                {"bit-5", 5},
                                                                {"bit-6", 6},
                                                                {"service-message", 7},
                                                            })
                               .implicitly(application(8));
  return type;
}

const Type& schema(Of<OriginatorReportRequest>) {
  static const Type type = named_bits<OriginatorReportRequest>("OriginatorReportRequest", {{"report", 3}, {"non-delivery-report", 4}});
  return type;
}

const Type& schema(Of<ExplicitConversion>) {
  static const Type type = integer<ExplicitConversion>("ExplicitConversion",
                                                       {
                                                           {"ia5-text-to-teletex", 0},
                                                           {"ia5-text-to-g3-facsimile", 8},
                                                           {"ia5-text-to-g4-class-1", 9},
                                                           {"ia5-text-to-videotex", 10},
                                                           {"teletex-to-ia5-text", 11},
                                                           {"teletex-to-g3-facsimile", 12},
                                                           {"teletex-to-g4-class-1", 13},
                                                           {"teletex-to-videotex", 14},
                                                           {"videotex-to-ia5-text", 16},
                                                           {"videotex-to-teletex", 17},
                                                       })
                               .size(0, ub::integer_options);
  return type;
}

const Type& schema(Of<DeliveryFlags>) {
  static const Type type = named_bits<DeliveryFlags>("DeliveryFlags", {{"implicit-conversion-prohibited", 1}});
  return type;
}

const Type& schema(Of<TypeOfMTSUser>) {
  static const Type type = integer<TypeOfMTSUser>("TypeOfMTSUser",
                                                  {
                                                      {"public", 0},
                                                      {"private", 1},
                                                      {"ms", 2},
                                                      {"dl", 3},
                                                      {"pdau", 4},
                                                      {"physical-recipient", 5},
                                                      {"other", 6},
                                                  })
                               .size(0, ub::mts_user_types);
  return type;
}

const Type& schema(Of<DeliveryReport>) {
  using T = DeliveryReport;
  static const Type type = set<T>("DeliveryReport",
                                  {
                                      field<&T::message_delivery_time>("message-delivery-time").implicitly(context(0)),
                                      field<&T::type_of_mts_user>("type-of-MTS-user").implicitly(context(1)).defaulted(),
                                  })
                               .extensible();
  return type;
}

const Type& schema(Of<NonDeliveryReport>) {
  using T = NonDeliveryReport;
  static const Type type = set<T>("NonDeliveryReport",
                                  {
                                      field<&T::non_delivery_reason_code>("non-delivery-reason-code").implicitly(context(0)),
                                      field<&T::non_delivery_diagnostic_code>("non-delivery-diagnostic-code").implicitly(context(1)),
                                  })
                               .extensible();
  return type;
}

const Type& schema(Of<ReportType>) {
  static const Type type =
      choice<&ReportType::value>("ReportType", {
                                                   alternative<&ReportType::value, 0>("delivery").implicitly(context(0)),
                                                   alternative<&ReportType::value, 1>("non-delivery").implicitly(context(1)),
                                               });
  return type;
}

std::string text_of(const ContentType& type) {
  if (const auto* oid = std::get_if<Oid>(&type.value)) return oid->text();
  const auto number = static_cast<std::int64_t>(std::get<BuiltInContentType>(type.value));
  if (const auto name = name_in(schema(Of<BuiltInContentType>{}), number)) return std::string(*name);
  return "built-in " + std::to_string(number);
}

std::string text_of(const EncodedInformationTypes& types) {
  std::string text;
  const Type& bits = schema(Of<BuiltInEncodedInformationTypes>{});
  const BitString& built_in = types.built_in_encoded_information_types;
  for (std::size_t bit = 0; bit < built_in.size(); ++bit) {
    if (!built_in.test(bit)) continue;
    const auto name = name_in(bits, static_cast<std::int64_t>(bit));
    text = joined(std::move(text), name ? std::string(*name) : "bit-" + std::to_string(bit));
  }
  if (types.extended_encoded_information_types) {
    for (const Oid& oid : *types.extended_encoded_information_types) text = joined(std::move(text), oid.text());
  }
  return text.empty() ? "none" : text;
}

std::string_view text_of(Priority priority) {
  return name_in(schema(Of<Priority>{}), static_cast<std::int64_t>(priority)).value_or("unknown priority");
}

std::string_view text_of(TypeOfMTSUser type) {
  return name_in(schema(Of<TypeOfMTSUser>{}), static_cast<std::int64_t>(type)).value_or("unknown type of user");
}

}  // namespace postern::mts
