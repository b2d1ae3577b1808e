#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "keys/handle_provider.hpp"

namespace postern::detail {
namespace {

HandleKey& key_of(void* data) { return *static_cast<HandleKey*>(data); }
const HandleKey& key_of(const void* data) { return *static_cast<const HandleKey*>(data); }

struct CurveName {
  KeyKind kind;
  const char* name;
};
constexpr CurveName kCurves[] = {{KeyKind::EcP256, "prime256v1"}, {KeyKind::EcP384, "secp384r1"}, {KeyKind::EcP521, "secp521r1"}};

const char* name_of_curve(KeyKind kind) {
  for (const CurveName& c : kCurves) {
    if (c.kind == kind) return c.name;
  }
  return nullptr;
}

std::optional<KeyKind> read_curve(const OSSL_PARAM params[]) {
  const OSSL_PARAM* p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
  const char* name = nullptr;
  if (p == nullptr || OSSL_PARAM_get_utf8_string_ptr(p, &name) != 1 || name == nullptr) return std::nullopt;
  for (const CurveName& c : kCurves) {
    if (std::string_view(name) == c.name) return c.kind;
  }
  return std::nullopt;
}

const char* type_name(HandleFamily family) {
  switch (family) {
    case HandleFamily::Rsa: return "RSA";
    case HandleFamily::Ec: return "EC";
    case HandleFamily::Ed25519: return "ED25519";
  }
  return nullptr;
}

bool fits(HandleFamily family, KeyKind kind) {
  switch (family) {
    case HandleFamily::Rsa: return kind == KeyKind::Rsa;
    case HandleFamily::Ed25519: return kind == KeyKind::Ed25519;
    case HandleFamily::Ec: return name_of_curve(kind) != nullptr;
  }
  return false;
}

// A public key of OpenSSL's own from parameters; whatever private ones stand among them are not looked at.
std::optional<PublicKey> public_from(HandleFamily family, const OSSL_PARAM params[]) {
  const EvpPkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(nullptr, type_name(family), nullptr));
  EVP_PKEY* raw = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &raw, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(params)) != 1) {
    return std::nullopt;
  }
  const EvpPkeyPtr key(raw);
  auto made = PublicKey::from_native(key.get());
  if (!made || !fits(family, made->kind())) return std::nullopt;
  return *std::move(made);
}

template <HandleFamily Family>
void* make_new(void*) noexcept {
  return guarded_pointer([]() -> void* { return new HandleKey{Family, std::nullopt, std::nullopt, nullptr}; });
}

void free_key(void* data) noexcept { delete static_cast<HandleKey*>(data); }

void* duplicate(const void* data, int selection) noexcept {
  return guarded_pointer([&]() -> void* {
    auto copy = std::make_unique<HandleKey>(key_of(data));
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0) copy->keeper.reset();
    if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 0) copy->pub.reset();
    return copy.release();
  });
}

int has(const void* data, int selection) noexcept {
  if (data == nullptr) return 0;
  const HandleKey& key = key_of(data);
  if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && !key.keeper) return 0;
  if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 && !key.pub) return 0;
  if ((selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0 && key.family == HandleFamily::Ec && !key.curve) return 0;
  return 1;
}

// A pair matches when its public halves do: the private one cannot be looked at.
int match(const void* first, const void* second, int selection) noexcept {
  return guarded([&] {
    const HandleKey& a = key_of(first);
    const HandleKey& b = key_of(second);
    if (a.family != b.family || a.curve != b.curve) return false;
    if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0) return true;
    return a.pub.has_value() && b.pub.has_value() && *a.pub == *b.pub;
  });
}

int validate(const void* data, int selection, int) noexcept {
  return guarded([&] {
    const HandleKey& key = key_of(data);
    if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 0) return has(data, selection) == 1;
    if (!key.pub) return false;
    const EvpPkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.pub->native(), nullptr));
    return context && EVP_PKEY_public_check(context.get()) == 1;
  });
}

int import_key(void* data, int selection, const OSSL_PARAM params[]) noexcept {
  return guarded([&] {
    HandleKey& key = key_of(data);
    if (const OSSL_PARAM* p = OSSL_PARAM_locate_const(params, kTicketParam)) {
      std::uint64_t ticket = 0;
      auto redeemed = OSSL_PARAM_get_uint64(p, &ticket) == 1 ? redeem_ticket(ticket) : std::nullopt;
      if (!redeemed || redeemed->family != key.family) return false;
      key = *std::move(redeemed);
      return true;
    }
    if (key.family == HandleFamily::Ec) key.curve = read_curve(params);
    if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0) {
      key.pub = public_from(key.family, params);
      return key.pub.has_value();
    }
    return key.family != HandleFamily::Ec || key.curve.has_value();
  });
}

// Refusing the private part as a whole, rather than leaving it out, is what keeps OpenSSL from working on half a key.
int export_key(void* data, int selection, OSSL_CALLBACK* callback, void* argument) noexcept {
  return guarded([&] {
    const HandleKey& key = key_of(data);
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0) return false;
    if (!key.pub) return false;
    OSSL_PARAM* params = nullptr;
    if (EVP_PKEY_todata(key.pub->native(), selection, &params) != 1) return false;
    const bool taken = callback(params, argument) == 1;
    OSSL_PARAM_free(params);
    return taken;
  });
}

int get_params(void* data, OSSL_PARAM params[]) noexcept {
  return guarded([&] {
    const HandleKey& key = key_of(data);
    if (key.pub) return EVP_PKEY_get_params(key.pub->native(), params) == 1;
    OSSL_PARAM* group = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_GROUP_NAME);
    if (group == nullptr || !key.curve) return true;
    return OSSL_PARAM_set_utf8_string(group, name_of_curve(*key.curve)) == 1;
  });
}

// CMS sets the other side's point on a key that has only the curve so far (RFC 5753 3.1.1).
int set_params(void* data, const OSSL_PARAM params[]) noexcept {
  return guarded([&] {
    HandleKey& key = key_of(data);
    const OSSL_PARAM* point = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY);
    if (point == nullptr) return true;
    if (key.keeper || !key.curve || point->data_type != OSSL_PARAM_OCTET_STRING) return false;
    const OSSL_PARAM wanted[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(name_of_curve(*key.curve)), 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point->data, point->data_size), OSSL_PARAM_construct_end()};
    key.pub = public_from(key.family, wanted);
    return key.pub.has_value();
  });
}

const OSSL_PARAM* key_params(int) noexcept {
  static const OSSL_PARAM list[] = {OSSL_PARAM_uint64(kTicketParam, nullptr),
                                    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
                                    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
                                    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, nullptr, 0),
                                    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, nullptr, 0),
                                    OSSL_PARAM_END};
  return list;
}

const OSSL_PARAM* gettable(void*) noexcept {
  static const OSSL_PARAM list[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr),
                                    OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
                                    OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),
                                    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, nullptr, 0),
                                    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, nullptr, 0),
                                    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
                                    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, nullptr, 0),
                                    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
                                    OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_X, nullptr, 0),
                                    OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_Y, nullptr, 0),
                                    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, nullptr, 0),
                                    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, nullptr, 0),
                                    OSSL_PARAM_END};
  return list;
}

const OSSL_PARAM* settable(void*) noexcept {
  static const OSSL_PARAM list[] = {OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, nullptr, 0), OSSL_PARAM_END};
  return list;
}

template <HandleFamily Family>
const char* operation_name(int operation) noexcept {
  if (Family != HandleFamily::Ec) return type_name(Family);
  return operation == OSSL_OP_KEYEXCH ? "ECDH" : "ECDSA";
}

template <HandleFamily Family>
const OSSL_DISPATCH* functions() {
  static const OSSL_DISPATCH table[] = {
      dispatch(OSSL_FUNC_KEYMGMT_NEW, make_new<Family>),
      dispatch(OSSL_FUNC_KEYMGMT_FREE, free_key),
      dispatch(OSSL_FUNC_KEYMGMT_DUP, duplicate),
      dispatch(OSSL_FUNC_KEYMGMT_HAS, has),
      dispatch(OSSL_FUNC_KEYMGMT_MATCH, match),
      dispatch(OSSL_FUNC_KEYMGMT_VALIDATE, validate),
      dispatch(OSSL_FUNC_KEYMGMT_IMPORT, import_key),
      dispatch(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_params),
      dispatch(OSSL_FUNC_KEYMGMT_EXPORT, export_key),
      dispatch(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, key_params),
      dispatch(OSSL_FUNC_KEYMGMT_GET_PARAMS, get_params),
      dispatch(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, gettable),
      dispatch(OSSL_FUNC_KEYMGMT_SET_PARAMS, set_params),
      dispatch(OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, settable),
      dispatch(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operation_name<Family>),
      kDispatchEnd,
  };
  return table;
}

}  // namespace

const OSSL_ALGORITHM* handle_keymgmt() noexcept {
  static const OSSL_ALGORITHM list[] = {
      {"RSA:rsaEncryption:1.2.840.113549.1.1.1", kHandleProperties, functions<HandleFamily::Rsa>(), "RSA by the keeper"},
      {"EC:id-ecPublicKey:1.2.840.10045.2.1", kHandleProperties, functions<HandleFamily::Ec>(), "EC by the keeper"},
      {"ED25519:1.3.101.112", kHandleProperties, functions<HandleFamily::Ed25519>(), "Ed25519 by the keeper"},
      {nullptr, nullptr, nullptr, nullptr},
  };
  return list;
}

}  // namespace postern::detail
