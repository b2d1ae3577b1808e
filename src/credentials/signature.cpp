#include "credentials/signature.hpp"

#include <openssl/evp.h>

#include <algorithm>

#include "asn1/ber.hpp"

namespace postern::credentials {

namespace {

using asn1::Oid;

enum class Family : std::uint8_t { RsaPkcs1, Ecdsa, Ed25519 };

struct Row {
  Oid oid;
  Family family;
  HashAlgorithm hash;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {{1, 2, 840, 113549, 1, 1, 11}, Family::RsaPkcs1, HashAlgorithm::Sha256},  // sha256WithRSAEncryption (RFC 4055 5)
      {{1, 2, 840, 113549, 1, 1, 12}, Family::RsaPkcs1, HashAlgorithm::Sha384},
      {{1, 2, 840, 113549, 1, 1, 13}, Family::RsaPkcs1, HashAlgorithm::Sha512},
      {{1, 2, 840, 10045, 4, 3, 2}, Family::Ecdsa, HashAlgorithm::Sha256},  // ecdsa-with-SHA256 (RFC 5758 3.2)
      {{1, 2, 840, 10045, 4, 3, 3}, Family::Ecdsa, HashAlgorithm::Sha384},
      {{1, 2, 840, 10045, 4, 3, 4}, Family::Ecdsa, HashAlgorithm::Sha512},
      {{1, 3, 101, 112}, Family::Ed25519, HashAlgorithm::Sha256},  // RFC 8410 3
  };
  return all;
}

struct WeakRow {
  Oid oid;
  std::string_view name;
};
const std::vector<WeakRow>& weak_rows() {
  static const std::vector<WeakRow> all{
      {{1, 2, 840, 113549, 1, 1, 2}, "MD2 with RSA"},   {{1, 2, 840, 113549, 1, 1, 4}, "MD5 with RSA"},
      {{1, 2, 840, 113549, 1, 1, 5}, "SHA-1 with RSA"}, {{1, 3, 14, 3, 2, 3}, "MD5 with RSA"},
      {{1, 3, 14, 3, 2, 29}, "SHA-1 with RSA"},         {{1, 2, 840, 10045, 4, 1}, "ECDSA with SHA-1"},
      {{1, 2, 840, 10040, 4, 3}, "DSA with SHA-1"},
  };
  return all;
}

const Oid& id_rsassa_pss() {
  static const Oid oid{1, 2, 840, 113549, 1, 1, 10};
  return oid;
}

/// RFC 4055 3.1; the default of each is SHA-1, so what is missing is refused.
struct PssParameters {
  std::optional<mts::AlgorithmIdentifier> hash;
  std::optional<mts::AlgorithmIdentifier> mask_generation;
  std::int64_t salt_length = 20;
  std::int64_t trailer = 1;
};
const asn1::Type& schema(asn1::Of<PssParameters>) {
  using namespace asn1;
  using T = PssParameters;
  static const Type type = sequence<T>("RSASSA-PSS-params", {
                                                                field<&T::hash>("hashAlgorithm").explicitly(context(0)),
                                                                field<&T::mask_generation>("maskGenAlgorithm").explicitly(context(1)),
                                                                field<&T::salt_length>("saltLength").explicitly(context(2)).defaulted(),
                                                                field<&T::trailer>("trailerField").explicitly(context(3)).defaulted(),
                                                            });
  return type;
}

std::optional<HashAlgorithm> hash_of(const std::optional<mts::AlgorithmIdentifier>& identifier) {
  static const std::vector<std::pair<Oid, HashAlgorithm>> all{
      {{2, 16, 840, 1, 101, 3, 4, 2, 1}, HashAlgorithm::Sha256},
      {{2, 16, 840, 1, 101, 3, 4, 2, 2}, HashAlgorithm::Sha384},
      {{2, 16, 840, 1, 101, 3, 4, 2, 3}, HashAlgorithm::Sha512},
  };
  if (!identifier) return std::nullopt;
  const auto found = std::ranges::find(all, identifier->algorithm, &std::pair<Oid, HashAlgorithm>::first);
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

/// MGF1 over the same digest, which is what RFC 4055 3.1 recommends and what keys here do.
bool is_mgf1_with(const std::optional<mts::AlgorithmIdentifier>& identifier, HashAlgorithm hash) {
  static const Oid mgf1{1, 2, 840, 113549, 1, 1, 8};
  if (!identifier || !(identifier->algorithm == mgf1) || !identifier->parameters) return false;
  const auto inner = asn1::from_any<mts::AlgorithmIdentifier>(*identifier->parameters);
  return inner && hash_of(*inner) == hash;
}

Result<SignAlgorithm> pss_of(const mts::AlgorithmIdentifier& identifier) {
  if (!identifier.parameters) return fail(ErrorCode::Unsupported, "RSA-PSS without parameters means SHA-1, which is not accepted");
  POSTERN_TRY(const auto parameters, asn1::from_any<PssParameters>(*identifier.parameters));
  const auto hash = hash_of(parameters.hash);
  if (!hash) return fail(ErrorCode::Unsupported, "RSA-PSS with a digest that is not accepted; use SHA-256, SHA-384 or SHA-512");
  if (!is_mgf1_with(parameters.mask_generation, *hash))
    return fail(ErrorCode::Unsupported, "RSA-PSS with a mask that is not MGF1 over the same digest");
  constexpr std::int64_t most_salt = 512;
  if (parameters.salt_length < 0 || parameters.salt_length > most_salt || parameters.trailer != 1)
    return fail(ErrorCode::BadInput, "parameters of RSA-PSS that no key can have");
  SignAlgorithm out = SignAlgorithm::rsa_pss(*hash);
  out.salt = static_cast<int>(parameters.salt_length);
  return out;
}

Family family_of(KeyKind kind) {
  if (kind == KeyKind::Rsa) return Family::RsaPkcs1;
  return kind == KeyKind::Ed25519 ? Family::Ed25519 : Family::Ecdsa;
}

HashAlgorithm own_hash(KeyKind kind) {
  if (kind == KeyKind::EcP384) return HashAlgorithm::Sha384;
  return kind == KeyKind::EcP521 ? HashAlgorithm::Sha512 : HashAlgorithm::Sha256;
}

tl::unexpected<Error> not_accepted(const Oid& algorithm) {
  for (const WeakRow& weak : weak_rows())
    if (weak.oid == algorithm)
      return fail(ErrorCode::Unsupported, "a signature by " + std::string(weak.name) + ", which is too weak; use SHA-256 or better");
  return fail(ErrorCode::Unsupported, "a signature by the algorithm " + algorithm.text() + ", which is not known here");
}

}  // namespace

Result<mts::AlgorithmIdentifier> identifier_for(KeyKind kind) {
  if (kind == KeyKind::X25519) return fail(ErrorCode::Unsupported, "an X25519 key cannot sign; use one of RSA, NIST curves or Ed25519");
  const auto found =
      std::ranges::find_if(rows(), [&](const Row& row) { return row.family == family_of(kind) && row.hash == own_hash(kind); });
  mts::AlgorithmIdentifier out{found->oid, std::nullopt};
  if (kind == KeyKind::Rsa) out.parameters = asn1::Any{{0x05, 0x00}};  // RFC 4055 5: NULL; absent for the others (RFC 5758, 8410)
  return out;
}

Result<SignAlgorithm> algorithm_of(const mts::AlgorithmIdentifier& identifier, KeyKind kind) {
  if (identifier.algorithm == id_rsassa_pss() && kind == KeyKind::Rsa) return pss_of(identifier);
  const auto found = std::ranges::find(rows(), identifier.algorithm, &Row::oid);
  if (found == rows().end()) return not_accepted(identifier.algorithm);
  if (found->family != family_of(kind) || kind == KeyKind::X25519)
    return fail(ErrorCode::Unsupported, "a signature by an algorithm that the key of the certificate cannot have made");
  return SignAlgorithm{.hash = found->hash};
}

Result<asn1::BitString> sign(EVP_PKEY* key, KeyKind kind, ByteView octets) {
  POSTERN_CHECK(identifier_for(kind));
  const EVP_MD* digest = kind == KeyKind::Ed25519 ? nullptr : evp_md(own_hash(kind));
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  std::size_t size = 0;
  asn1::BitString out;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, octets.data(), octets.size()) != 1)
    return fail(openssl_error(ErrorCode::Unavailable, "signing a bind token"));
  out.octets.resize(size);
  if (EVP_DigestSign(context.get(), out.octets.data(), &size, octets.data(), octets.size()) != 1)
    return fail(openssl_error(ErrorCode::Unavailable, "signing a bind token"));
  out.octets.resize(size);
  return out;
}

Status verify(const PublicKey& key, const mts::AlgorithmIdentifier& identifier, ByteView octets, const asn1::BitString& signature) {
  POSTERN_TRY(const SignAlgorithm algorithm, algorithm_of(identifier, key.kind()));
  if (key.kind() == KeyKind::Rsa && key.bits() < kLeastRsaBits)
    return fail(ErrorCode::Unsupported, "an RSA key of " + std::to_string(key.bits()) + " bits; at least 2048 are needed");
  if (signature.unused != 0) return fail(ErrorCode::BadInput, "a signature that is no whole number of octets");
  return key.verify(algorithm, octets, signature.octets);
}

}  // namespace postern::credentials
