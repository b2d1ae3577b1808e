#include "seals/pkcs11_session.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <vector>

namespace postern::seals {
namespace {

constexpr std::size_t kMostSlots = 1024;
constexpr std::size_t kMostAttribute = 4096;
constexpr CK_ULONG kTagBits = 128;

/// Fields of fixed width are filled up with blanks.
template <std::size_t N>
std::string_view field(const unsigned char (&raw)[N]) {
  std::string_view text(reinterpret_cast<const char*>(raw), N);
  text = text.substr(0, text.find('\0'));
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

bool matches(const Pkcs11Uri& uri, CK_SLOT_ID slot, const CK_TOKEN_INFO& token) {
  const auto same = [](const std::string& wanted, std::string_view found) { return wanted.empty() || wanted == found; };
  return (!uri.slot_id || *uri.slot_id == slot) && same(uri.token, field(token.label)) && same(uri.serial, field(token.serialNumber)) &&
         same(uri.manufacturer, field(token.manufacturerID)) && same(uri.model, field(token.model)) &&
         (token.flags & CKF_TOKEN_INITIALIZED) != 0;
}

Result<std::vector<CK_SLOT_ID>> slots_with_tokens(CK_FUNCTION_LIST& module) {
  CK_ULONG count = 0;
  if (const CK_RV answer = module.C_GetSlotList(CK_TRUE, nullptr, &count); answer != CKR_OK)
    return fail(pkcs11_error(answer, "looking for tokens"));
  if (count > kMostSlots) return fail(ErrorCode::TooLarge, "the PKCS#11 library names more than 1,024 tokens", "module-path");
  std::vector<CK_SLOT_ID> slots(count);
  if (count == 0) return slots;
  if (const CK_RV answer = module.C_GetSlotList(CK_TRUE, slots.data(), &count); answer != CKR_OK)
    return fail(pkcs11_error(answer, "looking for tokens"));
  slots.resize(std::min<std::size_t>(count, slots.size()));
  return slots;
}

struct FoundToken {
  CK_SLOT_ID slot = 0;
  CK_TOKEN_INFO info{};
};

Result<FoundToken> find_token(CK_FUNCTION_LIST& module, const Pkcs11Uri& uri) {
  POSTERN_TRY(const auto slots, slots_with_tokens(module));
  std::optional<FoundToken> found;
  for (const CK_SLOT_ID slot : slots) {
    FoundToken here{.slot = slot};
    if (module.C_GetTokenInfo(slot, &here.info) != CKR_OK || !matches(uri, slot, here.info)) continue;
    if (found)
      return fail(ErrorCode::Conflict, "more than one token matches " + uri.token_text() + ": add serial=…, or slot-id=…", "token");
    found = here;
  }
  if (!found) return fail(ErrorCode::Unavailable, "no token matches " + uri.token_text() + ": plug it in, or correct the setting", "token");
  return *found;
}

template <class T>
CK_ATTRIBUTE number(CK_ATTRIBUTE_TYPE type, T& value) {
  return {type, &value, sizeof(value)};
}
// The library does not write through a template that it is given.
CK_ATTRIBUTE bytes(CK_ATTRIBUTE_TYPE type, ByteView value) { return {type, const_cast<Byte*>(value.data()), value.size()}; }

CK_GCM_PARAMS gcm_params(Bytes& iv) {
  return {.pIv = iv.data(), .ulIvLen = iv.size(), .ulIvBits = iv.size() * 8, .pAAD = nullptr, .ulAADLen = 0, .ulTagBits = kTagBits};
}

void append_named(std::vector<CK_ATTRIBUTE>& out, const Pkcs11KeyName& name) {
  if (!name.label.empty()) out.push_back(bytes(CKA_LABEL, as_bytes(name.label)));
  if (!name.id.empty()) out.push_back(bytes(CKA_ID, name.id));
}

// Tokens have many words for a tag or padding that is not right. A session that was lost shows earlier, or under its own name.
Error decrypt_error(CK_RV answer) {
  Error error = pkcs11_error(answer, "opening with the token");
  const bool data = answer == CKR_GENERAL_ERROR || answer == CKR_FUNCTION_FAILED || answer == CKR_DATA_INVALID ||
                    answer == CKR_DATA_LEN_RANGE || answer == CKR_ARGUMENTS_BAD;
  if (data) error.code = ErrorCode::IntegrityFailed;
  return error;
}

// X.690: a positive INTEGER, and the lengths that RSA keys have.
void write_der(Bytes& out, Byte tag, ByteView content) {
  out.push_back(tag);
  if (content.size() >= 0x80) {
    out.push_back(0x82);
    out.push_back(static_cast<Byte>(content.size() >> 8));
  }
  out.push_back(static_cast<Byte>(content.size()));
  append(out, content);
}
Bytes der_integer(ByteView number) {
  while (number.size() > 1 && number.front() == 0) number = number.subspan(1);
  Bytes content;
  if (!number.empty() && number.front() >= 0x80) content.push_back(0);
  append(content, number);
  Bytes out;
  write_der(out, 0x02, content);
  return out;
}

}  // namespace

Pkcs11Session::Pkcs11Session(Pkcs11Session&& other) noexcept
    : m_module(std::move(other.m_module)), m_slot(other.m_slot), m_session(std::exchange(other.m_session, std::nullopt)) {}

// Logging out would log out every session of this process with the token; closing the last one does the same by itself.
Pkcs11Session::~Pkcs11Session() {
  if (m_session) m_module->C_CloseSession(*m_session);
}

Result<Pkcs11Session> Pkcs11Session::open(Pkcs11Module module, const Pkcs11Uri& uri, ByteView pin) {
  POSTERN_TRY(const FoundToken token, find_token(*module, uri));
  Pkcs11Session session(std::move(module), token.slot);
  POSTERN_CHECK(session.start(pin, token.info, uri.token_text()));
  return session;
}

Status Pkcs11Session::start(ByteView pin, const CK_TOKEN_INFO& token, const std::string& who) {
  CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
  if ((token.flags & CKF_WRITE_PROTECTED) != 0) flags = CKF_SERIAL_SESSION;
  CK_SESSION_HANDLE handle = 0;
  if (const CK_RV answer = m_module->C_OpenSession(m_slot, flags, nullptr, nullptr, &handle); answer != CKR_OK)
    return fail(pkcs11_error(answer, "opening a session with " + who));
  m_session = handle;
  return (token.flags & CKF_LOGIN_REQUIRED) != 0 ? login(pin, token, who) : Status{};
}

Status Pkcs11Session::login(ByteView pin, const CK_TOKEN_INFO& token, const std::string& who) {
  if ((token.flags & CKF_USER_PIN_LOCKED) != 0)
    return fail(ErrorCode::Denied, "the PIN of " + who + " is locked: unlock it with the security officer's PIN", "pin-source");
  if ((token.flags & CKF_USER_PIN_FINAL_TRY) != 0)
    return fail(ErrorCode::Denied, "one wrong PIN more locks " + who + ", so it is not tried here: log in by hand with the right one first",
                "pin-source");
  const bool pad = (token.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
  if (pin.empty() && !pad) return fail(ErrorCode::Denied, who + " needs a PIN: add pin-source=file:/PATH", "pin-source");
  SecretBytes copy(pin);
  const CK_RV answer = m_module->C_Login(*m_session, CKU_USER, pin.empty() ? nullptr : copy.span().data(), copy.size());
  if (answer == CKR_OK || answer == CKR_USER_ALREADY_LOGGED_IN) return {};
  Error error = pkcs11_error(answer, "logging in to " + who);
  if (answer == CKR_PIN_INCORRECT || answer == CKR_PIN_INVALID || answer == CKR_PIN_LEN_RANGE) {
    error.what += "; put the right PIN into the file, this one is not tried again";
    error.field = kPinRefused;
  }
  return fail(std::move(error));
}

bool Pkcs11Session::supports(CK_MECHANISM_TYPE mechanism) const {
  CK_MECHANISM_INFO info{};
  return m_module->C_GetMechanismInfo(m_slot, mechanism, &info) == CKR_OK;
}

Result<std::optional<CK_OBJECT_HANDLE>> Pkcs11Session::find(Pkcs11KeyType type, const Pkcs11KeyName& name) {
  CK_OBJECT_CLASS object_class = type == Pkcs11KeyType::SecretKey ? CKO_SECRET_KEY : CKO_PRIVATE_KEY;
  CK_KEY_TYPE key_type = type == Pkcs11KeyType::SecretKey ? CKK_AES : CKK_RSA;
  std::vector<CK_ATTRIBUTE> wanted{number(CKA_CLASS, object_class), number(CKA_KEY_TYPE, key_type)};
  append_named(wanted, name);
  CK_RV answer = m_module->C_FindObjectsInit(*m_session, wanted.data(), wanted.size());
  if (answer != CKR_OK) return fail(pkcs11_error(answer, "looking for the key"));
  std::array<CK_OBJECT_HANDLE, 2> found{};
  CK_ULONG count = 0;
  answer = m_module->C_FindObjects(*m_session, found.data(), found.size(), &count);
  m_module->C_FindObjectsFinal(*m_session);
  if (answer != CKR_OK) return fail(pkcs11_error(answer, "looking for the key"));
  if (count > 1) return fail(ErrorCode::Conflict, "more than one key of the token matches: add its id", "id");
  return count == 0 ? std::nullopt : std::optional(found[0]);
}

Result<Bytes> Pkcs11Session::attribute(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type) {
  CK_ATTRIBUTE wanted{type, nullptr, 0};
  CK_RV answer = m_module->C_GetAttributeValue(*m_session, key, &wanted, 1);
  if (answer != CKR_OK) return fail(pkcs11_error(answer, "reading about the key"));
  if (wanted.ulValueLen > kMostAttribute) return fail(ErrorCode::Unsupported, "the token describes its key at too great length", "seal");
  Bytes value(wanted.ulValueLen);
  if (value.empty()) return value;
  wanted.pValue = value.data();
  answer = m_module->C_GetAttributeValue(*m_session, key, &wanted, 1);
  if (answer != CKR_OK) return fail(pkcs11_error(answer, "reading about the key"));
  value.resize(std::min<std::size_t>(wanted.ulValueLen, value.size()));
  return value;
}

Result<Pkcs11KeyName> Pkcs11Session::name_of(CK_OBJECT_HANDLE key) {
  POSTERN_TRY(const Bytes label, attribute(key, CKA_LABEL));
  POSTERN_TRY(Bytes id, attribute(key, CKA_ID));
  return Pkcs11KeyName{std::string(as_text(label)), std::move(id)};
}

bool Pkcs11Session::is_kept(CK_OBJECT_HANDLE key) {
  const auto sensitive = attribute(key, CKA_SENSITIVE), extractable = attribute(key, CKA_EXTRACTABLE);
  return sensitive && *sensitive == Bytes{CK_TRUE} && extractable && *extractable == Bytes{CK_FALSE};
}

std::optional<std::size_t> Pkcs11Session::aes_bytes(CK_OBJECT_HANDLE key) {
  const auto found = attribute(key, CKA_VALUE_LEN);
  CK_ULONG size = 0;
  if (!found || found->size() != sizeof(size)) return std::nullopt;
  std::memcpy(&size, found->data(), sizeof(size));
  return size;
}

Status Pkcs11Session::generate_aes(const Pkcs11KeyName& name) {
  CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
  CK_ULONG size = 32;
  std::vector<CK_ATTRIBUTE> wanted{number(CKA_VALUE_LEN, size), number(CKA_TOKEN, yes),      number(CKA_PRIVATE, yes),
                                   number(CKA_SENSITIVE, yes),  number(CKA_EXTRACTABLE, no), number(CKA_ENCRYPT, yes),
                                   number(CKA_DECRYPT, yes)};
  append_named(wanted, name);
  CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
  CK_OBJECT_HANDLE key = 0;
  const CK_RV answer = m_module->C_GenerateKey(*m_session, &mechanism, wanted.data(), wanted.size(), &key);
  return answer == CKR_OK ? Status{} : fail(pkcs11_error(answer, "making an AES-256 key on the token"));
}

Status Pkcs11Session::generate_rsa(const Pkcs11KeyName& name) {
  CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
  CK_ULONG bits = 3072;
  std::array<Byte, 3> exponent{1, 0, 1};
  std::vector<CK_ATTRIBUTE> open{number(CKA_TOKEN, yes), number(CKA_ENCRYPT, yes), number(CKA_MODULUS_BITS, bits),
                                 bytes(CKA_PUBLIC_EXPONENT, exponent)};
  std::vector<CK_ATTRIBUTE> closed{number(CKA_TOKEN, yes), number(CKA_PRIVATE, yes), number(CKA_SENSITIVE, yes),
                                   number(CKA_EXTRACTABLE, no), number(CKA_DECRYPT, yes)};
  append_named(open, name);
  append_named(closed, name);
  CK_MECHANISM mechanism{CKM_RSA_PKCS_KEY_PAIR_GEN, nullptr, 0};
  CK_OBJECT_HANDLE public_part = 0, private_part = 0;
  const CK_RV answer = m_module->C_GenerateKeyPair(*m_session, &mechanism, open.data(), open.size(), closed.data(), closed.size(),
                                                   &public_part, &private_part);
  return answer == CKR_OK ? Status{} : fail(pkcs11_error(answer, "making an RSA-3072 key pair on the token"));
}

Result<Pkcs11Gcm> Pkcs11Session::encrypt_gcm(CK_OBJECT_HANDLE key, Bytes iv, ByteView plaintext) {
  CK_GCM_PARAMS params = gcm_params(iv);
  CK_MECHANISM mechanism{CKM_AES_GCM, &params, sizeof(params)};
  CK_RV answer = m_module->C_EncryptInit(*m_session, &mechanism, key);
  if (answer != CKR_OK) return fail(pkcs11_error(answer, "sealing with the token"));
  SecretBytes input(plaintext);
  Bytes out(plaintext.size() + 64);
  CK_ULONG size = out.size();
  answer = m_module->C_Encrypt(*m_session, input.span().data(), input.size(), out.data(), &size);
  if (answer != CKR_OK) return fail(pkcs11_error(answer, "sealing with the token"));
  out.resize(std::min<std::size_t>(size, out.size()));
  return Pkcs11Gcm{std::move(iv), std::move(out)};
}

Result<SecretBytes> Pkcs11Session::decrypt(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, ByteView ciphertext) {
  CK_RV answer = m_module->C_DecryptInit(*m_session, &mechanism, key);
  if (answer != CKR_OK) return fail(pkcs11_error(answer, "opening with the token"));
  Bytes input(ciphertext.begin(), ciphertext.end());
  SecretBytes out(ciphertext.size() + 64);
  CK_ULONG size = out.size();
  answer = m_module->C_Decrypt(*m_session, input.data(), input.size(), out.span().data(), &size);
  if (answer != CKR_OK) return fail(decrypt_error(answer));
  return SecretBytes(out.view().first(std::min<std::size_t>(size, out.size())));
}

Result<SecretBytes> Pkcs11Session::decrypt_gcm(CK_OBJECT_HANDLE key, const Pkcs11Gcm& sealed) {
  Bytes iv = sealed.iv;
  CK_GCM_PARAMS params = gcm_params(iv);
  return decrypt({CKM_AES_GCM, &params, sizeof(params)}, key, sealed.ciphertext);
}

Result<PublicKey> Pkcs11Session::public_key(CK_OBJECT_HANDLE rsa_key) {
  POSTERN_TRY(const Bytes modulus, attribute(rsa_key, CKA_MODULUS));
  POSTERN_TRY(const Bytes exponent, attribute(rsa_key, CKA_PUBLIC_EXPONENT));
  Bytes both = der_integer(modulus), der;
  append(both, der_integer(exponent));
  write_der(der, 0x30, both);
  return PublicKey::from_rsa_pkcs1(der);
}

Result<SecretBytes> Pkcs11Session::decrypt_oaep(CK_OBJECT_HANDLE key, HashAlgorithm hash, ByteView ciphertext) {
  const bool sha1 = hash == HashAlgorithm::Sha1;
  CK_RSA_PKCS_OAEP_PARAMS params{.hashAlg = sha1 ? CKM_SHA_1 : CKM_SHA256,
                                 .mgf = sha1 ? CKG_MGF1_SHA1 : CKG_MGF1_SHA256,
                                 .source = CKZ_DATA_SPECIFIED,
                                 .source_data = nullptr,
                                 .source_data_len = 0};
  return decrypt({CKM_RSA_PKCS_OAEP, &params, sizeof(params)}, key, ciphertext);
}

}  // namespace postern::seals
