// A certification authority of one's own, for development and for organisations without one. Its key lives in the keeper.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "keys/keeper.hpp"
#include "pki/certificate.hpp"
#include "pki/certificate_store.hpp"

namespace postern {

struct AuthorityOptions {
  std::string host = "localhost";  ///< Stands in the root's name: "Postern development CA of HOST".
  KeyName key{"pki_root_key"};     ///< ECDSA P-384; the root's certificate is stored under the same name.
  std::chrono::days root_validity{3650};
  std::chrono::days leaf_validity{90};
};

/// What an issued certificate is for.
struct TlsSubject {
  std::vector<std::string> dns_names = {};  ///< The first is the common name.
  std::vector<std::string> ip_addresses = {};
  bool client = false;  ///< clientAuth instead of serverAuth.
};
struct EmailSubject {
  std::vector<std::string> emails = {};  ///< The first is also the common name unless `name` is given.
  std::string name = {};
  /// Names of other kinds, each a GeneralName in DER (RFC 5280 4.2.1.6): x400Address of who is known by an O/R address. At least one name
  /// of either.
  std::vector<Bytes> other_names = {};
};

/// A key in the keeper and the certificate for it, renewed together.
struct Identity {
  KeyName key;
  std::uint32_t version = 0;
  CertificateChain chain;  ///< Leaf, root.
};

/// Thread safe. Keeper, store, clock and random must outlive it. Validity begins one hour before now, for clocks that are late.
class Authority {
 public:
  /// Loads the root named by `options.key`, or makes key and certificate. Conflict when the stored certificate is not for the key.
  [[nodiscard]] static Result<std::shared_ptr<Authority>> open(std::shared_ptr<Keeper> keeper, CertificateStore& store, const Clock& clock,
                                                               Random& random, AuthorityOptions options = {});
  [[nodiscard]] const Certificate& root() const noexcept { return m_root; }

  /// Certificates for a subject key that is somewhere. BadInput for names that are not names.
  [[nodiscard]] Result<Certificate> issue_tls(const TlsSubject& subject, const PublicKey& key) const;
  [[nodiscard]] Result<Certificate> issue_email(const EmailSubject& subject, const PublicKey& key) const;

  /// The same with the key in the keeper: made when it is missing, the certificate stored under the key's name. A stored certificate is
  /// used again while it fits (same key, same names, this root) and more than a third of its life is left; otherwise a new one is issued.
  /// `version`: of the key; 0: the latest.
  [[nodiscard]] Result<Identity> tls_identity(const KeyName& key, const TlsSubject& subject, KeyType type = KeyType::EcdsaP256,
                                              std::uint32_t version = 0);
  [[nodiscard]] Result<Identity> email_identity(const KeyName& key, const EmailSubject& subject, KeyType type = KeyType::EcdsaP256);
  /// When email_identity() and tls_identity() replace this one: a third of its life before it ends.
  [[nodiscard]] static WallTime renewal_of(const Certificate& leaf);
  /// The certificate that is stored under the key's name, whatever it is worth today; nothing when there is none.
  [[nodiscard]] Result<std::optional<Certificate>> stored(const KeyName& key) const;
  /// Certificates that were replaced, newest first, each with the key version it is for; what correspondents still encrypt to, and what old
  /// mail is encrypted to (a CMS recipient is named by issuer and serial number). At most 64 are kept; those whose key version is gone are
  /// left out.
  [[nodiscard]] Result<std::vector<Identity>> earlier_identities(const KeyName& key);

 private:
  Authority(std::shared_ptr<Keeper> keeper, CertificateStore& store, const Clock& clock, Random& random, AuthorityOptions options,
            Certificate root, EvpPkeyPtr signer);
  class Template;
  Result<Certificate> sign(const Template& wanted, const PublicKey& key) const;
  Result<Identity> identity(const KeyName& key, KeyType type, const Template& wanted, std::uint32_t version);
  Status keep_earlier(const KeyName& key, const Certificate& leaf);

  std::shared_ptr<Keeper> m_keeper;
  CertificateStore& m_store;
  const Clock& m_clock;
  Random& m_random;
  AuthorityOptions m_options;
  Certificate m_root;
  std::shared_ptr<EVP_PKEY> m_signer;  ///< A handle; the key stays in the keeper.
};

}  // namespace postern
