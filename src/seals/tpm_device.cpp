#include "seals/tpm_device.hpp"

#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/cursor.hpp"
#include "base/text.hpp"

namespace postern::seals {
namespace {

constexpr std::size_t kMostSecret = 128;
constexpr std::size_t kPcrSelect = 3;  // bytes: PCRs 0 to 23

struct EsysMemory {
  void operator()(void* memory) const noexcept { Esys_Free(memory); }
};
template <class T>
using EsysPtr = std::unique_ptr<T, EsysMemory>;

// TPM 2.0 part 2, 6.6: a code of format one carries the number of the handle, session or parameter that it is about.
TSS2_RC without_place(TSS2_RC answer) {
  const TSS2_RC code = answer & 0xffffU;
  return (code & TPM2_RC_FMT1) != 0 ? code & 0xbfU : code;
}
bool is_from_tpm(TSS2_RC answer) {
  const TSS2_RC layer = answer & TSS2_RC_LAYER_MASK;
  return layer == TSS2_TPM_RC_LAYER || layer == TSS2_RESMGR_TPM_RC_LAYER;
}

ErrorCode code_of(TSS2_RC answer) {
  if (!is_from_tpm(answer)) {
    const bool forged = answer == TSS2_ESYS_RC_RSP_AUTH_FAILED || answer == TSS2_ESYS_RC_MALFORMED_RESPONSE;
    return forged ? ErrorCode::IntegrityFailed : ErrorCode::Unavailable;
  }
  switch (without_place(answer)) {
    case TPM2_RC_POLICY_FAIL:
    case TPM2_RC_PCR_CHANGED:
    case TPM2_RC_PCR:
    case TPM2_RC_AUTH_FAIL:
    case TPM2_RC_BAD_AUTH:
    case TPM2_RC_AUTH_MISSING:
    case TPM2_RC_AUTH_UNAVAILABLE:
    case TPM2_RC_LOCKOUT: return ErrorCode::Denied;
    case TPM2_RC_INTEGRITY:
    case TPM2_RC_SIZE:
    case TPM2_RC_BINDING:
    case TPM2_RC_TYPE: return ErrorCode::IntegrityFailed;
    default: return ErrorCode::Unavailable;
  }
}

std::string hex_of(std::uint32_t handle) { return "0x" + hex_encode(ByteWriter().write_u32(handle).bytes()); }

TPML_PCR_SELECTION selection_of(const std::vector<std::uint8_t>& indices) {
  TPML_PCR_SELECTION out{};
  out.count = 1;
  out.pcrSelections[0].hash = TPM2_ALG_SHA256;
  out.pcrSelections[0].sizeofSelect = kPcrSelect;
  for (const std::uint8_t index : indices) out.pcrSelections[0].pcrSelect[index / 8] |= static_cast<BYTE>(1U << index % 8);
  return out;
}
std::vector<std::uint8_t> indices_of(const std::vector<PcrValue>& values) {
  std::vector<std::uint8_t> out;
  for (const PcrValue& one : values) out.push_back(one.index);
  return out;
}

// TPM 2.0 part 3, 23.7: policyDigest = H(zeros || TPM_CC_PolicyPCR || pcrs || H(values)). Done here rather than in a trial session, so
// that nobody on the bus has a say in what the secret is bound to.
Sha256 policy_of(const std::vector<PcrValue>& values) {
  const TPML_PCR_SELECTION pcrs = selection_of(indices_of(values));
  Bytes together;
  for (const PcrValue& one : values) append(together, one.value);
  ByteWriter writer;
  writer.write_bytes(Sha256{}).write_u32(TPM2_CC_PolicyPCR).write_u32(1).write_u16(TPM2_ALG_SHA256).write_u8(kPcrSelect);
  writer.write_bytes({pcrs.pcrSelections[0].pcrSelect, kPcrSelect}).write_bytes(sha256(together));
  return sha256(writer.bytes());
}

// TCG TPM v2.0 Provisioning Guidance 7.5.1: the ECC P-256 storage root key. The same template gives the same key until the TPM is cleared.
TPM2B_PUBLIC storage_template() {
  TPM2B_PUBLIC out{};
  TPMT_PUBLIC& area = out.publicArea;
  area.type = TPM2_ALG_ECC;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                          TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
  TPMS_ECC_PARMS& ecc = area.parameters.eccDetail;
  ecc.symmetric.algorithm = TPM2_ALG_AES;
  ecc.symmetric.keyBits.aes = 128;
  ecc.symmetric.mode.aes = TPM2_ALG_CFB;
  ecc.scheme.scheme = TPM2_ALG_NULL;
  ecc.curveID = TPM2_ECC_NIST_P256;
  ecc.kdf.scheme = TPM2_ALG_NULL;
  return out;
}

TPM2B_PUBLIC sealed_template(const std::vector<PcrValue>& bound_to) {
  TPM2B_PUBLIC out{};
  TPMT_PUBLIC& area = out.publicArea;
  area.type = TPM2_ALG_KEYEDHASH;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA;
  area.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
  if (bound_to.empty()) {
    area.objectAttributes |= TPMA_OBJECT_USERWITHAUTH;
    return out;
  }
  const Sha256 policy = policy_of(bound_to);
  area.authPolicy.size = static_cast<UINT16>(policy.size());
  std::ranges::copy(policy, area.authPolicy.buffer);
  return out;
}

template <class T, class Marshal>
Result<Bytes> marshalled(const T& value, Marshal marshal) {
  Bytes out(sizeof(T) + 64);
  std::size_t size = 0;
  if (const TSS2_RC answer = marshal(&value, out.data(), out.size(), &size); answer != TSS2_RC_SUCCESS)
    return fail(tpm_error(answer, "writing what the TPM sealed"));
  out.resize(size);
  return out;
}
template <class T, class Unmarshal>
Result<T> unmarshalled(ByteView bytes, Unmarshal unmarshal) {
  T out{};
  std::size_t at = 0;
  if (unmarshal(bytes.data(), bytes.size(), &at, &out) != TSS2_RC_SUCCESS || at != bytes.size())
    return fail(ErrorCode::BadInput, "what the TPM sealed cannot be read", "seal");
  return out;
}

}  // namespace

Error tpm_error(TSS2_RC answer, const std::string& doing) {
  return {code_of(answer), doing + ": " + printable(Tss2_RC_Decode(answer), 160), "seal"};
}

TpmHandle::TpmHandle(TpmHandle&& other) noexcept
    : m_context(other.m_context), m_handle(std::exchange(other.m_handle, ESYS_TR_NONE)), m_flush(other.m_flush) {}

TpmHandle::~TpmHandle() {
  if (m_handle == ESYS_TR_NONE) return;
  if (!m_flush || Esys_FlushContext(m_context, m_handle) != TSS2_RC_SUCCESS) Esys_TR_Close(m_context, &m_handle);
}

void TpmDevice::TctiFree::operator()(TSS2_TCTI_CONTEXT* tcti) const noexcept { Tss2_TctiLdr_Finalize(&tcti); }

Result<TpmDevice> TpmDevice::open(const std::string& tcti) {
  TpmDevice out;
  TSS2_TCTI_CONTEXT* connection = nullptr;
  TSS2_RC answer = Tss2_TctiLdr_Initialize(tcti.c_str(), &connection);
  out.m_tcti.reset(connection);
  ESYS_CONTEXT* context = nullptr;
  if (answer == TSS2_RC_SUCCESS) answer = Esys_Initialize(&context, connection, nullptr);
  out.m_context.reset(context);
  if (answer == TSS2_RC_SUCCESS) return out;
  Error error = tpm_error(answer, "no TPM answers at " + tcti);
  error.what += "; switch it on in the firmware, and let posternd open it (group tss)";
  return fail(std::move(error));
}

Result<TpmHandle> TpmDevice::storage_key(std::uint32_t persistent) {
  ESYS_TR handle = ESYS_TR_NONE;
  if (persistent != 0) {
    const TSS2_RC answer = Esys_TR_FromTPMPublic(m_context.get(), persistent, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &handle);
    if (answer != TSS2_RC_SUCCESS) return fail(tpm_error(answer, "the TPM has no storage key at the handle " + hex_of(persistent)));
    return TpmHandle(m_context.get(), handle, false);
  }
  const TPM2B_SENSITIVE_CREATE sensitive{};
  const TPM2B_PUBLIC wanted = storage_template();
  const TPM2B_DATA outside{};
  const TPML_PCR_SELECTION none{};
  const TSS2_RC answer = Esys_CreatePrimary(m_context.get(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
                                            &wanted, &outside, &none, &handle, nullptr, nullptr, nullptr, nullptr);
  if (answer == TSS2_RC_SUCCESS) return TpmHandle(m_context.get(), handle, true);
  Error error = tpm_error(answer, "making the TPM's storage key");
  if (error.code == ErrorCode::Denied)
    error.what += "; the owner hierarchy has a password: make the storage key persistent (tpm2_evictcontrol) and write parent=0x81000001";
  return fail(std::move(error));
}

Result<Bytes> TpmDevice::name_of(const TpmHandle& object) {
  TPM2B_NAME* raw = nullptr;
  if (const TSS2_RC answer = Esys_TR_GetName(m_context.get(), object.get(), &raw); answer != TSS2_RC_SUCCESS)
    return fail(tpm_error(answer, "reading the name of the TPM's storage key"));
  const EsysPtr<TPM2B_NAME> name(raw);
  return Bytes(name->name, name->name + name->size);
}

Result<TpmHandle> TpmDevice::session(const TpmHandle& storage_key, SessionKind kind) {
  TPMT_SYM_DEF symmetric{};
  symmetric.algorithm = TPM2_ALG_AES;
  symmetric.keyBits.aes = 128;
  symmetric.mode.aes = TPM2_ALG_CFB;
  ESYS_TR handle = ESYS_TR_NONE;
  const TSS2_RC answer =
      Esys_StartAuthSession(m_context.get(), storage_key.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, nullptr,
                            kind == SessionKind::Hmac ? TPM2_SE_HMAC : TPM2_SE_POLICY, &symmetric, TPM2_ALG_SHA256, &handle);
  if (answer != TSS2_RC_SUCCESS) return fail(tpm_error(answer, "opening a session with the TPM"));
  return TpmHandle(m_context.get(), handle, true);
}

Status TpmDevice::set_flags(const TpmHandle& session, TPMA_SESSION flags) {
  const TSS2_RC answer = Esys_TRSess_SetAttributes(m_context.get(), session.get(), flags | TPMA_SESSION_CONTINUESESSION, 0xff);
  return answer == TSS2_RC_SUCCESS ? Status{} : fail(tpm_error(answer, "setting up a session with the TPM"));
}

// The TPM answers with as many values as it likes to put into one answer, lowest first.
Result<std::vector<PcrValue>> TpmDevice::read_pcrs(const TpmHandle& session, const std::vector<std::uint8_t>& indices) {
  POSTERN_CHECK(set_flags(session, TPMA_SESSION_AUDIT));
  std::vector<PcrValue> out;
  while (out.size() < indices.size()) {
    const TPML_PCR_SELECTION wanted = selection_of({indices.begin() + static_cast<std::ptrdiff_t>(out.size()), indices.end()});
    TPML_DIGEST* raw = nullptr;
    const TSS2_RC answer = Esys_PCR_Read(m_context.get(), session.get(), ESYS_TR_NONE, ESYS_TR_NONE, &wanted, nullptr, nullptr, &raw);
    if (answer != TSS2_RC_SUCCESS) return fail(tpm_error(answer, "reading the TPM's PCRs"));
    const EsysPtr<TPML_DIGEST> digests(raw);
    if (digests->count == 0) return fail(ErrorCode::Unsupported, "the TPM keeps no SHA-256 value of a PCR that is asked for", "pcrs");
    for (UINT32 i = 0; i < digests->count && out.size() < indices.size(); ++i) {
      const TPM2B_DIGEST& digest = digests->digests[i];
      if (digest.size != sizeof(Sha256))
        return fail(ErrorCode::Unsupported, "the TPM answers with something that is no SHA-256 value", "pcrs");
      PcrValue& one = out.emplace_back(PcrValue{.index = indices[out.size()]});
      std::copy_n(digest.buffer, one.value.size(), one.value.begin());
    }
  }
  return out;
}

Result<TpmSealed> TpmDevice::seal(const TpmHandle& storage_key, const TpmHandle& session, ByteView secret,
                                  const std::vector<PcrValue>& bound_to) {
  if (secret.size() > kMostSecret) return fail(ErrorCode::TooLarge, "a TPM seals 128 bytes at most", "seal");
  POSTERN_CHECK(set_flags(session, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT));
  SecretBytes memory(sizeof(TPM2B_SENSITIVE_CREATE));
  auto* sensitive = ::new (memory.span().data()) TPM2B_SENSITIVE_CREATE{};
  sensitive->sensitive.data.size = static_cast<UINT16>(secret.size());
  std::ranges::copy(secret, sensitive->sensitive.data.buffer);
  const TPM2B_PUBLIC wanted = sealed_template(bound_to);
  const TPM2B_DATA outside{};
  const TPML_PCR_SELECTION none{};
  TPM2B_PRIVATE* raw_private = nullptr;
  TPM2B_PUBLIC* raw_public = nullptr;
  const TSS2_RC answer = Esys_Create(m_context.get(), storage_key.get(), session.get(), ESYS_TR_NONE, ESYS_TR_NONE, sensitive, &wanted,
                                     &outside, &none, &raw_private, &raw_public, nullptr, nullptr, nullptr);
  if (answer != TSS2_RC_SUCCESS) return fail(tpm_error(answer, "sealing with the TPM"));
  const EsysPtr<TPM2B_PRIVATE> private_area(raw_private);
  const EsysPtr<TPM2B_PUBLIC> public_area(raw_public);
  TpmSealed out;
  POSTERN_TRY(out.public_area, marshalled(*public_area, Tss2_MU_TPM2B_PUBLIC_Marshal));
  POSTERN_TRY(out.private_area, marshalled(*private_area, Tss2_MU_TPM2B_PRIVATE_Marshal));
  return out;
}

Result<TpmHandle> TpmDevice::load(const TpmHandle& storage_key, const TpmHandle& session, const TpmSealed& sealed) {
  POSTERN_TRY(const auto public_area, unmarshalled<TPM2B_PUBLIC>(sealed.public_area, Tss2_MU_TPM2B_PUBLIC_Unmarshal));
  POSTERN_TRY(const auto private_area, unmarshalled<TPM2B_PRIVATE>(sealed.private_area, Tss2_MU_TPM2B_PRIVATE_Unmarshal));
  POSTERN_CHECK(set_flags(session, TPMA_SESSION_DECRYPT));
  ESYS_TR handle = ESYS_TR_NONE;
  const TSS2_RC answer =
      Esys_Load(m_context.get(), storage_key.get(), session.get(), ESYS_TR_NONE, ESYS_TR_NONE, &private_area, &public_area, &handle);
  if (answer != TSS2_RC_SUCCESS) return fail(tpm_error(answer, "loading what the TPM sealed"));
  return TpmHandle(m_context.get(), handle, true);
}

Result<TpmHandle> TpmDevice::show_pcrs(const TpmHandle& storage_key, const std::vector<std::uint8_t>& indices) {
  POSTERN_TRY(TpmHandle policy, session(storage_key, SessionKind::Policy));
  const TPML_PCR_SELECTION pcrs = selection_of(indices);
  const TPM2B_DIGEST as_they_are{};
  const TSS2_RC answer = Esys_PolicyPCR(m_context.get(), policy.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &as_they_are, &pcrs);
  if (answer != TSS2_RC_SUCCESS) return fail(tpm_error(answer, "showing the TPM its PCRs"));
  return policy;
}

Result<SecretBytes> TpmDevice::unseal(const TpmHandle& storage_key, const TpmHandle& session, const TpmSealed& sealed,
                                      const std::vector<PcrValue>& bound_to) {
  POSTERN_TRY(const TpmHandle object, load(storage_key, session, sealed));
  std::optional<TpmHandle> policy;
  if (!bound_to.empty()) {
    POSTERN_TRY(TpmHandle shown, show_pcrs(storage_key, indices_of(bound_to)));
    policy.emplace(std::move(shown));
  }
  POSTERN_CHECK(set_flags(session, TPMA_SESSION_ENCRYPT));
  TPM2B_SENSITIVE_DATA* raw = nullptr;
  const TSS2_RC answer = Esys_Unseal(m_context.get(), object.get(), policy ? policy->get() : session.get(),
                                     policy ? session.get() : ESYS_TR_NONE, ESYS_TR_NONE, &raw);
  if (answer != TSS2_RC_SUCCESS) return fail(tpm_error(answer, "unsealing with the TPM"));
  const EsysPtr<TPM2B_SENSITIVE_DATA> data(raw);
  SecretBytes out(ByteView(data->buffer, data->size));
  wipe(ByteSpan(data->buffer, data->size));
  return out;
}

}  // namespace postern::seals
