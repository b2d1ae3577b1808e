#include "crypto/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>

#include "crypto/fatal.hpp"

namespace postern {
namespace {

using detail::must;

EvpMacCtxPtr new_context() {
  static EVP_MAC* const mac = must(EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr), "HMAC");
  return EvpMacCtxPtr(must(EVP_MAC_CTX_new(mac), "HMAC"));
}

void start(EVP_MAC_CTX* context, HashAlgorithm algorithm, ByteView key) {
  std::string name(EVP_MD_get0_name(evp_md(algorithm)));
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0), OSSL_PARAM_construct_end()};
  static constexpr Byte kNothing = 0;  // a null key would mean "the key of before"
  must(EVP_MAC_init(context, key.empty() ? &kNothing : key.data(), key.size(), params), "HMAC");
}

Bytes end(EVP_MAC_CTX* context) {
  Bytes out(EVP_MAX_MD_SIZE);
  std::size_t size = 0;
  must(EVP_MAC_final(context, out.data(), &size, out.size()), "HMAC");
  out.resize(size);
  return out;
}

}  // namespace

Bytes hmac(HashAlgorithm algorithm, ByteView key, ByteView data) { return Hmac(algorithm, key).update(data).finish(); }

Sha256 hmac_sha256(ByteView key, ByteView data) {
  const Bytes tag = hmac(HashAlgorithm::Sha256, key, data);
  Sha256 out;
  std::copy(tag.begin(), tag.end(), out.begin());
  return out;
}

Hmac::Hmac(HashAlgorithm algorithm, ByteView key) : m_context(new_context()) { start(m_context.get(), algorithm, key); }

Hmac& Hmac::update(ByteView data) {
  must(EVP_MAC_update(m_context.get(), data.data(), data.size()), "HMAC");
  return *this;
}

Bytes Hmac::finish() {
  Bytes out = end(m_context.get());
  must(EVP_MAC_init(m_context.get(), nullptr, 0, nullptr), "HMAC");
  return out;
}

}  // namespace postern
