// Decryption (RSA) and key agreement (EC) of the provider behind evp_handle().
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "crypto/kdf.hpp"
#include "keys/handle_provider.hpp"

namespace postern::detail {
namespace {

// RSA decryption ---------------------------------------------------------------------------------------------------------------------

struct Decrypting {
  const HandleKey* key = nullptr;
  int padding = RSA_PKCS1_PADDING;
  OaepOptions oaep{.hash = HashAlgorithm::Sha1};  // RFC 8017 A.2.1: the default of an absent hashAlgorithm
};

Decrypting& decrypting(void* data) { return *static_cast<Decrypting*>(data); }

void* new_cipher(void*) noexcept {
  return guarded_pointer([]() -> void* { return new Decrypting; });
}
void free_cipher(void* data) noexcept { delete static_cast<Decrypting*>(data); }
void* duplicate_cipher(void* data) noexcept {
  return guarded_pointer([&]() -> void* { return new Decrypting(decrypting(data)); });
}

bool read_octets(const OSSL_PARAM& param, Bytes& out) {
  if (param.data_type != OSSL_PARAM_OCTET_STRING) return false;
  const auto* from = static_cast<const Byte*>(param.data);
  out.assign(from, from + param.data_size);
  return true;
}

int set_cipher_params(void* data, const OSSL_PARAM params[]) noexcept {
  return guarded([&] {
    if (params == nullptr) return true;
    Decrypting& d = decrypting(data);
    const OSSL_PARAM* p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);
    if (p != nullptr) {
      const auto mode = read_padding(*p);
      if (!mode || *mode == RSA_PKCS1_PSS_PADDING) return false;
      d.padding = *mode;
    }
    if ((p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST)) != nullptr && !read_hash(*p, d.oaep.hash)) return false;
    if ((p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL)) != nullptr && !read_octets(*p, d.oaep.label)) return false;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST);
    return p == nullptr || read_hash(*p, d.oaep.mgf1.emplace());
  });
}

int get_cipher_params(void* data, OSSL_PARAM params[]) noexcept {
  return guarded([&] {
    const Decrypting& d = decrypting(data);
    OSSL_PARAM* p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);
    const char* name = d.padding == RSA_PKCS1_PADDING ? OSSL_PKEY_RSA_PAD_MODE_PKCSV15 : OSSL_PKEY_RSA_PAD_MODE_OAEP;
    if (p != nullptr &&
        (p->data_type == OSSL_PARAM_UTF8_STRING ? OSSL_PARAM_set_utf8_string(p, name) : OSSL_PARAM_set_int(p, d.padding)) != 1)
      return false;
    return write_hash(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, d.oaep.hash) &&
           write_hash(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, d.oaep.mgf1.value_or(d.oaep.hash));
  });
}

const OSSL_PARAM* cipher_params(void*, void*) noexcept {
  static const OSSL_PARAM list[] = {OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, nullptr, 0),
                                    OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, nullptr, 0),
                                    OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, nullptr, 0),
                                    OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, nullptr, 0), OSSL_PARAM_END};
  return list;
}

int decrypt_init(void* data, void* key, const OSSL_PARAM params[]) noexcept {
  Decrypting& d = decrypting(data);
  if (key != nullptr) d.key = static_cast<const HandleKey*>(key);
  return d.key != nullptr && d.key->keeper ? set_cipher_params(data, params) : 0;
}

int decrypt(void* data, unsigned char* to, std::size_t* size, std::size_t room, const unsigned char* from, std::size_t count) noexcept {
  return guarded([&] {
    const Decrypting& d = decrypting(data);
    if (d.key == nullptr || !d.key->keeper) return false;
    if (to == nullptr) {
      *size = static_cast<std::size_t>(EVP_PKEY_get_size(d.key->pub->native()));
      return true;
    }
    const KeeperRef& ref = *d.key->keeper;
    const ByteView ciphertext(from, count);
    const auto opened = d.padding == RSA_PKCS1_PADDING ? ref.keeper->decrypt_pkcs1(ref.name, ref.version, ciphertext, 0)
                                                       : ref.keeper->decrypt_oaep(ref.name, ref.version, d.oaep, ciphertext);
    if (!opened) return refuse("decrypt", d.key, opened.error());
    return hand_out(opened->view(), to, size, room);
  });
}

// Key agreement ----------------------------------------------------------------------------------------------------------------------

struct Agreeing {
  const HandleKey* key = nullptr;
  std::optional<PublicKey> peer;
  bool x963 = false;
  HashAlgorithm hash = HashAlgorithm::Sha256;
  std::size_t size = 0;  // of the derived key
  Bytes shared_info;     // "ukm" in OpenSSL's words; the DER of ECC-CMS-SharedInfo in CMS (RFC 5753 7.2)
};

Agreeing& agreeing(void* data) { return *static_cast<Agreeing*>(data); }

void* new_exchange(void*) noexcept {
  return guarded_pointer([]() -> void* { return new Agreeing; });
}
void free_exchange(void* data) noexcept { delete static_cast<Agreeing*>(data); }
void* duplicate_exchange(void* data) noexcept {
  return guarded_pointer([&]() -> void* { return new Agreeing(agreeing(data)); });
}

bool read_kdf(const OSSL_PARAM& param, bool& x963) {
  const char* name = nullptr;
  if (OSSL_PARAM_get_utf8_string_ptr(&param, &name) != 1 || name == nullptr) return false;
  x963 = std::string_view(name) == OSSL_KDF_NAME_X963KDF;
  return x963 || *name == '\0';
}

// The cofactor mode is accepted and has no effect: the cofactor of the NIST curves is 1.
int set_exchange_params(void* data, const OSSL_PARAM params[]) noexcept {
  return guarded([&] {
    if (params == nullptr) return true;
    Agreeing& a = agreeing(data);
    const OSSL_PARAM* p = nullptr;
    if ((p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_TYPE)) != nullptr && !read_kdf(*p, a.x963)) return false;
    if ((p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_DIGEST)) != nullptr && !read_hash(*p, a.hash)) return false;
    if ((p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN)) != nullptr && OSSL_PARAM_get_size_t(p, &a.size) != 1)
      return false;
    p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_UKM);
    return p == nullptr || read_octets(*p, a.shared_info);
  });
}

const OSSL_PARAM* exchange_params(void*, void*) noexcept {
  static const OSSL_PARAM list[] = {
      OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, nullptr), OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, nullptr, 0), OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, nullptr),
      OSSL_PARAM_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM, nullptr, 0),   OSSL_PARAM_END};
  return list;
}

int exchange_init(void* data, void* key, const OSSL_PARAM params[]) noexcept {
  Agreeing& a = agreeing(data);
  if (key != nullptr) a.key = static_cast<const HandleKey*>(key);
  return a.key != nullptr && a.key->keeper ? set_exchange_params(data, params) : 0;
}

int set_peer(void* data, void* peer) noexcept {
  return guarded([&] {
    const auto* key = static_cast<const HandleKey*>(peer);
    if (key == nullptr || !key->pub) return false;
    agreeing(data).peer = *key->pub;
    return true;
  });
}

bool derive_into(const Agreeing& a, unsigned char* to, std::size_t* size, std::size_t room) {
  const KeeperRef& ref = *a.key->keeper;
  const auto shared = ref.keeper->agree(ref.name, ref.version, *a.peer);
  if (!shared) return refuse("agree", a.key, shared.error());
  if (!a.x963) return hand_out(shared->view(), to, size, room);
  const auto derived = x963_kdf(a.hash, shared->view(), a.shared_info, a.size);
  if (!derived) return refuse("agree", a.key, derived.error());
  return hand_out(derived->view(), to, size, room);
}

int derive(void* data, unsigned char* to, std::size_t* size, std::size_t room) noexcept {
  return guarded([&] {
    const Agreeing& a = agreeing(data);
    if (a.key == nullptr || !a.key->keeper || !a.peer) return false;
    if (to != nullptr) return derive_into(a, to, size, room);
    *size = a.x963 ? a.size : static_cast<std::size_t>((a.key->pub->bits() + 7) / 8);
    return true;
  });
}

const OSSL_DISPATCH* cipher_functions() {
  static const OSSL_DISPATCH table[] = {
      dispatch(OSSL_FUNC_ASYM_CIPHER_NEWCTX, new_cipher),
      dispatch(OSSL_FUNC_ASYM_CIPHER_FREECTX, free_cipher),
      dispatch(OSSL_FUNC_ASYM_CIPHER_DUPCTX, duplicate_cipher),
      dispatch(OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, decrypt_init),
      dispatch(OSSL_FUNC_ASYM_CIPHER_DECRYPT, decrypt),
      dispatch(OSSL_FUNC_ASYM_CIPHER_GET_CTX_PARAMS, get_cipher_params),
      dispatch(OSSL_FUNC_ASYM_CIPHER_GETTABLE_CTX_PARAMS, cipher_params),
      dispatch(OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, set_cipher_params),
      dispatch(OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, cipher_params),
      kDispatchEnd,
  };
  return table;
}

const OSSL_DISPATCH* exchange_functions() {
  static const OSSL_DISPATCH table[] = {
      dispatch(OSSL_FUNC_KEYEXCH_NEWCTX, new_exchange),
      dispatch(OSSL_FUNC_KEYEXCH_FREECTX, free_exchange),
      dispatch(OSSL_FUNC_KEYEXCH_DUPCTX, duplicate_exchange),
      dispatch(OSSL_FUNC_KEYEXCH_INIT, exchange_init),
      dispatch(OSSL_FUNC_KEYEXCH_SET_PEER, set_peer),
      dispatch(OSSL_FUNC_KEYEXCH_DERIVE, derive),
      dispatch(OSSL_FUNC_KEYEXCH_SET_CTX_PARAMS, set_exchange_params),
      dispatch(OSSL_FUNC_KEYEXCH_SETTABLE_CTX_PARAMS, exchange_params),
      kDispatchEnd,
  };
  return table;
}

}  // namespace

const OSSL_ALGORITHM* handle_ciphers() noexcept {
  static const OSSL_ALGORITHM list[] = {
      {"RSA:rsaEncryption:1.2.840.113549.1.1.1", kHandleProperties, cipher_functions(), "RSA decryption by the keeper"},
      {nullptr, nullptr, nullptr, nullptr}};
  return list;
}

const OSSL_ALGORITHM* handle_exchanges() noexcept {
  static const OSSL_ALGORITHM list[] = {{"ECDH", kHandleProperties, exchange_functions(), "ECDH by the keeper"},
                                        {nullptr, nullptr, nullptr, nullptr}};
  return list;
}

}  // namespace postern::detail
