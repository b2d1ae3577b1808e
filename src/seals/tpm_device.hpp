// One connection to a TPM 2.0 (tpm2-tss ESAPI), for one call of a seal: storage key, salted session, sealed objects, PCRs.
//
// Everything secret crosses the bus encrypted: each session is salted with the storage key, and its parameter encryption (AES-128-CFB)
// covers the secret in Create and in Unseal. Who listens on the bus learns nothing; who changes what passes is noticed by the session's
// HMAC, provided that the storage key is the TPM's own, which is why a blob remembers its name.
//
// Threads: one at a time. Errors: tpm_error(). Calls have no deadline of their own.
#pragma once

#include <tss2/tss2_esys.h>

#include <memory>
#include <string>
#include <vector>

#include "base/secret.hpp"
#include "crypto/hash.hpp"

namespace postern::seals {

/// Unavailable (no TPM there, busy), Denied (policy, authorization, lockout), IntegrityFailed (what was loaded is not whole), else
/// Internal.
[[nodiscard]] Error tpm_error(TSS2_RC answer, const std::string& doing);

/// A handle of ESAPI; what lives in the TPM's memory only is flushed.
class TpmHandle {
 public:
  TpmHandle(ESYS_CONTEXT* context, ESYS_TR handle, bool flush) : m_context(context), m_handle(handle), m_flush(flush) {}
  TpmHandle(TpmHandle&& other) noexcept;
  TpmHandle& operator=(TpmHandle&&) = delete;
  ~TpmHandle();
  [[nodiscard]] ESYS_TR get() const noexcept { return m_handle; }

 private:
  ESYS_CONTEXT* m_context;
  ESYS_TR m_handle;
  bool m_flush;
};

struct PcrValue {
  std::uint8_t index = 0;
  Sha256 value{};
  friend bool operator==(const PcrValue&, const PcrValue&) = default;
};

struct TpmSealed {
  Bytes public_area;   ///< TPM2B_PUBLIC, marshalled.
  Bytes private_area;  ///< TPM2B_PRIVATE, marshalled; encrypted and authenticated by the TPM.
};

class TpmDevice {
 public:
  [[nodiscard]] static Result<TpmDevice> open(const std::string& tcti);

  /// The storage key: that at the persistent handle, or (0) the standard ECC P-256 one made from the owner seed.
  [[nodiscard]] Result<TpmHandle> storage_key(std::uint32_t persistent);
  /// Its name, a digest of its public part that nobody can give another key.
  [[nodiscard]] Result<Bytes> name_of(const TpmHandle& object);
  enum class SessionKind { Hmac, Policy };
  [[nodiscard]] Result<TpmHandle> session(const TpmHandle& storage_key, SessionKind kind);

  /// SHA-256 bank, authenticated by the session. Unsupported when the bank does not hold one of them.
  [[nodiscard]] Result<std::vector<PcrValue>> read_pcrs(const TpmHandle& session, const std::vector<std::uint8_t>& indices);
  /// `secret` has at most 128 bytes. With values, it opens only while the PCRs have them.
  [[nodiscard]] Result<TpmSealed> seal(const TpmHandle& storage_key, const TpmHandle& session, ByteView secret,
                                       const std::vector<PcrValue>& bound_to);
  [[nodiscard]] Result<SecretBytes> unseal(const TpmHandle& storage_key, const TpmHandle& session, const TpmSealed& sealed,
                                           const std::vector<PcrValue>& bound_to);

 private:
  struct TctiFree {
    void operator()(TSS2_TCTI_CONTEXT* tcti) const noexcept;
  };
  struct EsysFree {
    void operator()(ESYS_CONTEXT* context) const noexcept { Esys_Finalize(&context); }
  };
  TpmDevice() = default;
  [[nodiscard]] Status set_flags(const TpmHandle& session, TPMA_SESSION flags);
  [[nodiscard]] Result<TpmHandle> show_pcrs(const TpmHandle& storage_key, const std::vector<std::uint8_t>& indices);
  [[nodiscard]] Result<TpmHandle> load(const TpmHandle& storage_key, const TpmHandle& session, const TpmSealed& sealed);

  std::unique_ptr<TSS2_TCTI_CONTEXT, TctiFree> m_tcti;
  std::unique_ptr<ESYS_CONTEXT, EsysFree> m_context;  ///< Ends before what it talks through.
};

}  // namespace postern::seals
