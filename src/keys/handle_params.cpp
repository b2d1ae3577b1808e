#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <cstring>

#include "base/log.hpp"
#include "keys/handle_provider.hpp"

namespace postern::detail {

bool read_hash(const OSSL_PARAM& param, HashAlgorithm& out) {
  const char* name = nullptr;
  if (OSSL_PARAM_get_utf8_string_ptr(&param, &name) != 1 || name == nullptr) return false;
  const auto known = hash_from_name(name);
  if (known) out = *known;
  return known.has_value();
}

bool write_hash(OSSL_PARAM* params, const char* name, HashAlgorithm value) {
  OSSL_PARAM* p = OSSL_PARAM_locate(params, name);
  return p == nullptr || OSSL_PARAM_set_utf8_string(p, EVP_MD_get0_name(evp_md(value))) == 1;
}

std::optional<int> read_padding(const OSSL_PARAM& param) {
  int mode = 0;
  if (param.data_type == OSSL_PARAM_UTF8_STRING) {
    const char* name = nullptr;
    if (OSSL_PARAM_get_utf8_string_ptr(&param, &name) != 1 || name == nullptr) return std::nullopt;
    const std::string_view text(name);
    mode = text == OSSL_PKEY_RSA_PAD_MODE_PKCSV15 ? RSA_PKCS1_PADDING
           : text == OSSL_PKEY_RSA_PAD_MODE_PSS   ? RSA_PKCS1_PSS_PADDING
           : text == OSSL_PKEY_RSA_PAD_MODE_OAEP  ? RSA_PKCS1_OAEP_PADDING
                                                  : 0;
  } else if (OSSL_PARAM_get_int(&param, &mode) != 1) {
    return std::nullopt;
  }
  if (mode != RSA_PKCS1_PADDING && mode != RSA_PKCS1_PSS_PADDING && mode != RSA_PKCS1_OAEP_PADDING) return std::nullopt;
  return mode;
}

bool hand_out(ByteView result, unsigned char* to, std::size_t* size, std::size_t room) {
  if (size != nullptr) *size = result.size();
  if (to == nullptr) return true;
  if (room < result.size()) return false;
  std::copy(result.begin(), result.end(), to);
  return true;
}

bool refuse(std::string_view operation, const HandleKey* key, const Error& error) {
  const std::string_view name = key != nullptr && key->keeper ? std::string_view(key->keeper->name.get()) : std::string_view("?");
  log::warn("keys.handle_failed", {{"operation", operation}, {"key", name}, {"error", error}});
  ERR_raise(ERR_LIB_PROV, ERR_R_OPERATION_FAIL);
  return false;
}

}  // namespace postern::detail
