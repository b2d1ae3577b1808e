#include "crypto/hash.hpp"

#include <openssl/evp.h>

#include "base/text.hpp"
#include "crypto/fatal.hpp"

namespace postern {
namespace {

using detail::must;

struct HashEntry {
  HashAlgorithm algorithm;
  std::string_view name;
  const char* openssl;
  std::size_t size;
};
constexpr std::array<HashEntry, 9> kHashes{{
    {HashAlgorithm::Sha1, "sha1", "SHA1", 20},
    {HashAlgorithm::Sha224, "sha224", "SHA2-224", 28},
    {HashAlgorithm::Sha256, "sha256", "SHA2-256", 32},
    {HashAlgorithm::Sha384, "sha384", "SHA2-384", 48},
    {HashAlgorithm::Sha512, "sha512", "SHA2-512", 64},
    {HashAlgorithm::Sha3_224, "sha3-224", "SHA3-224", 28},
    {HashAlgorithm::Sha3_256, "sha3-256", "SHA3-256", 32},
    {HashAlgorithm::Sha3_384, "sha3-384", "SHA3-384", 48},
    {HashAlgorithm::Sha3_512, "sha3-512", "SHA3-512", 64},
}};

EVP_MD_CTX* thread_context() {
  thread_local const EvpMdCtxPtr context(must(EVP_MD_CTX_new(), "no memory for a digest"));
  return context.get();
}

void digest_into(HashAlgorithm algorithm, ByteView data, Byte* out) {
  EVP_MD_CTX* context = thread_context();
  must(EVP_DigestInit_ex2(context, evp_md(algorithm), nullptr), "digest");
  must(EVP_DigestUpdate(context, data.data(), data.size()), "digest");
  must(EVP_DigestFinal_ex(context, out, nullptr), "digest");
}

}  // namespace

const EVP_MD* evp_md(HashAlgorithm algorithm) {
  static const auto* fetched = [] {
    auto* all = new std::array<EVP_MD*, kHashes.size()>;  // lives as long as the process: other static objects may hash
    for (std::size_t i = 0; i < kHashes.size(); ++i)
      (*all)[i] = must(EVP_MD_fetch(nullptr, kHashes[i].openssl, nullptr), kHashes[i].openssl);
    return all;
  }();
  return fetched->at(static_cast<std::size_t>(algorithm));
}

Sha256 sha256(ByteView data) {
  Sha256 out;
  digest_into(HashAlgorithm::Sha256, data, out.data());
  return out;
}

Sha512 sha512(ByteView data) {
  Sha512 out;
  digest_into(HashAlgorithm::Sha512, data, out.data());
  return out;
}

Bytes digest(HashAlgorithm algorithm, ByteView data) {
  Bytes out(digest_size(algorithm));
  digest_into(algorithm, data, out.data());
  return out;
}

std::size_t digest_size(HashAlgorithm algorithm) noexcept { return kHashes[static_cast<std::size_t>(algorithm)].size; }
std::string_view name_of(HashAlgorithm algorithm) noexcept { return kHashes[static_cast<std::size_t>(algorithm)].name; }

std::optional<HashAlgorithm> hash_from_name(std::string_view name) {
  std::string plain = to_lower(name);
  if (plain.starts_with("sha2-")) plain.replace(0, 5, "sha");
  if (plain.starts_with("sha-")) plain.replace(0, 4, "sha");
  for (const HashEntry& e : kHashes) {
    if (plain == e.name) return e.algorithm;
  }
  return std::nullopt;
}

Hasher::Hasher(HashAlgorithm algorithm) : m_algorithm(algorithm), m_context(must(EVP_MD_CTX_new(), "no memory for a digest")) {
  must(EVP_DigestInit_ex2(m_context.get(), evp_md(algorithm), nullptr), "digest");
}

Hasher::Hasher(const Hasher& other) : m_algorithm(other.m_algorithm), m_context(must(EVP_MD_CTX_new(), "no memory for a digest")) {
  must(EVP_MD_CTX_copy_ex(m_context.get(), other.m_context.get()), "digest");
}

Hasher& Hasher::operator=(const Hasher& other) {
  if (this != &other) *this = Hasher(other);
  return *this;
}

Hasher& Hasher::update(ByteView data) {
  must(EVP_DigestUpdate(m_context.get(), data.data(), data.size()), "digest");
  return *this;
}

Bytes Hasher::finish() {
  Bytes out(digest_size(m_algorithm));
  must(EVP_DigestFinal_ex(m_context.get(), out.data(), nullptr), "digest");
  must(EVP_DigestInit_ex2(m_context.get(), evp_md(m_algorithm), nullptr), "digest");
  return out;
}

}  // namespace postern
