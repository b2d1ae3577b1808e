// Strong credentials (X.411 8.1.1.1.1.3, 8.5.8; X.509): shown with a key and its certificate, judged by what is known of whom they are of.
// Pure: time and random numbers are arguments.
#pragma once

#include <memory>

#include "mts/bind_token.hpp"
#include "pki/certificate.hpp"

namespace postern::credentials {

/// With what one proves who one is. Copies share the key, which may be a handle of the keeper's.
struct Identity {
  CertificateChain chain;  ///< Leaf first.
  std::shared_ptr<EVP_PKEY> key;
};
/// BadInput: no certificate, a key of another one, or a certificate that is not for signatures.
[[nodiscard]] Result<Identity> make_identity(CertificateChain chain, EvpPkeyPtr key);

/// Whose credentials are believed. With pins they alone decide about the certificate, which must still be valid; otherwise it must lead to
/// one of the roots and be of the subject. Neither: nobody's are.
struct Trust {
  std::vector<Certificate> roots;
  std::string subject;      ///< As Certificate::subject() says it.
  std::vector<Bytes> pins;  ///< SHA-256 of the certificate or of its key.
};

/// Credentials to show, and the random number in their token.
struct Shown {
  mts::StrongCredentials credentials;
  asn1::BitString random_number;
};
/// Errors: Unavailable (the key cannot be used now), BadInput (a name that cannot be encoded).
[[nodiscard]] Result<Shown> show(const Identity& identity, const mts::TokenName& to, asn1::BitString random_number, std::int64_t now);

/// The token's data where everything is right: token for us, of now, signed by the certificate; the certificate believed. The signature is
/// verified before anything is said of whom it is of, so that a stranger's takes as long as a wrong one of somebody known. Errors say which
/// check failed and are for our own log only.
[[nodiscard]] Result<mts::AsymmetricTokenData> judge(const mts::StrongCredentials& credentials, const Trust& trust,
                                                     const mts::TokenCheck& check);

/// Leaf first, then what leads to it, in any order. BadInput: not certificates, or more than kChainLimit.
[[nodiscard]] Result<CertificateChain> chain_of(const mts::Certificates& certificates);
[[nodiscard]] mts::Certificates certificates_of(const CertificateChain& chain);

}  // namespace postern::credentials
