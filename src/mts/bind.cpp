#include "mts/bind.hpp"

#include "mts/bounds.hpp"

namespace postern::mts {

using namespace asn1;

namespace {

/// X.411-1984: mTAName [0] IMPLICIT IA5String, password [1] IMPLICIT IA5String.
struct Authentication1984 {
  Ia5String mta_name;
  Ia5String password;
};
const Type& schema(Of<Authentication1984>) {
  using T = Authentication1984;
  static const Type type = set<T>("MTABind-1984",
                                  {
                                      field<&T::mta_name>("mTAName").implicitly(context(0)).size(0, ub::mta_name_length),
                                      field<&T::password>("password").implicitly(context(1)).size(0, ub::password_length),
                                  })
                               .implicitly(context(1));
  return type;
}

Field name_field(std::string_view name) { return field<&MTAAuthentication::name>(name).implicitly(context(0)); }
Field credentials_field(std::string_view name) { return field<&MTAAuthentication::credentials>(name).explicitly(context(1)); }

template <class T, class Authenticated>
Result<Bound<T>> decode_bind(ByteView octets) {
  auto modern = decode<T>(octets);
  if (modern) return Bound<T>{*std::move(modern), BindForm::P1988};
  auto old = decode<Authentication1984>(octets);
  if (!old) return fail(std::move(modern).error());
  Authenticated authenticated;
  authenticated.name.octets = std::move(old->mta_name.octets);
  authenticated.credentials.value = Password{std::move(old->password)};
  return Bound<T>{T{std::move(authenticated)}, BindForm::P1984};
}

template <class T>
Result<Bytes> encode_bind(const T& bind, BindForm form) {
  const auto* authenticated = std::get_if<1>(&bind.value);
  if (form == BindForm::P1988 || authenticated == nullptr) return encode(bind);
  const auto* password = std::get_if<Password>(&authenticated->credentials.value);
  if (password == nullptr)
    return fail(ErrorCode::Unsupported, "a bind of 1984 carries a password only; configure one for this peer", "credentials");
  Authentication1984 old;
  old.mta_name.octets = authenticated->name.octets;
  old.password.octets = as_text(password->octets());
  return encode(old);
}

}  // namespace

const Type& schema(Of<AuthenticatedArgument>) {
  static const Type type =
      set<AuthenticatedArgument>("AuthenticatedArgument",
                                 {
                                     name_field("initiator-name"),
                                     credentials_field("initiator-credentials"),
                                     field<&MTAAuthentication::security_context>("security-context").implicitly(context(2)),
                                 })
          .extensible();
  return type;
}

const Type& schema(Of<AuthenticatedResult>) {
  static const Type type =
      set<AuthenticatedResult>("AuthenticatedResult", {name_field("responder-name"), credentials_field("responder-credentials")})
          .extensible();
  return type;
}

const Type& schema(Of<MTABindArgument>) {
  using T = MTABindArgument;
  static const Type type = choice<&T::value>("MTABindArgument", {
                                                                    alternative<&T::value, 0>("unauthenticated"),
                                                                    alternative<&T::value, 1>("authenticated").implicitly(context(1)),
                                                                });
  return type;
}

const Type& schema(Of<MTABindResult>) {
  using T = MTABindResult;
  static const Type type = choice<&T::value>("MTABindResult", {
                                                                  alternative<&T::value, 0>("unauthenticated"),
                                                                  alternative<&T::value, 1>("authenticated").implicitly(context(1)),
                                                              });
  return type;
}

const Type& schema(Of<BindError>) {
  static const Type type = integer<BindError>("BindError",
                                              {
                                                  {"busy", 0},
                                                  {"authentication-error", 2},
                                                  {"unacceptable-dialogue-mode", 3},
                                                  {"unacceptable-security-context", 4},
                                                  {"inadequate-association-confidentiality", 5},
                                              })
                               .size(0, ub::integer_options);
  return type;
}

std::string words_of(BindError error) {
  switch (error) {
    case BindError::Busy: return "busy: the peer has no free association now; it will be tried again";
    case BindError::AuthenticationError:
      return "authentication-error: the peer does not accept our name or password; compare both, and their case, with what it has "
             "configured; of strong credentials the certificate, the name of the peer and both clocks";
    case BindError::UnacceptableDialogueMode:
      return "unacceptable-dialogue-mode: the peer refuses the dialogue mode; try the other of monologue and two-way alternate";
    case BindError::UnacceptableSecurityContext:
      return "unacceptable-security-context: the peer does not accept the security labels we offer for the association";
    case BindError::InadequateAssociationConfidentiality:
      return "inadequate-association-confidentiality: the peer wants a protected association; configure TLS for it";
  }
  return "bind error " + std::to_string(static_cast<std::int64_t>(error)) + ", which the standard does not define";
}

Result<Bound<MTABindArgument>> decode_mta_bind_argument(ByteView octets) {
  return decode_bind<MTABindArgument, AuthenticatedArgument>(octets);
}
Result<Bound<MTABindResult>> decode_mta_bind_result(ByteView octets) { return decode_bind<MTABindResult, AuthenticatedResult>(octets); }
Result<Bytes> encode_mta_bind(const MTABindArgument& argument, BindForm form) { return encode_bind(argument, form); }
Result<Bytes> encode_mta_bind(const MTABindResult& result, BindForm form) { return encode_bind(result, form); }

const Type& schema(Of<ObjectName>) {
  using T = ObjectName;
  static const Type type = choice<&T::value>("ObjectName", {
                                                               alternative<&T::value, 0>("user-agent"),
                                                               alternative<&T::value, 1>("mTA").implicitly(context(0)),
                                                               alternative<&T::value, 2>("message-store").implicitly(context(4)),
                                                           });
  return type;
}

const Type& schema(Of<DeliveryQueue>) {
  using T = DeliveryQueue;
  static const Type type = set<T>("DeliveryQueue",
                                  {
                                      field<&T::messages>("messages").implicitly(context(0)).size(0, ub::queue_size),
                                      field<&T::octets>("octets").implicitly(context(1)).size(0, ub::content_length),
                                  })
                               .extensible();
  return type;
}

const Type& schema(Of<MessagesWaiting>) {
  using T = MessagesWaiting;
  static const Type type = set<T>("MessagesWaiting",
                                  {
                                      field<&T::urgent>("urgent").implicitly(context(0)),
                                      field<&T::normal>("normal").implicitly(context(1)),
                                      field<&T::non_urgent>("non-urgent").implicitly(context(2)),
                                  })
                               .extensible();
  return type;
}

// X.411 8.1.1, fig. 2 "MTSBindArgument".
const Type& schema(Of<MTSBindArgument>) {
  using T = MTSBindArgument;
  static const Type type = set<T>("MTSBindArgument", {
                                                         field<&T::initiator_name>("initiator-name"),
                                                         field<&T::messages_waiting>("messages-waiting").explicitly(context(1)),
                                                         field<&T::initiator_credentials>("initiator-credentials").explicitly(context(2)),
                                                         field<&T::security_context>("security-context").implicitly(context(3)),
                                                         field<&T::extensions>("extensions").implicitly(context(5)).defaulted(),
                                                         rest<&T::unknown>(),
                                                     });
  return type;
}

const Type& schema(Of<MTSBindResult>) {
  using T = MTSBindResult;
  static const Type type = set<T>("MTSBindResult", {
                                                       field<&T::responder_name>("responder-name"),
                                                       field<&T::messages_waiting>("messages-waiting").explicitly(context(1)),
                                                       field<&T::responder_credentials>("responder-credentials").explicitly(context(2)),
                                                       field<&T::extensions>("extensions").implicitly(context(5)).defaulted(),
                                                       rest<&T::unknown>(),
                                                   });
  return type;
}

}  // namespace postern::mts
