// What S/MIME on X.400 contents works with: our certificates and keys, correspondents', and whom we believe. Ours are files, or in the
// keeper (security.smime.x400_source); everybody else's are files.
//
// In security.smime.certificates_dir
//   signing.pem, signing.key         the certificate that our messages are signed with (leaf first, intermediates behind it), and its key
//   encryption.pem, encryption.key   the one that others encrypt to; without them, signing.pem where its usage allows it
//   *.pem, *.crt, *.cer              correspondents', found by O/R address (contentseal/directory.hpp)
//   *.crl                            revocation lists
// With keys in the keeper no .key is read, and a signing.pem or encryption.pem is what another authority issued for one of them.
//
// Immutable once loaded; keys are wiped with the last user of it.
#pragma once

#include <memory>
#include <mutex>

#include "config/config.hpp"
#include "contentseal/directory.hpp"
#include "seal/certificate_directory.hpp"
#include "seal/smime.hpp"
#include "transport/finding.hpp"

namespace postern::transport {

/// Keys of our own people that are no files. Thread safe; asked when material is loaded.
class SmimeKeys {
 public:
  virtual ~SmimeKeys() = default;
  /// Ours, of the current certificate first, then those that it replaced. NotFound: there are none.
  [[nodiscard]] virtual Result<std::vector<SmimeIdentity>> ours() = 0;
  /// Whether they can be used now; Unavailable says why not.
  [[nodiscard]] virtual Status ready() = 0;
  /// To encrypt to one of our own people. NotFound: he has no key.
  [[nodiscard]] virtual Result<Certificate> certificate_of(const oraddress::ORAddress& address) = 0;
};

struct SmimeMaterial {
  std::string folder;
  /// NotFound: there is no signing.pem. Anything else: there is one that cannot be used, and why.
  Result<SmimeIdentity> signer = fail(ErrorCode::NotFound, "nothing is loaded");
  /// The same for encryption.pem.
  Result<SmimeIdentity> reader = fail(ErrorCode::NotFound, "nothing is loaded");
  std::string signer_place = "signing.pem", reader_place = "encryption.pem";  ///< For people.
  std::vector<SmimeIdentity> earlier;  ///< What content to us was encrypted to before; only the keeper remembers.
  std::shared_ptr<SmimeKeys> keys;     ///< Null: ours are files.
  contentseal::ContentDirectory correspondents;
  std::shared_ptr<const CertificateDirectory> revocations;  ///< Asked for its lists only.
  CertificateChain roots;
  std::vector<FileFault> faults;  ///< Files that are passed over.

  /// All that content to us may be encrypted to, best first.
  [[nodiscard]] std::vector<SmimeIdentity> identities() const;
  /// The certificate to encrypt to: of the correspondents, else of our own people. Errors as ContentDirectory::choose().
  [[nodiscard]] Result<Certificate> certificate_for(const oraddress::ORAddress& address, WallTime now) const;
  /// Borrows this.
  [[nodiscard]] SmimeTrust trust() const;
};

/// A folder that is not there holds nothing; one that cannot be read is an error. Without `keys` ours are files.
[[nodiscard]] Result<std::shared_ptr<const SmimeMaterial>> load_smime(const std::string& folder, CertificateChain roots,
                                                                      std::shared_ptr<SmimeKeys> keys = nullptr);

/// security.smime.x400_sign, x400_encrypt. Should: where there are the certificates for it.
enum class SealingNeed : std::uint8_t { Never, Should, Must };

/// Chain, expiry, usage, strength, key and names of ours, files that are passed over. `need`: what it means that there is nothing to sign
/// with. `user`: whom ours should name, where that is known.
[[nodiscard]] Findings judge_smime(const SmimeMaterial& material, WallTime now, SealingNeed need,
                                   const std::optional<oraddress::ORAddress>& user = std::nullopt);

/// The material, read again when it is older than kSmimeAge. Thread safe.
inline constexpr std::chrono::seconds kSmimeAge{10};
class SmimeSource {
 public:
  using Roots = std::function<Result<CertificateChain>()>;
  /// `keys` as load_smime() has it.
  SmimeSource(std::string folder, Roots roots, const Clock& clock, std::shared_ptr<SmimeKeys> keys = nullptr)
      : m_folder(std::move(folder)), m_roots(std::move(roots)), m_clock(clock), m_keys(std::move(keys)) {}
  [[nodiscard]] Result<std::shared_ptr<const SmimeMaterial>> get();
  /// Read now, however young what is there may be.
  [[nodiscard]] Result<std::shared_ptr<const SmimeMaterial>> again();

 private:
  [[nodiscard]] Result<std::shared_ptr<const SmimeMaterial>> load();  ///< Under the mutex.

  const std::string m_folder;
  const Roots m_roots;
  const Clock& m_clock;
  const std::shared_ptr<SmimeKeys> m_keys;
  std::mutex m_mutex;
  std::shared_ptr<const SmimeMaterial> m_loaded;
  SteadyTime m_until{};
};

}  // namespace postern::transport
