// Keys to outside: export, export under another system's key, backup and restore.
#include <algorithm>

#include "crypto/hash.hpp"
#include "transit/byok.hpp"
#include "transit/use.hpp"

namespace postern::transit {

using detail::Core;
using detail::Key;
using detail::KeyPtr;
using detail::Version;

namespace {

SecretBytes base64_of(ByteView bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  append_base64(text, bytes);
  SecretBytes out(as_bytes(text));
  wipe(text);
  return out;
}

SecretBytes without_line_end(const SecretBytes& text) {
  ByteView view = text.view();
  while (!view.empty() && view.back() == '\n') view = view.first(view.size() - 1);
  return SecretBytes(view);
}

Result<SecretBytes> export_ed25519(const PrivateKey& key) {  // as Go has it: seed and public key, 64 bytes
  POSTERN_TRY(const SecretBytes seed, key.to_raw());
  SecretBytes both(64);
  std::ranges::copy(seed.view(), both.span().begin());
  std::ranges::copy(key.public_key().to_raw(), both.span().begin() + 32);
  return base64_of(both.view());
}

tl::unexpected<Error> no_format(KeyType type) {
  return fail(ErrorCode::BadInput, "keys of type " + std::string(name_of(type)) + " cannot be exported in this format", "format");
}

Result<SecretBytes> export_private(const Key& key, const Version& version, ExportFormat format) {
  const KeyType type = key.policy.type;
  if (format == ExportFormat::Der) return base64_of(version.material.secret.view());
  if (detail::pq_kind_of(type)) {
    if (format == ExportFormat::Raw) return no_format(type);
    std::string pem = detail::pem_of("PRIVATE KEY", version.material.secret.view());
    SecretBytes out = SecretBytes::from_text(pem);
    wipe(pem);
    return out;
  }
  POSTERN_TRY(const PrivateKey* own, private_key_of(key, version, "the key has no private half"));
  const bool raw_kind = own->kind() == KeyKind::Ed25519 || own->kind() == KeyKind::X25519;
  if (own->kind() == KeyKind::Ed25519 && format != ExportFormat::Pem) return export_ed25519(*own);
  if (raw_kind && format == ExportFormat::Raw) {
    POSTERN_TRY(const SecretBytes raw, own->to_raw());
    return base64_of(raw.view());
  }
  if (format == ExportFormat::Raw) return no_format(type);
  POSTERN_TRY(const SecretBytes pem, format == ExportFormat::Default && !raw_kind ? own->to_traditional_pem() : own->to_pem());
  return without_line_end(pem);
}

Result<SecretBytes> export_secret(const Key& key, const Version& version, ExportFormat format) {
  if (version.material.secret.empty()) return fail(ErrorCode::BadInput, "only the public key of a version was imported", key.name);
  if (!abilities_of(key.policy.type).symmetric) return export_private(key, version, format);
  if (format == ExportFormat::Der || format == ExportFormat::Pem) return no_format(key.policy.type);
  return base64_of(version.material.secret.view());
}

Result<SecretBytes> export_public(const Key& key, const Version& version, ExportFormat format) {
  const ByteView spki = version.material.public_part;
  switch (format) {
    case ExportFormat::Default: return SecretBytes::from_text(detail::public_text_of(key.policy.type, spki));
    case ExportFormat::Der: return base64_of(spki);
    case ExportFormat::Pem: return SecretBytes::from_text(detail::pem_of("PUBLIC KEY", spki));
    case ExportFormat::Raw: break;
  }
  POSTERN_TRY(const PublicKey* pub, public_key_of(key, version, "keys of this type cannot be exported in this format"));
  return base64_of(pub->to_raw());
}

Result<SecretBytes> export_mac(const Key& key, const Version& version) {
  const ByteView secret = version.mac_secret(key.policy.type);
  if (secret.empty()) return fail(ErrorCode::BadInput, "no HMAC key exists for a version of this key", key.name);
  return base64_of(secret);
}

Result<SecretBytes> export_version(const Key& key, const Version& version, ExportType type, ExportFormat format) {
  switch (type) {
    case ExportType::EncryptionKey:
    case ExportType::SigningKey: return export_secret(key, version, format);
    case ExportType::HmacKey: return export_mac(key, version);
    case ExportType::PublicKey: return export_public(key, version, format);
    case ExportType::CertificateChain: break;
  }
  return SecretBytes::from_text(version.certificate_chain);
}

Status check_exportable(const Core& core, const Key& key) {
  POSTERN_CHECK(admit(core, key, KeyUse::Export));
  return key.policy.exportable ? Status() : fail(ErrorCode::BadInput, "private key material is not exportable", key.name);
}

Status check_export(const Core& core, const Key& key, ExportType type) {
  const KeyAbilities can = abilities_of(key.policy.type);
  const auto refuse = [](std::string_view what) -> Status { return fail(ErrorCode::BadInput, std::string(what), "type"); };
  if (key.policy.type == KeyType::OpenPgp && type != ExportType::PublicKey) return refuse("openpgp keys are not exported");
  if (type == ExportType::EncryptionKey && !can.encrypts && !can.encapsulates) return refuse("encryption not supported for the key");
  if (type == ExportType::SigningKey && !can.signs) return refuse("signing not supported for the key");
  if (type == ExportType::PublicKey && can.symmetric) return refuse("public-key export not supported for symmetric keys");
  if (type == ExportType::CertificateChain && key.newest().certificate_chain.empty())
    return refuse("no certificate chain was set for the key");
  if (type == ExportType::PublicKey || type == ExportType::CertificateChain) return admit(core, key, KeyUse::Verify);
  return check_exportable(core, key);
}

// The versions that `text` means; all of them when it is empty.
Result<std::vector<const Version*>> chosen(const Key& key, std::string_view text) {
  POSTERN_TRY(const std::uint32_t number, version_from_text(text, key.policy.latest));
  std::vector<const Version*> out;
  if (number == 0) {
    for (const auto& version : key.versions) out.push_back(version.get());
    return out;
  }
  if (number < key.policy.min_decryption)
    return fail(ErrorCode::BadInput, "version for export is below minimum decryption version", "version");
  const Version* version = key.find(number);
  if (version == nullptr) return fail(ErrorCode::BadInput, "version does not exist or cannot be found", "version");
  out.push_back(version);
  return out;
}

template <class Text>
Result<Exported> export_each(const Key& key, std::string_view versions, Text text_of) {
  POSTERN_TRY(const auto found, chosen(key, versions));
  Exported out{key.policy.type, {}};
  for (const Version* version : found) {
    POSTERN_TRY(SecretBytes text, text_of(*version));
    out.versions.push_back({version->number, std::move(text)});
  }
  return out;
}

}  // namespace

Result<Exported> Engine::export_key(std::string_view name, ExportType type, std::string_view version, ExportFormat format) {
  POSTERN_TRY(const KeyPtr key, m_core->find(name));
  POSTERN_CHECK(check_export(*m_core, *key, type));
  return export_each(*key, version, [&](const Version& v) { return export_version(*key, v, type, format); });
}

Result<Exported> Engine::byok_export(std::string_view destination, std::string_view source, std::string_view version, HashAlgorithm hash) {
  POSTERN_TRY(const KeyPtr to, m_core->find(destination));
  if (detail::rsa_bits_of(to->policy.type) == 0)
    return fail(ErrorCode::BadInput, "the destination must be an RSA key: the wrapping key of the other system", "destination");
  POSTERN_TRY(const PublicKey* wrapping, public_key_of(*to, to->newest(), "the destination must be an RSA key"));
  POSTERN_TRY(const KeyPtr key, m_core->find(source));
  POSTERN_CHECK(check_exportable(*m_core, *key));
  if (key->policy.type == KeyType::OpenPgp) return fail(ErrorCode::BadInput, "openpgp keys are not exported", key->name);
  return export_each(*key, version, [&](const Version& v) -> Result<SecretBytes> {
    if (v.material.secret.empty()) return fail(ErrorCode::BadInput, "only the public key of a version was imported", key->name);
    POSTERN_TRY(const std::string blob, detail::make_byok(*wrapping, hash, v.material.secret.view()));
    return SecretBytes::from_text(blob);
  });
}

// Backup -----------------------------------------------------------------------------------------------------------------------------

namespace {

constexpr std::string_view kBackupPrefix = "postern-key-1.";
constexpr std::size_t kSumText = 64;

detail::UseRecord uses_now(const Key& key) {
  detail::UseRecord uses{key.policy.id, {}};
  for (const auto& version : key.versions) {
    for (const detail::Counted what : detail::kCounted) {
      uses.rows[version->number][static_cast<std::size_t>(what)] = version->counter(what).used();
    }
  }
  return uses;
}

// Prefix, name, ':', base64 of the records, '.', SHA-256 of all before it in hexadecimal: outside the barrier nothing else would notice a
// changed byte, and a wrong key that is restored in silence cannot be told from the right one until it is too late.
SecretBytes backup_text(const Key& key, const SecretBytes& records) {
  const SecretBytes body = base64_of(records.view());
  const std::string head = std::string(kBackupPrefix) + key.name + ":";
  const std::size_t summed = head.size() + body.size();
  SecretBytes out(summed + 1 + kSumText);
  std::ranges::copy(as_bytes(head), out.span().begin());
  std::ranges::copy(body.view(), out.span().subspan(head.size()).begin());
  const std::string sum = "." + hex_encode(sha256(out.view().first(summed)));
  std::ranges::copy(as_bytes(sum), out.span().subspan(summed).begin());
  return out;
}

struct BackupText {
  std::string_view name, body;
};
Result<BackupText> split_backup(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (!text.starts_with(kBackupPrefix) || colon == std::string_view::npos)
    return fail(ErrorCode::BadInput, "not a backup made by this engine; keys of other servers come in by import", "backup");
  const std::size_t dot = text.rfind('.');
  if (dot < colon || text.substr(dot + 1) != hex_encode(sha256(as_bytes(text.substr(0, dot)))))
    return fail(ErrorCode::BadInput, "the backup is damaged: its checksum does not fit", "backup");
  return BackupText{text.substr(kBackupPrefix.size(), colon - kBackupPrefix.size()), text.substr(colon + 1, dot - colon - 1)};
}

Result<detail::Backup> open_backup(std::string_view name, std::string_view body) {
  const auto bytes = decode_base64<WipedBytes>(body);
  if (!bytes) return fail(ErrorCode::BadInput, "the backup is not valid base64", "backup");
  auto backup = detail::read_backup(name, *bytes);
  if (!backup) return fail(ErrorCode::BadInput, "the backup is damaged: " + backup.error().what, "backup");
  POSTERN_CHECK(key_type_available(backup->key.policy.type));
  return backup;
}

}  // namespace

Result<SecretBytes> Engine::backup(std::string_view name) {
  POSTERN_CHECK(detail::check_name(name));
  const std::lock_guard lock(m_core->writer(name));
  POSTERN_TRY(const KeyPtr key, m_core->find_locked(name));
  POSTERN_CHECK(admit(*m_core, *key, KeyUse::Export));
  if (!key->policy.exportable) return fail(ErrorCode::BadInput, "exporting is disallowed on the policy", key->name);
  if (!key->policy.allow_plaintext_backup) return fail(ErrorCode::BadInput, "plaintext backup is disallowed on the policy", key->name);
  Key after = *key;
  after.policy.backup = {m_core->clock.now(), key->policy.latest};
  POSTERN_TRY(const KeyPtr changed, m_core->replace(*key, std::move(after)));
  detail::Archive archive(m_core->storage, key->name, key->policy.id);
  POSTERN_TRY(const auto segments, archive.all());
  const SecretBytes outer = detail::write_backup(*changed, uses_now(*changed), segments);
  return base64_of(backup_text(*changed, outer).view());
}

Result<KeyReply> Engine::restore(std::string_view name, std::string_view backup, bool force) {
  const auto text = decode_base64<WipedBytes>(backup);
  if (!text) return fail(ErrorCode::BadInput, "the backup is not valid base64", "backup");
  POSTERN_TRY(const BackupText parts, split_backup(as_text(*text)));
  const std::string target(name.empty() ? parts.name : name);
  POSTERN_CHECK(detail::check_name(target));
  POSTERN_TRY(detail::Backup opened, open_backup(target, parts.body));
  opened.key.policy.restored = {m_core->clock.now(), opened.key.policy.latest};
  const std::lock_guard lock(m_core->writer(target));
  const auto known = m_core->find_locked(target);
  if (known && !force) return fail(ErrorCode::Conflict, "key \"" + target + "\" already exists: use force to replace it");
  if (!known && known.error().code != ErrorCode::NotFound && !force) return fail(known.error());
  POSTERN_TRY(const KeyPtr made, m_core->add(std::move(opened.key), std::move(opened.segments), std::move(opened.uses)));
  return KeyReply{info_of(*made), !known, {}};
}

}  // namespace postern::transit
