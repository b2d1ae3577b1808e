#include "keys/openpgp_key.hpp"

#include <fcntl.h>
#include <rnp/rnp.h>
#include <rnp/rnp_err.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace postern::detail {
namespace {

constexpr std::size_t kMaxIdle = 8;
constexpr std::size_t kUserIdLimit = 127;                    // RNP's own
constexpr std::size_t kPlaintextLimit = 256U * 1024 * 1024;  // a small message may decompress to anything
constexpr std::uint32_t kPublicWithSubkeys = RNP_KEY_EXPORT_PUBLIC | RNP_KEY_EXPORT_SUBKEYS;

template <class T, auto Destroy>
struct RnpFree {
  void operator()(T* object) const noexcept { (void)Destroy(object); }
};
template <class Handle, auto Destroy>
using RnpPtr = std::unique_ptr<std::remove_pointer_t<Handle>, RnpFree<std::remove_pointer_t<Handle>, Destroy>>;
using FfiPtr = RnpPtr<rnp_ffi_t, rnp_ffi_destroy>;
using InputPtr = RnpPtr<rnp_input_t, rnp_input_destroy>;
using OutputPtr = RnpPtr<rnp_output_t, rnp_output_destroy>;
using KeyPtr = RnpPtr<rnp_key_handle_t, rnp_key_handle_destroy>;
using GeneratePtr = RnpPtr<rnp_op_generate_t, rnp_op_generate_destroy>;
using SignPtr = RnpPtr<rnp_op_sign_t, rnp_op_sign_destroy>;
using EncryptPtr = RnpPtr<rnp_op_encrypt_t, rnp_op_encrypt_destroy>;
using VerifyPtr = RnpPtr<rnp_op_verify_t, rnp_op_verify_destroy>;
using SignaturePtr = RnpPtr<rnp_signature_handle_t, rnp_signature_handle_destroy>;
using IteratorPtr = RnpPtr<rnp_identifier_iterator_t, rnp_identifier_iterator_destroy>;
struct BufferFree {
  void operator()(char* text) const noexcept { rnp_buffer_destroy(text); }
};

// Calls an RNP function whose last parameter is the object it makes; null when it failed.
template <class Owner, class... Args>
Owner make(auto function, Args... args) {
  typename Owner::pointer made = nullptr;
  if (function(&made, args...) != RNP_SUCCESS) return Owner();
  return Owner(made);
}

// Calls an RNP getter of a text that the caller frees; empty when there is none.
template <class Object>
std::string text_of(rnp_result_t (*getter)(Object, char**), Object object) {
  char* raw = nullptr;
  if (getter(object, &raw) != RNP_SUCCESS || raw == nullptr) return {};
  const std::unique_ptr<char, BufferFree> owned(raw);
  return owned.get();
}

// RNP's results are fixed texts, never data.
tl::unexpected<Error> rnp_fail(ErrorCode code, std::string_view doing, rnp_result_t result) {
  return fail(code, std::string(doing) + ": " + rnp_result_to_string(result));
}

Status check(rnp_result_t result, std::string_view doing) {
  if (result == RNP_SUCCESS) return {};
  return rnp_fail(ErrorCode::Internal, doing, result);
}

std::uint64_t rnp_time(WallTime now) { return static_cast<std::uint64_t>(std::max<std::int64_t>(unix_seconds(now), 1)); }

Result<FfiPtr> new_ffi() {
  FfiPtr ffi = make<FfiPtr>(rnp_ffi_create, "GPG", "GPG");
  if (!ffi) return fail(ErrorCode::Internal, "starting RNP");
  // RNP would write about strangers' broken messages to standard error; the log says what matters.
  const int quiet = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (quiet >= 0) rnp_ffi_set_log_fd(ffi.get(), quiet);
  return ffi;
}

Result<InputPtr> input_over(ByteView bytes) {
  // do_copy false: the bytes outlive the call that reads them.
  InputPtr input = make<InputPtr>(rnp_input_from_memory, bytes.data(), bytes.size(), false);
  if (!input) return fail(ErrorCode::BadInput, "an empty OpenPGP object");
  return input;
}

OutputPtr output_to_memory() { return make<OutputPtr>(rnp_output_to_memory, kPlaintextLimit); }

ByteSpan written(const OutputPtr& output) {
  std::uint8_t* data = nullptr;
  std::size_t size = 0;
  if (rnp_output_memory_get_buf(output.get(), &data, &size, false) != RNP_SUCCESS) return {};
  return {data, size};
}

Result<OutputPtr> exported(rnp_key_handle_t key, std::uint32_t flags) {
  OutputPtr out = output_to_memory();
  POSTERN_CHECK(check(rnp_key_export(key, out.get(), flags), "exporting an OpenPGP key"));
  return out;
}

Result<KeyPtr> first_key(rnp_ffi_t ffi) {
  const IteratorPtr it = [&] {
    rnp_identifier_iterator_t made = nullptr;
    (void)rnp_identifier_iterator_create(ffi, &made, "fingerprint");
    return IteratorPtr(made);
  }();
  const char* fingerprint = nullptr;
  while (it && rnp_identifier_iterator_next(it.get(), &fingerprint) == RNP_SUCCESS && fingerprint != nullptr) {
    rnp_key_handle_t handle = nullptr;
    if (rnp_locate_key(ffi, "fingerprint", fingerprint, &handle) != RNP_SUCCESS || handle == nullptr) continue;
    KeyPtr key(handle);
    bool primary = false;
    if (rnp_key_is_primary(key.get(), &primary) == RNP_SUCCESS && primary) return key;
  }
  return fail(ErrorCode::BadInput, "not an OpenPGP certificate");
}

Status load(rnp_ffi_t ffi, ByteView bytes, std::uint32_t what) {
  POSTERN_TRY(const InputPtr input, input_over(bytes));
  if (rnp_load_keys(ffi, "GPG", input.get(), what) != RNP_SUCCESS) return fail(ErrorCode::BadInput, "not an OpenPGP key");
  return {};
}

// The primary fingerprints in a certificate, read in a context of its own.
Result<std::string> fingerprint_of(ByteView certificate) {
  POSTERN_TRY(const FfiPtr ffi, new_ffi());
  POSTERN_CHECK(load(ffi.get(), certificate, RNP_LOAD_SAVE_PUBLIC_KEYS));
  POSTERN_TRY(const KeyPtr key, first_key(ffi.get()));
  return text_of(rnp_key_get_fprint, key.get());
}

// Generating -------------------------------------------------------------------------------------------------------------------------

Status check_user_id(std::string_view user_id) {
  const bool control = std::ranges::any_of(user_id, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (user_id.empty() || user_id.size() > kUserIdLimit || control || !is_utf8(user_id)) {
    return fail(ErrorCode::BadInput, "an OpenPGP user id is 1 to 127 bytes of UTF-8 without control characters", "user_id");
  }
  return {};
}

Result<KeyPtr> run_generator(const GeneratePtr& op) {
  rnp_key_handle_t key = nullptr;
  POSTERN_CHECK(check(rnp_op_generate_execute(op.get()), "making an OpenPGP key"));
  POSTERN_CHECK(check(rnp_op_generate_get_key(op.get(), &key), "making an OpenPGP key"));
  return KeyPtr(key);
}

Result<KeyPtr> generate_primary(rnp_ffi_t ffi, const std::string& user_id) {
  const GeneratePtr op = make<GeneratePtr>(rnp_op_generate_create, ffi, "EDDSA");
  if (!op) return fail(ErrorCode::Unsupported, "this RNP has no Ed25519");
  for (const rnp_result_t result :
       {rnp_op_generate_set_userid(op.get(), user_id.c_str()), rnp_op_generate_set_hash(op.get(), "SHA512"),
        rnp_op_generate_add_usage(op.get(), "certify"), rnp_op_generate_add_usage(op.get(), "sign"),
        rnp_op_generate_set_expiration(op.get(), 0), rnp_op_generate_add_pref_hash(op.get(), "SHA512"),
        rnp_op_generate_add_pref_hash(op.get(), "SHA256"), rnp_op_generate_add_pref_cipher(op.get(), "AES256"),
        rnp_op_generate_add_pref_cipher(op.get(), "AES128"), rnp_op_generate_add_pref_compression(op.get(), "Uncompressed")}) {
    POSTERN_CHECK(check(result, "making an OpenPGP key"));
  }
  return run_generator(op);
}

Result<KeyPtr> generate_subkey(rnp_ffi_t ffi, const KeyPtr& primary) {
  const GeneratePtr op = make<GeneratePtr>(rnp_op_generate_subkey_create, ffi, primary.get(), "ECDH");
  if (!op) return fail(ErrorCode::Unsupported, "this RNP has no X25519");
  for (const rnp_result_t result : {rnp_op_generate_set_curve(op.get(), "Curve25519"), rnp_op_generate_set_hash(op.get(), "SHA512"),
                                    rnp_op_generate_add_usage(op.get(), "encrypt"), rnp_op_generate_set_expiration(op.get(), 0)}) {
    POSTERN_CHECK(check(result, "making an OpenPGP subkey"));
  }
  return run_generator(op);
}

// Verdicts ---------------------------------------------------------------------------------------------------------------------------

OpenPgpSignatureStatus status_of(rnp_op_verify_signature_t signature) {
  switch (rnp_op_verify_signature_get_status(signature)) {
    case RNP_SUCCESS: break;
    case RNP_ERROR_KEY_NOT_FOUND: return OpenPgpSignatureStatus::UnknownSigner;
    case RNP_ERROR_SIGNATURE_EXPIRED: return OpenPgpSignatureStatus::Expired;
    default: return OpenPgpSignatureStatus::Bad;
  }
  rnp_key_handle_t handle = nullptr;
  if (rnp_op_verify_signature_get_key(signature, &handle) != RNP_SUCCESS) return OpenPgpSignatureStatus::UnknownSigner;
  const KeyPtr key(handle);
  bool valid = false;
  if (rnp_key_is_valid(key.get(), &valid) != RNP_SUCCESS || !valid) return OpenPgpSignatureStatus::UnusableKey;
  return OpenPgpSignatureStatus::Good;
}

std::string primary_fingerprint(rnp_op_verify_signature_t signature) {
  rnp_key_handle_t handle = nullptr;
  if (rnp_op_verify_signature_get_key(signature, &handle) != RNP_SUCCESS || handle == nullptr) return {};
  const KeyPtr key(handle);
  bool primary = false;
  const bool known = rnp_key_is_primary(key.get(), &primary) == RNP_SUCCESS;
  return known && !primary ? text_of(rnp_key_get_primary_fprint, key.get()) : text_of(rnp_key_get_fprint, key.get());
}

OpenPgpSignature describe(rnp_op_verify_signature_t signature) {
  OpenPgpSignature out;
  out.status = status_of(signature);
  out.fingerprint = primary_fingerprint(signature);
  out.hash = text_of(rnp_op_verify_signature_get_hash, signature);
  std::uint32_t created = 0;
  if (rnp_op_verify_signature_get_times(signature, &created, nullptr) == RNP_SUCCESS) out.created = created;
  rnp_signature_handle_t handle = nullptr;
  if (rnp_op_verify_signature_get_handle(signature, &handle) == RNP_SUCCESS) {
    const SignaturePtr owned(handle);
    out.key_id = text_of(rnp_signature_get_keyid, owned.get());
  }
  return out;
}

std::vector<OpenPgpSignature> describe_all(rnp_op_verify_t op) {
  std::size_t count = 0;
  std::vector<OpenPgpSignature> out;
  if (rnp_op_verify_get_signature_count(op, &count) != RNP_SUCCESS) return out;
  for (std::size_t i = 0; i < count; ++i) {
    rnp_op_verify_signature_t signature = nullptr;
    if (rnp_op_verify_get_signature_at(op, i, &signature) == RNP_SUCCESS) out.push_back(describe(signature));
  }
  return out;
}

Error decrypt_error(rnp_result_t result) {
  const std::string why = rnp_result_to_string(result);
  switch (result) {
    case RNP_ERROR_NO_SUITABLE_KEY:
    case RNP_ERROR_KEY_NOT_FOUND:
    case RNP_ERROR_BAD_PASSWORD: return {ErrorCode::NotFound, "the OpenPGP message is not encrypted to this key", {}};
    case RNP_ERROR_BAD_FORMAT:
    case RNP_ERROR_NOT_ENOUGH_DATA:
    case RNP_ERROR_EOF:
    case RNP_ERROR_UNKNOWN_TAG: return {ErrorCode::BadInput, "not a whole OpenPGP message: " + why, {}};
    case RNP_ERROR_OUT_OF_MEMORY:
    case RNP_ERROR_WRITE: return {ErrorCode::TooLarge, "the OpenPGP message is larger than 256 MiB when opened", {}};
    default: return {ErrorCode::IntegrityFailed, "the OpenPGP message does not decrypt: " + why, {}};
  }
}

// Fills in how the text was protected, or says why it is not acceptable.
Status judge_protection(rnp_op_verify_t op, OpenPgpOpened& opened) {
  char* mode = nullptr;
  char* cipher = nullptr;
  bool intact = false;
  POSTERN_CHECK(check(rnp_op_verify_get_protection_info(op, &mode, &cipher, &intact), "reading an OpenPGP message"));
  const std::unique_ptr<char, BufferFree> owned_mode(mode);
  const std::unique_ptr<char, BufferFree> owned_cipher(cipher);
  opened.mode = mode;
  opened.cipher = cipher;
  if (opened.mode == "none") return fail(ErrorCode::BadInput, "the OpenPGP message is not encrypted");
  // RFC 9580 13.7, RFC 4880 14: text without integrity protection can be changed by anybody on the way (EFAIL).
  if (!intact) return fail(ErrorCode::IntegrityFailed, "the OpenPGP message has no integrity protection, or it failed");
  return {};
}

}  // namespace

Result<OpenPgpMaterial> openpgp_generate(std::string_view user_id, WallTime now) {
  POSTERN_CHECK(check_user_id(user_id));
  POSTERN_TRY(const FfiPtr ffi, new_ffi());
  rnp_set_timestamp(ffi.get(), rnp_time(now));
  POSTERN_TRY(const KeyPtr primary, generate_primary(ffi.get(), std::string(user_id)));
  POSTERN_CHECK(generate_subkey(ffi.get(), primary));
  POSTERN_TRY(const OutputPtr certificate, exported(primary.get(), kPublicWithSubkeys | RNP_KEY_EXPORT_ARMORED));
  POSTERN_TRY(const OutputPtr secret, exported(primary.get(), RNP_KEY_EXPORT_SECRET | RNP_KEY_EXPORT_SUBKEYS));
  OpenPgpMaterial out{SecretBytes(ByteView(written(secret))), std::string(as_text(written(certificate)))};
  wipe(written(secret));
  return out;
}

Result<std::string> openpgp_user_id(std::string_view certificate) {
  POSTERN_TRY(const FfiPtr ffi, new_ffi());
  POSTERN_CHECK(load(ffi.get(), as_bytes(certificate), RNP_LOAD_SAVE_PUBLIC_KEYS));
  POSTERN_TRY(const KeyPtr key, first_key(ffi.get()));
  return text_of(rnp_key_get_primary_uid, key.get());
}

/// One RNP context with our secret keys, and nobody else's certificates between calls.
class OpenPgpKey::Session {
 public:
  FfiPtr ffi;
  KeyPtr signer;
};

/// Borrows a session and gives it back clean.
class OpenPgpKey::Lease {
 public:
  Lease(OpenPgpKey& owner, std::unique_ptr<Session> session) : m_owner(owner), m_session(std::move(session)) {}
  ~Lease() { m_owner.give(std::move(m_session)); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  [[nodiscard]] rnp_ffi_t ffi() const noexcept { return m_session->ffi.get(); }
  [[nodiscard]] rnp_key_handle_t signer() const noexcept { return m_session->signer.get(); }

 private:
  OpenPgpKey& m_owner;
  std::unique_ptr<Session> m_session;
};

OpenPgpKey::OpenPgpKey(std::vector<SecretBytes> secrets) : m_secrets(std::move(secrets)) {}
OpenPgpKey::~OpenPgpKey() = default;

Result<std::unique_ptr<OpenPgpKey::Session>> OpenPgpKey::take(WallTime now) {
  {
    const std::lock_guard lock(m_mutex);
    if (!m_idle.empty()) {
      auto session = std::move(m_idle.back());
      m_idle.pop_back();
      rnp_set_timestamp(session->ffi.get(), rnp_time(now));
      return session;
    }
  }
  auto session = std::make_unique<Session>();
  POSTERN_TRY(session->ffi, new_ffi());
  rnp_set_timestamp(session->ffi.get(), rnp_time(now));
  // The newest first, so that it is the one found as signer.
  for (auto secret = m_secrets.rbegin(); secret != m_secrets.rend(); ++secret) {
    POSTERN_CHECK(load(session->ffi.get(), secret->view(), RNP_LOAD_SAVE_SECRET_KEYS));
    if (!session->signer) {
      POSTERN_TRY(session->signer, first_key(session->ffi.get()));
    }
  }
  return session;
}

void OpenPgpKey::give(std::unique_ptr<Session> session) {
  if (rnp_unload_keys(session->ffi.get(), RNP_KEY_UNLOAD_PUBLIC) != RNP_SUCCESS) return;
  const std::lock_guard lock(m_mutex);
  if (m_idle.size() < kMaxIdle) m_idle.push_back(std::move(session));
}

Result<std::string> OpenPgpKey::sign_detached(ByteView data, WallTime now) {
  POSTERN_TRY(auto session, take(now));
  const Lease lease(*this, std::move(session));
  POSTERN_TRY(const InputPtr input, input_over(data));
  const OutputPtr output = output_to_memory();
  const SignPtr op = make<SignPtr>(rnp_op_sign_detached_create, lease.ffi(), input.get(), output.get());
  if (!op) return fail(ErrorCode::Internal, "signing by OpenPGP");
  for (const rnp_result_t result :
       {rnp_op_sign_add_signature(op.get(), lease.signer(), nullptr), rnp_op_sign_set_hash(op.get(), "SHA512"),
        rnp_op_sign_set_armor(op.get(), true), rnp_op_sign_set_creation_time(op.get(), static_cast<std::uint32_t>(rnp_time(now)))}) {
    POSTERN_CHECK(check(result, "signing by OpenPGP"));
  }
  POSTERN_CHECK(check(rnp_op_sign_execute(op.get()), "signing by OpenPGP"));
  return std::string(as_text(written(output)));
}

namespace {

bool can_receive(rnp_key_handle_t key) {
  bool valid = false;
  rnp_key_handle_t encrypting = nullptr;
  if (rnp_key_is_valid(key, &valid) != RNP_SUCCESS || !valid) return false;
  if (rnp_key_get_default_key(key, "encrypt", 0, &encrypting) != RNP_SUCCESS) return false;
  return KeyPtr(encrypting) != nullptr;
}

Status add_recipients(rnp_ffi_t ffi, rnp_op_encrypt_t op, std::span<const Bytes> recipients) {
  if (recipients.empty()) return fail(ErrorCode::BadInput, "no recipient to encrypt to", "recipients");
  for (const Bytes& certificate : recipients) {
    POSTERN_TRY(const std::string fingerprint, fingerprint_of(certificate));
    POSTERN_CHECK(load(ffi, certificate, RNP_LOAD_SAVE_PUBLIC_KEYS));
    rnp_key_handle_t handle = nullptr;
    if (rnp_locate_key(ffi, "fingerprint", fingerprint.c_str(), &handle) != RNP_SUCCESS || handle == nullptr) {
      return fail(ErrorCode::BadInput, "not an OpenPGP certificate", "recipients");
    }
    const KeyPtr key(handle);
    if (!can_receive(key.get()) || rnp_op_encrypt_add_recipient(op, key.get()) != RNP_SUCCESS) {
      return fail(ErrorCode::BadInput, "the certificate " + fingerprint + " is expired, revoked or has no key to encrypt to", "recipients");
    }
  }
  return {};
}

}  // namespace

Result<std::string> OpenPgpKey::sign_encrypt(std::span<const Bytes> recipients, ByteView plaintext, WallTime now) {
  POSTERN_TRY(auto session, take(now));
  const Lease lease(*this, std::move(session));
  POSTERN_TRY(const InputPtr input, input_over(plaintext));
  const OutputPtr output = output_to_memory();
  const EncryptPtr op = make<EncryptPtr>(rnp_op_encrypt_create, lease.ffi(), input.get(), output.get());
  if (!op) return fail(ErrorCode::Internal, "encrypting by OpenPGP");
  POSTERN_CHECK(add_recipients(lease.ffi(), op.get(), recipients));
  for (const rnp_result_t result :
       {rnp_op_encrypt_add_signature(op.get(), lease.signer(), nullptr), rnp_op_encrypt_set_hash(op.get(), "SHA512"),
        rnp_op_encrypt_set_creation_time(op.get(), static_cast<std::uint32_t>(rnp_time(now))),
        rnp_op_encrypt_set_cipher(op.get(), "AES256"), rnp_op_encrypt_set_aead(op.get(), "None"),
        rnp_op_encrypt_set_compression(op.get(), "Uncompressed", 0), rnp_op_encrypt_set_armor(op.get(), true)}) {
    POSTERN_CHECK(check(result, "encrypting by OpenPGP"));
  }
  POSTERN_CHECK(check(rnp_op_encrypt_execute(op.get()), "encrypting by OpenPGP"));
  return std::string(as_text(written(output)));
}

Result<OpenPgpOpened> OpenPgpKey::decrypt(ByteView message, std::span<const Bytes> signers, WallTime now) {
  POSTERN_TRY(auto session, take(now));
  const Lease lease(*this, std::move(session));
  for (const Bytes& certificate : signers) POSTERN_CHECK(load(lease.ffi(), certificate, RNP_LOAD_SAVE_PUBLIC_KEYS));
  POSTERN_TRY(const InputPtr input, input_over(message));
  const OutputPtr output = output_to_memory();
  const VerifyPtr op = make<VerifyPtr>(rnp_op_verify_create, lease.ffi(), input.get(), output.get());
  if (!op) return fail(ErrorCode::Internal, "decrypting by OpenPGP");
  POSTERN_CHECK(check(rnp_op_verify_set_flags(op.get(), RNP_VERIFY_IGNORE_SIGS_ON_DECRYPT), "decrypting by OpenPGP"));
  const rnp_result_t result = rnp_op_verify_execute(op.get());
  if (result != RNP_SUCCESS) return fail(decrypt_error(result));
  OpenPgpOpened opened;
  POSTERN_CHECK(judge_protection(op.get(), opened));
  const ByteSpan plaintext = written(output);
  opened.plaintext.assign(plaintext.begin(), plaintext.end());
  wipe(plaintext);
  opened.signatures = describe_all(op.get());
  return opened;
}

}  // namespace postern::detail
