#include "crypto/kdf.hpp"

#include <argon2.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <bit>
#include <limits>
#include <vector>

#include "crypto/fatal.hpp"

namespace postern {
namespace {

using detail::must;

OSSL_PARAM octets(const char* name, ByteView value) {
  static Byte nothing = 0;  // OpenSSL reads a null pointer as "not given"
  return OSSL_PARAM_construct_octet_string(name, value.empty() ? &nothing : const_cast<Byte*>(value.data()), value.size());
}
OSSL_PARAM hash_name(HashAlgorithm algorithm) {
  return OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(EVP_MD_get0_name(evp_md(algorithm))), 0);
}

Result<SecretBytes> derive(EVP_KDF* kdf, const OSSL_PARAM* params, std::size_t size, std::string_view doing) {
  const EvpKdfCtxPtr context(must(EVP_KDF_CTX_new(kdf), "no memory for a key derivation"));
  SecretBytes out(size);
  if (EVP_KDF_derive(context.get(), out.span().data(), size, params) != 1) return fail(openssl_error(ErrorCode::BadInput, doing));
  return out;
}

}  // namespace

Result<SecretBytes> hkdf(HashAlgorithm algorithm, ByteView input_key, ByteView salt, ByteView info, std::size_t size) {
  static EVP_KDF* const kdf = must(EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_HKDF, nullptr), "HKDF");
  // RFC 5869 2.3: "L length of output keying material in octets (<= 255*HashLen)"
  if (size == 0 || size > 255 * digest_size(algorithm)) return fail(ErrorCode::BadInput, "HKDF gives 1 to 255 digests of output", "size");
  const OSSL_PARAM params[] = {hash_name(algorithm), octets(OSSL_KDF_PARAM_KEY, input_key), octets(OSSL_KDF_PARAM_SALT, salt),
                               octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
  return derive(kdf, params, size, "HKDF");
}

Result<SecretBytes> pbkdf2(HashAlgorithm algorithm, ByteView password, ByteView salt, std::uint32_t iterations, std::size_t size) {
  static EVP_KDF* const kdf = must(EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_PBKDF2, nullptr), "PBKDF2");
  if (iterations == 0 || size == 0) return fail(ErrorCode::BadInput, "PBKDF2 needs at least one iteration and one byte of output");
  std::uint64_t count = iterations;
  int allow_any = 1;  // the bounds of SP 800-132 are for the caller: SCRAM fixes its own
  const OSSL_PARAM params[] = {hash_name(algorithm),
                               octets(OSSL_KDF_PARAM_PASSWORD, password),
                               octets(OSSL_KDF_PARAM_SALT, salt),
                               OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &count),
                               OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &allow_any),
                               OSSL_PARAM_construct_end()};
  return derive(kdf, params, size, "PBKDF2");
}

Result<SecretBytes> scrypt(ByteView password, ByteView salt, const ScryptCost& cost, std::size_t size) {
  static EVP_KDF* const kdf = must(EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_SCRYPT, nullptr), "scrypt");
  // RFC 7914 6: N "must be larger than 1, a power of 2, and less than 2^(128 * r / 8)"
  if (!std::has_single_bit(cost.n) || cost.n < 2 || cost.r == 0 || cost.p == 0 || size == 0) {
    return fail(ErrorCode::BadInput, "scrypt's n must be a power of two above 1, r, p and size at least 1");
  }
  if (cost.n > kScryptMemory / 128 / cost.r) return fail(ErrorCode::TooLarge, "scrypt's cost passes 256 MiB of memory");
  std::uint64_t n = cost.n;
  std::uint32_t r = cost.r;
  std::uint32_t p = cost.p;
  std::uint64_t memory = kScryptMemory + 128ULL * r * (std::uint64_t{p} + 2);
  const OSSL_PARAM params[] = {octets(OSSL_KDF_PARAM_PASSWORD, password),
                               octets(OSSL_KDF_PARAM_SALT, salt),
                               OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
                               OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
                               OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
                               OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
                               OSSL_PARAM_construct_end()};
  return derive(kdf, params, size, "scrypt");
}

namespace {

// The library's structure wants pointers that it does not write through, as no flag asks it to wipe its inputs.
std::uint8_t* argon2_input(ByteView bytes) { return const_cast<Byte*>(bytes.data()); }

Status check_argon2(ByteView salt, const Argon2Cost& cost, std::size_t size) {
  // RFC 9106 3.1: m is at least 8p; p, t at least 1; a tag of at least 4 bytes
  if (salt.size() < 8 || size < 4 || size > 1024) {
    return fail(ErrorCode::BadInput, "Argon2id needs a salt of at least 8 bytes and gives 4 to 1024 bytes");
  }
  if (cost.iterations == 0 || cost.lanes == 0 || cost.lanes > ARGON2_MAX_LANES || cost.memory_kib / 8 < cost.lanes) {
    return fail(ErrorCode::BadInput, "Argon2id needs an iteration, a lane and 8 KiB of memory for each lane at least", "cost");
  }
  if (cost.memory_kib > kArgon2Memory) return fail(ErrorCode::TooLarge, "Argon2id's cost passes 2 GiB of memory", "cost");
  return {};
}

}  // namespace

Result<SecretBytes> argon2id(ByteView password, ByteView salt, const Argon2Cost& cost, std::size_t size, ByteView secret,
                             ByteView associated) {
  POSTERN_CHECK(check_argon2(salt, cost, size));
  for (const ByteView input : {password, salt, secret, associated}) {
    if (input.size() > std::numeric_limits<std::uint32_t>::max()) return fail(ErrorCode::TooLarge, "an input of Argon2id passes 4 GiB");
  }
  SecretBytes out(size);
  argon2_context context{};
  context.out = out.span().data();
  context.outlen = static_cast<std::uint32_t>(size);
  context.pwd = argon2_input(password);
  context.pwdlen = static_cast<std::uint32_t>(password.size());
  context.salt = argon2_input(salt);
  context.saltlen = static_cast<std::uint32_t>(salt.size());
  context.secret = argon2_input(secret);
  context.secretlen = static_cast<std::uint32_t>(secret.size());
  context.ad = argon2_input(associated);
  context.adlen = static_cast<std::uint32_t>(associated.size());
  context.t_cost = cost.iterations;
  context.m_cost = cost.memory_kib;
  context.lanes = cost.lanes;
  context.threads = 1;
  context.version = ARGON2_VERSION_13;
  const int code = argon2_ctx(&context, Argon2_id);
  if (code == ARGON2_MEMORY_ALLOCATION_ERROR) return fail(ErrorCode::Exhausted, "no memory for Argon2id now: try again later");
  if (code != ARGON2_OK) return fail(ErrorCode::BadInput, std::string("Argon2id: ") + argon2_error_message(code));
  return out;
}

Result<SecretBytes> x963_kdf(HashAlgorithm algorithm, ByteView shared_secret, ByteView shared_info, std::size_t size) {
  static EVP_KDF* const kdf = must(EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_X963KDF, nullptr), "X9.63 KDF");
  if (size == 0 || size > 4096) return fail(ErrorCode::BadInput, "the X9.63 KDF gives 1 to 4096 bytes here", "size");
  const OSSL_PARAM params[] = {hash_name(algorithm), octets(OSSL_KDF_PARAM_SECRET, shared_secret), octets(OSSL_KDF_PARAM_INFO, shared_info),
                               OSSL_PARAM_construct_end()};
  return derive(kdf, params, size, "X9.63 KDF");
}

}  // namespace postern
