// Encrypting and decrypting with one key.
#include "base/cursor.hpp"
#include "crypto/random.hpp"
#include "transit/use.hpp"

namespace postern::transit {

using detail::admit;
using detail::Core;
using detail::Counted;
using detail::Key;
using detail::Version;

namespace {

constexpr std::size_t kDataKey = 32;
constexpr Byte kWrappedFormat = 1;
constexpr std::size_t kScratchKept = 256 * 1024;

std::string unsupported(const Key& key, std::string_view what) {
  return "message " + std::string(what) + " not supported for key type " + std::string(name_of(key.policy.type));
}

bool is_rsa(const Key& key) { return detail::rsa_bits_of(key.policy.type) != 0; }

Status check_rsa_aad(ByteView aad) {
  return aad.empty() ? Status() : fail(ErrorCode::Unsupported, "RSA keys take no associated data", "associated_data");
}

Status append_rsa(std::string& out, const Key& key, const Version& version, const CipherOptions& options, ByteView plaintext) {
  POSTERN_CHECK(check_rsa_aad(options.aad));
  POSTERN_TRY(const PublicKey* pub, public_key_of(key, version, unsupported(key, "encryption")));
  POSTERN_TRY(const Bytes sealed, pub->encrypt_oaep({}, plaintext));
  append_prefix(out, version.number);
  append_base64(out, sealed);
  return {};
}

// The sealed form on its way to its text; kept per thread, so that the only memory taken is the text's.
Status append_aead(std::string& out, const Key& key, const Version& version, const CipherOptions& options, ByteView plaintext) {
  thread_local RawBytes scratch;
  scratch.resize(plaintext.size() + detail::overhead_of(key));
  const Status sealed = seal_message(key, version, options, plaintext, scratch);
  if (sealed) {
    out.reserve(out.size() + 20 + scratch.size() / 3 * 4 + 4);
    append_prefix(out, version.number);
    append_base64(out, scratch);
  }
  if (scratch.capacity() > kScratchKept) scratch = RawBytes();
  return sealed;
}

// Encrypts without asking whether the key may be used so.
Result<std::uint32_t> protect(Core& core, const Key& key, std::string& out, ByteView plaintext, const CipherOptions& options) {
  if (!abilities_of(key.policy.type).encrypts) return fail(ErrorCode::Unsupported, unsupported(key, "encryption"), key.name);
  POSTERN_TRY(const Version* version, version_to_protect(key, options.version, "encryption"));
  POSTERN_CHECK(core.count(key, *version, Counted::Encryption));
  POSTERN_CHECK(is_rsa(key) ? append_rsa(out, key, *version, options, plaintext) : append_aead(out, key, *version, options, plaintext));
  return version->number;
}

Result<WipedBytes> open_rsa(const Key& key, const Version& version, const CipherOptions& options, ByteView sealed) {
  POSTERN_CHECK(check_rsa_aad(options.aad));
  POSTERN_TRY(const PrivateKey* own, private_key_of(key, version, unsupported(key, "decryption")));
  const auto opened = own->decrypt_oaep({}, sealed);
  if (!opened) return fail(ErrorCode::IntegrityFailed, "failed to RSA decrypt the ciphertext: crypto/rsa: decryption error");
  return WipedBytes(opened->view().begin(), opened->view().end());
}

Result<WipedBytes> unprotect(const Key& key, std::string_view ciphertext, const CipherOptions& options) {
  if (!abilities_of(key.policy.type).decrypts) return fail(ErrorCode::Unsupported, unsupported(key, "decryption"), key.name);
  POSTERN_TRY(const VersionedText text, read_versioned(ciphertext, TextKind::Ciphertext));
  POSTERN_TRY(const Version* version, version_to_open(key, text.version, TextKind::Ciphertext));
  thread_local RawBytes scratch;
  scratch.resize(base64_room(text.body));
  const auto size = decode_base64_into(text.body, scratch);
  if (!size) return fail(ErrorCode::BadInput, "invalid ciphertext: could not decode base64");
  const ByteView sealed = ByteView(scratch).first(*size);
  if (is_rsa(key)) return open_rsa(key, *version, options, sealed);
  const std::size_t overhead = detail::overhead_of(key);
  WipedBytes out(sealed.size() < overhead ? 0 : sealed.size() - overhead);
  const Status opened = open_message(key, *version, options, sealed, out);
  if (scratch.capacity() > kScratchKept) scratch = RawBytes();
  if (!opened) return fail(opened.error());
  return out;
}

// Data keys have associated data of their own, so that neither a data key passes for a ciphertext nor the reverse.
Bytes data_key_aad(ByteView aad) {
  Bytes out = to_bytes(std::string_view("postern data key\0", 17));
  append(out, aad);
  return out;
}

// What the forms without text want: an AEAD key that needs no context.
Status check_plain_aead(const Key& key) {
  if (detail::is_aead(key.policy.type) && !key.policy.derived) return {};
  return fail(ErrorCode::Unsupported, "only symmetric encryption keys that are not derived do this", key.name);
}

Result<Bytes> wrap(Core& core, const Key& key, ByteView data_key, ByteView aad) {
  POSTERN_CHECK(check_plain_aead(key));
  const Version& version = key.newest();
  POSTERN_CHECK(core.count(key, version, Counted::Encryption));
  ByteWriter out;
  out.write_u8(kWrappedFormat).write_u32(version.number);
  Bytes wrapped = std::move(out).take();
  const std::size_t head = wrapped.size();
  wrapped.resize(head + data_key.size() + detail::overhead_of(key));
  POSTERN_CHECK(seal_message(key, version, {.aad = data_key_aad(aad)}, data_key, ByteSpan(wrapped).subspan(head)));
  return wrapped;
}

Result<SecretBytes> unwrap(const Key& key, ByteView wrapped, ByteView aad) {
  POSTERN_CHECK(check_plain_aead(key));
  ByteReader reader(wrapped);
  POSTERN_TRY(const std::uint8_t format, reader.read_u8("wrapped"));
  POSTERN_TRY(const std::uint32_t number, reader.read_u32("wrapped"));
  if (format != kWrappedFormat || number == 0 || reader.remaining() < detail::overhead_of(key))
    return fail(ErrorCode::BadInput, "not a wrapped data key", "wrapped");
  POSTERN_TRY(const Version* version, version_to_open(key, number, TextKind::Ciphertext));
  SecretBytes out(reader.remaining() - detail::overhead_of(key));
  POSTERN_CHECK(open_message(key, *version, {.aad = data_key_aad(aad)}, reader.remainder(), out.span()));
  return out;
}

}  // namespace

Result<std::uint32_t> KeyRef::encrypt_to(std::string& out, ByteView plaintext, const CipherOptions& options) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Encrypt));
  return protect(*m_core, *m_key, out, plaintext, options);
}

Result<Ciphertext> KeyRef::encrypt(ByteView plaintext, const CipherOptions& options) const {
  Ciphertext out;
  POSTERN_TRY(out.version, encrypt_to(out.text, plaintext, options));
  return out;
}

Result<WipedBytes> KeyRef::decrypt(std::string_view ciphertext, const CipherOptions& options) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Decrypt));
  return unprotect(*m_key, ciphertext, options);
}

Result<Ciphertext> KeyRef::rewrap(std::string_view ciphertext, const CipherOptions& options) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Rewrap));
  POSTERN_TRY(const WipedBytes plaintext, unprotect(*m_key, ciphertext, options));
  Ciphertext out;
  POSTERN_TRY(out.version, protect(*m_core, *m_key, out.text, plaintext, options));
  return out;
}

Result<NewDataKey> KeyRef::data_key(std::size_t bits, const CipherOptions& options) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::DataKey));
  if (bits != 128 && bits != 256 && bits != 512) return fail(ErrorCode::BadInput, "invalid bit length", "bits");
  NewDataKey out{random_key(bits / 8), {}, 0};
  POSTERN_TRY(out.version, protect(*m_core, *m_key, out.text, out.plaintext.view(), options));
  return out;
}

std::size_t KeyRef::overhead() const noexcept { return detail::overhead_of(*m_key); }

Result<std::uint32_t> KeyRef::seal(ByteView plaintext, ByteView aad, ByteSpan out) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Encrypt));
  POSTERN_CHECK(check_plain_aead(*m_key));
  if (out.size() != plaintext.size() + overhead()) return fail(ErrorCode::Internal, "the output buffer has the wrong size");
  const Version& version = m_key->newest();
  POSTERN_CHECK(m_core->count(*m_key, version, Counted::Encryption));
  POSTERN_CHECK(seal_message(*m_key, version, {.aad = aad}, plaintext, out));
  return version.number;
}

Status KeyRef::open(std::uint32_t version, ByteView sealed, ByteView aad, ByteSpan out) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Decrypt));
  POSTERN_CHECK(check_plain_aead(*m_key));
  if (sealed.size() < overhead()) return fail(ErrorCode::BadInput, "invalid ciphertext: too short");
  if (out.size() != sealed.size() - overhead()) return fail(ErrorCode::Internal, "the output buffer has the wrong size");
  POSTERN_TRY(const Version* found, version_to_open(*m_key, version, TextKind::Ciphertext));
  return open_message(*m_key, *found, {.aad = aad}, sealed, out);
}

Result<WrappedDataKey> KeyRef::new_data_key(ByteView aad) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::DataKey));
  SecretBytes plaintext = random_key(kDataKey);
  POSTERN_TRY(Bytes wrapped, wrap(*m_core, *m_key, plaintext.view(), aad));
  return WrappedDataKey{std::move(plaintext), std::move(wrapped)};
}

Result<SecretBytes> KeyRef::unwrap_data_key(ByteView wrapped, ByteView aad) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Decrypt));
  return unwrap(*m_key, wrapped, aad);
}

Result<Bytes> KeyRef::rewrap_data_key(ByteView wrapped, ByteView aad) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Rewrap));
  POSTERN_TRY(const SecretBytes plaintext, unwrap(*m_key, wrapped, aad));
  return wrap(*m_core, *m_key, plaintext.view(), aad);
}

}  // namespace postern::transit
