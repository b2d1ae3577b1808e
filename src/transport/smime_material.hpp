// What S/MIME on X.400 contents works with, from the files of security.smime: our certificates and keys, correspondents', and whom we
// believe.
//
// In security.smime.certificates_dir
//   signing.pem, signing.key         the certificate that our messages are signed with (leaf first, intermediates behind it), and its key
//   encryption.pem, encryption.key   the one that others encrypt to; without them, signing.pem where its usage allows it
//   *.pem, *.crt, *.cer              correspondents', found by O/R address (contentseal/directory.hpp)
//   *.crl                            revocation lists
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

struct SmimeMaterial {
  std::string folder;
  /// NotFound: there is no signing.pem. Anything else: there is one that cannot be used, and why.
  Result<SmimeIdentity> signer = fail(ErrorCode::NotFound, "nothing is loaded");
  /// The same for encryption.pem.
  Result<SmimeIdentity> reader = fail(ErrorCode::NotFound, "nothing is loaded");
  contentseal::ContentDirectory correspondents;
  std::shared_ptr<const CertificateDirectory> revocations;  ///< Asked for its lists only.
  CertificateChain roots;
  std::vector<FileFault> faults;  ///< Files that are passed over.

  /// All that content to us may be encrypted to, best first.
  [[nodiscard]] std::vector<SmimeIdentity> identities() const;
  /// Borrows this.
  [[nodiscard]] SmimeTrust trust() const;
};

/// A folder that is not there holds nothing; one that cannot be read is an error.
[[nodiscard]] Result<std::shared_ptr<const SmimeMaterial>> load_smime(const std::string& folder, CertificateChain roots);

/// security.smime.trust and data_dir/ca.pem, as far as they are there. Errors name the setting.
[[nodiscard]] Result<CertificateChain> smime_roots(const config::Config& config);

/// security.smime.x400_sign, x400_encrypt. Should: where there are the certificates for it.
enum class SealingNeed : std::uint8_t { Never, Should, Must };

/// Chain, expiry, usage, strength, key and names of ours, files that are passed over. `need`: what it means that there is nothing to sign
/// with.
[[nodiscard]] Findings judge_smime(const SmimeMaterial& material, WallTime now, SealingNeed need);

/// The material, read again when it is older than kSmimeAge. Thread safe.
inline constexpr std::chrono::seconds kSmimeAge{10};
class SmimeSource {
 public:
  using Roots = std::function<Result<CertificateChain>()>;
  SmimeSource(std::string folder, Roots roots, const Clock& clock)
      : m_folder(std::move(folder)), m_roots(std::move(roots)), m_clock(clock) {}
  [[nodiscard]] Result<std::shared_ptr<const SmimeMaterial>> get();

 private:
  const std::string m_folder;
  const Roots m_roots;
  const Clock& m_clock;
  std::mutex m_mutex;
  std::shared_ptr<const SmimeMaterial> m_loaded;
  SteadyTime m_until{};
};

}  // namespace postern::transport
