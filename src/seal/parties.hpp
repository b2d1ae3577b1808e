// Who takes part in an S/MIME object: signers and recipients of ours before it is made, signers of others when it is opened. What mail
// (smime.hpp) and X.400 contents (contentseal/) have in common. Certificates and keys are borrowed.
#pragma once

#include "seal/cms.hpp"
#include "seal/smime.hpp"

namespace postern {

/// Why this identity may not sign now: "expired at …; renew it", "is not for digital signatures (keyUsage)". Nothing when it may.
[[nodiscard]] std::optional<std::string> signer_fault(const Certificate& leaf, WallTime now);
/// BadInput with the certificate's name and the fault.
[[nodiscard]] Status expect_signer(const SmimeIdentity& signer, WallTime now);
/// What cms_sign() is asked; the root of the chain is not sent.
[[nodiscard]] CmsSignRequest sign_request(const SmimeIdentity& signer, bool detached, WallTime now);

/// Each once; BadInput names the certificate that may not be encrypted to.
[[nodiscard]] Result<std::vector<X509*>> usable_recipients(std::span<const Certificate> recipients, WallTime now);
/// The certificates that messages to us may be encrypted to.
[[nodiscard]] Result<std::vector<X509*>> leaves_of(std::span<const SmimeIdentity> identities);

/// Of certificates of one correspondent.
struct Candidate {
  const Certificate* certificate = nullptr;  ///< Borrowed.
  std::string source;                        ///< Stands in reasons.
};
/// The one issued last that may be encrypted to. NotFound: there is none. Denied: none usable, with every reason. `address` is the field.
[[nodiscard]] Result<Certificate> choose_recipient(std::span<const Candidate> candidates,
                                                   const std::function<bool(const Certificate&)>& is_revoked, const std::string& address,
                                                   WallTime now);

/// Why a certificate does not speak for who is said to have written: "the signer's certificate is not for the address in From". Nothing
/// when it does.
using AuthorCheck = std::function<std::optional<std::string>(const Certificate&)>;
/// Every signer with its facts and its verdict; SmimeSigner::matches_from is what `author` said.
[[nodiscard]] std::vector<SmimeSigner> judge_signers(const CmsVerified& verified, const SmimeTrust& trust, const AuthorCheck& author,
                                                     WallTime now);

}  // namespace postern
