// Certificate requests for keys, and the certificates that came of them.
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include "transit/use.hpp"

namespace postern::transit {

using detail::Key;
using detail::KeyPtr;
using detail::Version;

namespace {

constexpr std::size_t kChainMost = 64 * 1024;
constexpr std::size_t kCertificatesMost = 16;

struct RequestFree {
  void operator()(X509_REQ* request) const noexcept { X509_REQ_free(request); }
};
using RequestPtr = std::unique_ptr<X509_REQ, RequestFree>;

Result<RequestPtr> read_request(std::string_view pem) {
  if (pem.size() > kChainMost) return fail(ErrorCode::TooLarge, "a certificate request has at most 64 KiB", "csr");
  POSTERN_TRY(const BioPtr bio, bio_over(as_bytes(pem)));
  RequestPtr request(PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
  if (!request) return fail(openssl_error(ErrorCode::BadInput, "not a certificate request in PEM"));
  return request;
}

Result<RequestPtr> new_request(std::string_view name) {
  RequestPtr request(X509_REQ_new());
  const auto* text = reinterpret_cast<const unsigned char*>(name.data());
  const bool ok = request && X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request.get()), "CN", MBSTRING_UTF8, text,
                                                        static_cast<int>(name.size()), -1, 0) == 1;
  if (!ok) return fail(openssl_error(ErrorCode::Internal, "making a certificate request"));
  return request;
}

Result<std::string> signed_pem(X509_REQ* request, const PrivateKey& key) {
  const EVP_MD* hash = key.kind() == KeyKind::Ed25519 ? nullptr : evp_md(HashAlgorithm::Sha256);
  const BioPtr bio = bio_buffer();
  const bool ok = X509_REQ_set_version(request, 0) == 1 && X509_REQ_set_pubkey(request, key.public_key().native()) == 1 &&
                  X509_REQ_sign(request, key.native(), hash) > 0 && PEM_write_bio_X509_REQ(bio.get(), request) == 1;
  if (!ok) return fail(openssl_error(ErrorCode::Internal, "signing a certificate request"));
  return std::string(as_text(bio_bytes(bio.get())));
}

Result<std::vector<X509Ptr>> read_chain(std::string_view pem) {
  if (pem.size() > kChainMost) return fail(ErrorCode::TooLarge, "a certificate chain has at most 64 KiB", "certificate_chain");
  POSTERN_TRY(const BioPtr bio, bio_over(as_bytes(pem)));
  std::vector<X509Ptr> out;
  while (X509Ptr one = X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))) {
    if (out.size() == kCertificatesMost) return fail(ErrorCode::TooLarge, "more than 16 certificates", "certificate_chain");
    out.push_back(std::move(one));
  }
  openssl_clear_errors();
  if (out.empty()) return fail(ErrorCode::BadInput, "could not parse PEM certificate chain", "certificate_chain");
  return out;
}

// Each certificate issued by the next.
Status check_chain(const std::vector<X509Ptr>& chain) {
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    EVP_PKEY* issuer = X509_get0_pubkey(chain[i + 1].get());
    if (issuer != nullptr && X509_verify(chain[i].get(), issuer) == 1) continue;
    openssl_clear_errors();
    return fail(ErrorCode::BadInput, "certificate " + std::to_string(i + 1) + " was not issued by the one behind it", "certificate_chain");
  }
  return {};
}

Status check_leaf(const Version& version, X509* leaf) {
  EVP_PKEY* key = X509_get0_pubkey(leaf);
  const auto pub = PublicKey::from_native(key);
  if (pub && pub->to_spki() == version.material.public_part) return {};
  return fail(ErrorCode::BadInput, "the leaf certificate's public key does not match the key version", "certificate_chain");
}

std::string chain_text(const std::vector<X509Ptr>& chain) {
  const BioPtr bio = bio_buffer();
  for (const X509Ptr& one : chain) PEM_write_bio_X509(bio.get(), one.get());
  return std::string(as_text(bio_bytes(bio.get())));
}

// The version with another chain; everything else, counters included, goes on.
detail::VersionPtr with_chain(const Version& version, std::string chain) {
  auto copy = std::make_shared<Version>();
  copy->number = version.number;
  copy->created = version.created;
  copy->material = {version.material.secret.clone(), version.material.public_part};
  copy->mac_key = version.mac_key.clone();
  copy->certificate_chain = std::move(chain);
  for (const detail::Counted what : detail::kCounted) copy->counter(what).begin_at(version.counter(what).used());
  return copy;
}

}  // namespace

Result<std::string> KeyRef::certificate_request(std::uint32_t version, std::string_view csr) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Sign));
  if (derived() || !abilities_of(type()).signs)
    return fail(ErrorCode::Unsupported, "key type " + std::string(name_of(type())) + " does not make certificate requests", name());
  POSTERN_TRY(const Version* found, version_to_protect(*m_key, version, "signing"));
  POSTERN_TRY(const PrivateKey* own, private_key_of(*m_key, *found, "this type of key does not make certificate requests"));
  POSTERN_TRY(const RequestPtr request, csr.empty() ? new_request(name()) : read_request(csr));
  POSTERN_CHECK(m_core->count(*m_key, *found, detail::Counted::Signature));
  return signed_pem(request.get(), *own);
}

Result<KeyReply> Engine::set_certificate(std::string_view name, std::uint32_t version, std::string_view chain_pem) {
  POSTERN_CHECK(detail::check_name(name));
  POSTERN_TRY(const std::vector<X509Ptr> chain, read_chain(chain_pem));
  POSTERN_CHECK(check_chain(chain));
  const std::lock_guard lock(m_core->writer(name));
  POSTERN_TRY(const KeyPtr key, m_core->find_locked(name));
  POSTERN_TRY(const Version* found, version_to_show(*key, version));
  POSTERN_CHECK(check_leaf(*found, chain.front().get()));
  Key after = *key;
  after.versions[found->number - after.versions.front()->number] = with_chain(*found, chain_text(chain));
  POSTERN_TRY(const KeyPtr changed, m_core->replace(*key, std::move(after)));
  return KeyReply{info_of(*changed), false, {}};
}

}  // namespace postern::transit
