#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include <charconv>

#include "keys/handle_provider.hpp"

namespace postern::detail {
namespace {

// One signature in the making. Copied when OpenSSL copies an EVP_MD_CTX in the middle of a message.
struct Signing {
  const HandleKey* key = nullptr;  // owned by the EVP_PKEY, which OpenSSL keeps alive as long as this
  SignAlgorithm algorithm;
  std::optional<Hasher> hasher;
};

Signing& signing(void* data) { return *static_cast<Signing*>(data); }

void* new_context(void*, const char*) noexcept {
  return guarded_pointer([]() -> void* { return new Signing; });
}
void free_context(void* data) noexcept { delete static_cast<Signing*>(data); }
void* duplicate(void* data) noexcept {
  return guarded_pointer([&]() -> void* { return new Signing(signing(data)); });
}

bool read_salt(const OSSL_PARAM& param, int& out) {
  if (param.data_type != OSSL_PARAM_UTF8_STRING) {
    if (OSSL_PARAM_get_int(&param, &out) != 1) return false;
    if (out == RSA_PSS_SALTLEN_DIGEST) out = SignAlgorithm::kSaltDigest;
    if (out == RSA_PSS_SALTLEN_AUTO || out == RSA_PSS_SALTLEN_MAX) out = SignAlgorithm::kSaltMax;
    return true;
  }
  const char* text = nullptr;
  if (OSSL_PARAM_get_utf8_string_ptr(&param, &text) != 1 || text == nullptr) return false;
  const std::string_view name(text);
  if (name == OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) {
    out = SignAlgorithm::kSaltDigest;
  } else if (name == OSSL_PKEY_RSA_PSS_SALT_LEN_MAX || name == OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO) {
    out = SignAlgorithm::kSaltMax;
  } else {
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), out);
    return error == std::errc() && end == name.data() + name.size() && out >= 0;
  }
  return true;
}

bool set_padding(const OSSL_PARAM& param, SignAlgorithm& algorithm) {
  const auto mode = read_padding(param);
  if (!mode || *mode == RSA_PKCS1_OAEP_PADDING) return false;
  algorithm.padding = *mode == RSA_PKCS1_PADDING ? RsaPadding::Pkcs1 : RsaPadding::Pss;
  return true;
}

int set_params(void* data, const OSSL_PARAM params[]) noexcept {
  return guarded([&] {
    if (params == nullptr) return true;
    SignAlgorithm& algorithm = signing(data).algorithm;
    const OSSL_PARAM* p = nullptr;
    if ((p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST)) != nullptr && !read_hash(*p, algorithm.hash)) return false;
    if ((p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE)) != nullptr && !set_padding(*p, algorithm)) return false;
    if ((p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN)) != nullptr && !read_salt(*p, algorithm.salt)) return false;
    HashAlgorithm mgf1 = algorithm.hash;
    p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
    // The keeper uses one digest for both, as every profile we meet does (RFC 8446 4.2.3, RFC 4055 3.1 recommendation).
    return p == nullptr || (read_hash(*p, mgf1) && mgf1 == algorithm.hash);
  });
}

int openssl_salt(const SignAlgorithm& algorithm) {
  if (algorithm.salt == SignAlgorithm::kSaltDigest) return RSA_PSS_SALTLEN_DIGEST;
  return algorithm.salt == SignAlgorithm::kSaltMax ? RSA_PSS_SALTLEN_MAX : algorithm.salt;
}

int openssl_padding(const SignAlgorithm& algorithm) {
  return algorithm.padding == RsaPadding::Pkcs1 ? RSA_PKCS1_PADDING : RSA_PKCS1_PSS_PADDING;
}

std::string salt_text(int salt) {
  if (salt == RSA_PSS_SALTLEN_DIGEST) return OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST;
  return salt == RSA_PSS_SALTLEN_MAX ? OSSL_PKEY_RSA_PSS_SALT_LEN_MAX : std::to_string(salt);
}

// Answers in the form that was asked for, a name or a number.
bool write_either(OSSL_PARAM* p, const std::string& name, int number) {
  if (p == nullptr) return true;
  return (p->data_type == OSSL_PARAM_UTF8_STRING ? OSSL_PARAM_set_utf8_string(p, name.c_str()) : OSSL_PARAM_set_int(p, number)) == 1;
}

// AlgorithmIdentifier (RFC 5280 4.1.1.2), as OpenSSL itself writes it for the public half and the same options.
bool write_algorithm_id(const Signing& s, OSSL_PARAM* wanted) {
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* inner = nullptr;
  const bool ed25519 = s.key->family == HandleFamily::Ed25519;
  const char* hash = ed25519 ? nullptr : EVP_MD_get0_name(evp_md(s.algorithm.hash));
  if (!context || EVP_DigestVerifyInit_ex(context.get(), &inner, hash, nullptr, nullptr, s.key->pub->native(), nullptr) != 1) return false;
  if (s.algorithm.padding == RsaPadding::Pss && (EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) != 1 ||
                                                 EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, openssl_salt(s.algorithm)) != 1)) {
    return false;
  }
  OSSL_PARAM request[] = {*wanted, OSSL_PARAM_construct_end()};
  if (EVP_PKEY_CTX_get_params(inner, request) != 1) return false;
  wanted->return_size = request[0].return_size;
  return true;
}

int get_params(void* data, OSSL_PARAM params[]) noexcept {
  return guarded([&] {
    const Signing& s = signing(data);
    OSSL_PARAM* id = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
    if (id != nullptr && (s.key == nullptr || !write_algorithm_id(s, id))) return false;
    const int mode = openssl_padding(s.algorithm);
    const int salt = openssl_salt(s.algorithm);
    const char* mode_name = mode == RSA_PKCS1_PADDING ? OSSL_PKEY_RSA_PAD_MODE_PKCSV15 : OSSL_PKEY_RSA_PAD_MODE_PSS;
    if (!write_either(OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PAD_MODE), mode_name, mode)) return false;
    if (!write_either(OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN), salt_text(salt), salt)) return false;
    return write_hash(params, OSSL_SIGNATURE_PARAM_DIGEST, s.algorithm.hash) &&
           write_hash(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST, s.algorithm.hash);
  });
}

const OSSL_PARAM* param_list(void*, void*) noexcept {
  static const OSSL_PARAM list[] = {OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, nullptr, 0),
                                    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
                                    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
                                    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0),
                                    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, nullptr, 0),
                                    OSSL_PARAM_END};
  return list;
}

int sign_init(void* data, void* key, const OSSL_PARAM params[]) noexcept {
  Signing& s = signing(data);
  if (key != nullptr) s.key = static_cast<const HandleKey*>(key);
  if (s.key == nullptr || !s.key->keeper) return 0;
  s.hasher.reset();
  return set_params(data, params);
}

bool ask(const Signing& s, const SignAlgorithm& algorithm, ByteView data, unsigned char* to, std::size_t* size, std::size_t room) {
  const std::size_t largest = static_cast<std::size_t>(EVP_PKEY_get_size(s.key->pub->native()));
  if (to == nullptr) {
    *size = largest;
    return true;
  }
  const KeeperRef& ref = *s.key->keeper;
  const auto signature = ref.keeper->sign(ref.name, ref.version, algorithm, data);
  if (!signature) return refuse("sign", s.key, signature.error());
  return hand_out(*signature, to, size, room);
}

// OpenSSL's EVP_PKEY_sign: the bytes are a digest already.
int sign(void* data, unsigned char* to, std::size_t* size, std::size_t room, const unsigned char* tbs, std::size_t count) noexcept {
  return guarded([&] {
    const Signing& s = signing(data);
    return s.key != nullptr && ask(s, s.algorithm.digest_given(), {tbs, count}, to, size, room);
  });
}

int digest_init(void* data, const char* hash, void* key, const OSSL_PARAM params[]) noexcept {
  return guarded([&] {
    Signing& s = signing(data);
    if (hash != nullptr && *hash != '\0') {
      const auto known = hash_from_name(hash);
      if (!known) return false;
      s.algorithm.hash = *known;
    }
    if (sign_init(data, key, params) != 1) return false;
    if (s.key->family != HandleFamily::Ed25519) s.hasher.emplace(s.algorithm.hash);
    return true;
  });
}

int digest_update(void* data, const unsigned char* bytes, std::size_t count) noexcept {
  return guarded([&] {
    Signing& s = signing(data);
    if (!s.hasher) return false;
    s.hasher->update(ByteView(bytes, count));
    return true;
  });
}

int digest_final(void* data, unsigned char* to, std::size_t* size, std::size_t room) noexcept {
  return guarded([&] {
    Signing& s = signing(data);
    if (!s.hasher) return false;
    if (to == nullptr) return ask(s, s.algorithm, {}, nullptr, size, room);
    return ask(s, s.algorithm.digest_given(), Hasher(*s.hasher).finish(), to, size, room);
  });
}

// Ed25519 sees the whole message at once (RFC 8032 5.1.6 passes over it twice).
int digest_sign(void* data, unsigned char* to, std::size_t* size, std::size_t room, const unsigned char* bytes,
                std::size_t count) noexcept {
  return guarded([&] {
    const Signing& s = signing(data);
    return s.key != nullptr && ask(s, s.algorithm, {bytes, count}, to, size, room);
  });
}

const OSSL_DISPATCH* digest_functions() {
  static const OSSL_DISPATCH table[] = {
      dispatch(OSSL_FUNC_SIGNATURE_NEWCTX, new_context),
      dispatch(OSSL_FUNC_SIGNATURE_FREECTX, free_context),
      dispatch(OSSL_FUNC_SIGNATURE_DUPCTX, duplicate),
      dispatch(OSSL_FUNC_SIGNATURE_SIGN_INIT, sign_init),
      dispatch(OSSL_FUNC_SIGNATURE_SIGN, sign),
      dispatch(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, digest_init),
      dispatch(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, digest_update),
      dispatch(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, digest_final),
      dispatch(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, get_params),
      dispatch(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, param_list),
      dispatch(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, set_params),
      dispatch(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, param_list),
      kDispatchEnd,
  };
  return table;
}

const OSSL_DISPATCH* ed25519_functions() {
  static const OSSL_DISPATCH table[] = {
      dispatch(OSSL_FUNC_SIGNATURE_NEWCTX, new_context),
      dispatch(OSSL_FUNC_SIGNATURE_FREECTX, free_context),
      dispatch(OSSL_FUNC_SIGNATURE_DUPCTX, duplicate),
      dispatch(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, digest_init),
      dispatch(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, digest_sign),
      dispatch(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, get_params),
      dispatch(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, param_list),
      kDispatchEnd,
  };
  return table;
}

}  // namespace

const OSSL_ALGORITHM* handle_signatures() noexcept {
  static const OSSL_ALGORITHM list[] = {
      {"RSA:rsaEncryption:1.2.840.113549.1.1.1", kHandleProperties, digest_functions(), "RSA signatures by the keeper"},
      {"ECDSA", kHandleProperties, digest_functions(), "ECDSA by the keeper"},
      {"ED25519:1.3.101.112", kHandleProperties, ed25519_functions(), "Ed25519 by the keeper"},
      {nullptr, nullptr, nullptr, nullptr},
  };
  return list;
}

}  // namespace postern::detail
