#include "mts/security.hpp"

#include "mts/bounds.hpp"
#include "mts/oids.hpp"

namespace postern::mts {

using namespace asn1;

namespace {

const Type* syntax_of_token(const void* parent) {
  const auto& token = *static_cast<const Token*>(parent);
  return token.token_type_identifier == oids::tok_asymmetric_token() ? &schema(Of<AsymmetricToken>{}) : nullptr;
}

/// What was signed is kept as octets; for value notation it is shown as what it is.
const Type* syntax_of_token_data(const void*) { return &schema(Of<AsymmetricTokenData>{}); }

}  // namespace

const Type& schema(Of<AlgorithmIdentifier>) {
  using T = AlgorithmIdentifier;
  static const Type type = sequence<T>("AlgorithmIdentifier", {field<&T::algorithm>("algorithm"), field<&T::parameters>("parameters")});
  return type;
}

const Type& schema(Of<Certificates>) {
  using T = Certificates;
  static const Type type = sequence<T>("Certificates", {
                                                           field<&T::user_certificate>("userCertificate"),
                                                           field<&T::certification_path>("certificationPath"),
                                                       });
  return type;
}

const Type& schema(Of<CertificateAssertion>) {
  static const Type type = sequence<CertificateAssertion>("CertificateAssertion", {rest<&CertificateAssertion::elements>()});
  return type;
}

const Type& schema(Of<Signature>) {
  using T = Signature;
  static const Type type =
      sequence<T>("Signature", {field<&T::algorithm_identifier>("algorithmIdentifier"), field<&T::encrypted>("encrypted")});
  return type;
}

// X.411 8.5.8, fig. 2 "Token". Tagged open types are tagged explicitly.
const Type& schema(Of<Token>) {
  using T = Token;
  static const Type type = sequence<T>("Token", {
                                                    field<&T::token_type_identifier>("token-type-identifier").implicitly(context(0)),
                                                    field<&T::token>("token").explicitly(context(1)).holds(&syntax_of_token),
                                                });
  return type;
}

const Type& schema(Of<AsymmetricToken>) {
  using T = AsymmetricToken;
  static const Type type =
      sequence<T>("AsymmetricToken", {
                                         field<&T::asymmetric_token_data>("asymmetric-token-data").holds(&syntax_of_token_data),
                                         field<&T::algorithm_identifier>("algorithm-identifier"),
                                         field<&T::encrypted>("encrypted"),
                                     });
  return type;
}

const Type& schema(Of<MTANameAndOptionalGDI>) {
  using T = MTANameAndOptionalGDI;
  static const Type type = sequence<T>("MTANameAndOptionalGDI", {
                                                                    field<&T::global_domain_identifier>("global-domain-identifier"),
                                                                    field<&T::mta_name>("mta-name"),
                                                                });
  return type;
}

const Type& schema(Of<TokenName>) {
  static const Type type = choice<&TokenName::value>("TokenName", {
                                                                      alternative<&TokenName::value, 0>("recipient-name"),
                                                                      alternative<&TokenName::value, 1>("mta").implicitly(context(3)),
                                                                  });
  return type;
}

const Type& schema(Of<TokenDataType>) {
  static const Type type = integer<TokenDataType>("TokenDataType", {
                                                                       {"bind-token-signed-data", 1},
                                                                       {"message-token-signed-data", 2},
                                                                       {"message-token-encrypted-data", 3},
                                                                       {"bind-token-encrypted-data", 4},
                                                                   });
  return type;
}

const Type& schema(Of<TokenData>) {
  using T = TokenData;
  static const Type type = sequence<T>("TokenData", {
                                                        field<&T::type>("type").implicitly(context(0)),
                                                        field<&T::value>("value").explicitly(context(1)),
                                                    });
  return type;
}

const Type& schema(Of<AsymmetricTokenData>) {
  using T = AsymmetricTokenData;
  static const Type type = sequence<T>(
      "AsymmetricTokenData", {
                                 field<&T::signature_algorithm_identifier>("signature-algorithm-identifier"),
                                 field<&T::name>("name"),
                                 field<&T::time>("time"),
                                 field<&T::signed_data>("signed-data").implicitly(context(0)),
                                 field<&T::encryption_algorithm_identifier>("encryption-algorithm-identifier").implicitly(context(1)),
                                 field<&T::encrypted_data>("encrypted-data").implicitly(context(2)),
                             });
  return type;
}

const Type& schema(Of<SecurityClassification>) {
  static const Type type = integer<SecurityClassification>("SecurityClassification",
                                                           {
                                                               {"unmarked", 0},
                                                               {"unclassified", 1},
                                                               {"restricted", 2},
                                                               {"confidential", 3},
                                                               {"secret", 4},
                                                               {"top-secret", 5},
                                                           })
                               .size(0, ub::integer_options);
  return type;
}

const Type& schema(Of<SecurityCategory>) {
  using T = SecurityCategory;
  static const Type type = sequence<T>("SecurityCategory", {
                                                               field<&T::type>("type").implicitly(context(0)),
                                                               field<&T::value>("value").explicitly(context(1)),
                                                           });
  return type;
}

const Type& schema(Of<SecurityLabel>) {
  using T = SecurityLabel;
  static const Type type =
      set<T>("SecurityLabel",
             {
                 field<&T::security_policy_identifier>("security-policy-identifier"),
                 field<&T::security_classification>("security-classification"),
                 field<&T::privacy_mark>("privacy-mark").size(1, ub::privacy_mark_length),
                 field<&T::security_categories>("security-categories").as(set_of<SecurityCategory>()).size(1, ub::security_categories),
             });
  return type;
}

const Type& schema(Of<SecurityContext>) {
  static const Type type = set_of_type<SecurityLabel>("SecurityContext").size(1, ub::security_labels);
  return type;
}

const Type& schema(Of<Password>) {
  static const Type type =
      choice<&Password::value>("Password", {
                                               alternative<&Password::value, 0>("ia5-string").size(0, ub::password_length),
                                               alternative<&Password::value, 1>("octet-string").size(0, ub::password_length),
                                           });
  return type;
}

ByteView Password::octets() const noexcept {
  if (const auto* text = std::get_if<Ia5String>(&value)) return as_bytes(text->octets);
  return std::get<OctetString>(value).octets;
}

const Type& schema(Of<StrongCredentials>) {
  using T = StrongCredentials;
  static const Type type = set<T>("StrongCredentials",
                                  {
                                      field<&T::bind_token>("bind-token").implicitly(context(0)),
                                      field<&T::certificate>("certificate").implicitly(context(1)),
                                      field<&T::certificate_selector>("certificate-selector").implicitly(context(2)),
                                  })
                               .extensible();
  return type;
}

const Type& schema(Of<ProtectedPassword>) {
  using T = ProtectedPassword;
  static const Type type = set<T>("ProtectedPassword", {
                                                           field<&T::signature>("signature"),
                                                           field<&T::time1>("time1").implicitly(context(0)),
                                                           field<&T::time2>("time2").implicitly(context(1)),
                                                           field<&T::random1>("random1").implicitly(context(2)),
                                                           field<&T::random2>("random2").implicitly(context(3)),
                                                       });
  return type;
}

const Type& schema(Of<Credentials>) {
  static const Type type =
      choice<&Credentials::value>("Credentials", {
                                                     alternative<&Credentials::value, 0>("simple"),
                                                     alternative<&Credentials::value, 1>("strong").implicitly(context(0)),
                                                     alternative<&Credentials::value, 2>("protected").implicitly(context(1)),
                                                 });
  return type;
}

}  // namespace postern::mts
