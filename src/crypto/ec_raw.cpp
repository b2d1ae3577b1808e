#include "crypto/ec_raw.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#include <algorithm>
#include <initializer_list>

#include "base/secret.hpp"
#include "crypto/fatal.hpp"

namespace postern::detail {

EvpPkeyPtr ec_public(const char* group, ByteView point) {
  if (point.size() < 2) return nullptr;  // SEC 1 2.3.4: the neutral point is one zero byte (refused by SP 800-56A 5.6.2.3.3)
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(group), 0),
                         OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, const_cast<Byte*>(point.data()), point.size()),
                         OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  const EvpPkeyCtxPtr context(must(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr), "key context"));
  // OpenSSL checks that the point lies on the curve.
  if (EVP_PKEY_fromdata_init(context.get()) == 1) (void)EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params);
  return EvpPkeyPtr(key);
}

// By way of ECPrivateKey (SEC 1 C.4), of which OpenSSL makes the point. Every length in it fits one byte.
EvpPkeyPtr ec_private(const char* group, std::size_t width, ByteView scalar) {
  if (scalar.size() != width) return nullptr;
  const ASN1_OBJECT* const curve = OBJ_nid2obj(OBJ_sn2nid(group));
  const ByteView oid(OBJ_get0_data(curve), OBJ_length(curve));
  const std::size_t inner = 3 + 2 + scalar.size() + 4 + oid.size();
  SecretBytes der(2 + inner);
  Byte* at = der.span().data();
  const auto put = [&at](std::initializer_list<std::size_t> bytes) {
    for (const std::size_t byte : bytes) *at++ = static_cast<Byte>(byte);
  };
  put({0x30, inner, 0x02, 1, 1, 0x04, scalar.size()});
  at = std::ranges::copy(scalar, at).out;
  put({0xa0, oid.size() + 2, 0x06, oid.size()});
  std::ranges::copy(oid, at);
  const unsigned char* in = der.view().data();
  EvpPkeyPtr key(d2i_AutoPrivateKey(nullptr, &in, static_cast<long>(der.size())));
  if (!key) return nullptr;
  const EvpPkeyCtxPtr context(must(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr), "key context"));
  if (EVP_PKEY_private_check(context.get()) != 1) key.reset();  // SP 800-56A 5.6.2.1.2: 1 to n - 1
  return key;
}

}  // namespace postern::detail
