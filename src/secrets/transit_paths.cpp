#include "secrets/transit_backend.hpp"

namespace postern::vault {
namespace {

using enum FieldType;

const FieldSpec kName{"name", Name, {}, "The key."};
const FieldSpec kType{"type", String, R"("aes256-gcm96")", "What kind of key."};
const FieldSpec kParameterSet{"parameter_set", String, {}, "Of the types ml-dsa and ml-kem: 44, 65, 87; 512, 768, 1024."};
const FieldSpec kDerived{"derived", Bool, {}, "Each context has a key of its own, derived from this one."};
const FieldSpec kConvergent{"convergent_encryption", Bool, {}, "Equal plaintext and context give equal ciphertext. Needs derived."};
const FieldSpec kExportable{"exportable", Bool, {}, "Whether private halves may be exported. Never taken back."};
const FieldSpec kBackup{"allow_plaintext_backup", Bool, {}, "Whether a backup may be made. Never taken back."};
const FieldSpec kAutoRotate{"auto_rotate_period", Duration, R"("0")", "Rotate so often; 0: never; else at least an hour."};
const FieldSpec kKeySize{"key_size", Integer, {}, "hmac only: 32 to 512 bytes."};
const FieldSpec kContext{"context", String, {}, "base64; needed with derived keys."};
const FieldSpec kAad{"associated_data", String, {}, "base64; authenticated, not encrypted, not kept."};
const FieldSpec kKeyVersion{"key_version", Integer, {}, "Which version; 0: the latest."};
const FieldSpec kVersion{"version", Integer, {}, "Which version; 0: the latest."};
const FieldSpec kBatch{"batch_input", Any, {}, "Many inputs in one call."};
const FieldSpec kPartial{"partial_failure_response_code", Integer, {}, "The status when some, not all, items of a batch failed."};
const FieldSpec kPadding{"padding_scheme", String, {}, "RSA keys: \"oaep\"."};
const FieldSpec kCiphertext{"ciphertext", String, {}, "vault:vN:..."};
const FieldSpec kInput{"input", String, {}, "base64"};
const FieldSpec kUrlAlgorithm{"urlalgorithm", String, {}, "The algorithm, in the path."};
const FieldSpec kMaxEncryptions{"max_encryptions", Integer, {}, "How often one version may encrypt; 0: the default for its type."};
const FieldSpec kMaxSignatures{"max_signatures", Integer, {}, "How often one version may sign; 0: no limit."};
const FieldSpec kMaxHmacs{"max_hmacs", Integer, {}, "How often one version may make a MAC; 0: no limit."};
const FieldSpec kMaxKept{"max_kept_versions", Integer, {}, "Rotation destroys older ones; 0: none."};
const FieldSpec kExpiration{"expiration", String, {}, "From then on the key only decrypts and verifies; RFC 3339, or \"never\"."};
const FieldSpec kAllowed{
    "allowed_operations", CommaStrings, {}, "encrypt, decrypt, rewrap, datakey, sign, verify, hmac, agree, export; empty: all."};

}  // namespace

void TransitBackend::add_key_paths() {
  using Self = TransitBackend;
  add_path("keys", "Lists the keys.", {{"after", String, {}, "Only names behind this one."}, {"limit", Integer, {}, "At most so many."}},
           {{Operation::List, handler(&Self::list_keys)}});
  add_path("keys/{name}", "Makes, describes and deletes a key.",
           {kName, kType, kParameterSet, kDerived, kConvergent, kExportable, kBackup, kAutoRotate, kKeySize, kContext, kMaxEncryptions,
            kMaxSignatures, kMaxHmacs, kMaxKept, kExpiration, kAllowed},
           {{Operation::Update, handler(&Self::create_key)},
            {Operation::Read, handler(&Self::read_key)},
            {Operation::Delete, handler(&Self::delete_key)}});
  add_path("keys/{name}/config", "Changes the settings of a key.",
           {kName,
            {"min_decryption_version", Integer, {}, "Older versions neither decrypt nor verify."},
            {"min_encryption_version", Integer, {}, "Older versions neither encrypt nor sign; 0: only the latest by default."},
            {"deletion_allowed", Bool, {}, "Whether the key may be deleted."},
            kExportable,
            kBackup,
            kAutoRotate,
            kMaxEncryptions,
            kMaxSignatures,
            kMaxHmacs,
            kMaxKept,
            kExpiration,
            kAllowed},
           {{Operation::Update, handler(&Self::configure_key)}});
  add_path("keys/{name}/rotate", "Makes a new version.", {kName}, {{Operation::Update, handler(&Self::rotate_key)}});
  add_path("keys/{name}/trim", "Destroys old versions.", {kName, {"min_available_version", Integer, {}, "The oldest that stays."}},
           {{Operation::Update, handler(&Self::trim_key)}});
  add_path("keys/{name}/soft-delete", "Locks a key until it is restored.", {kName}, {{Operation::Delete, handler(&Self::soft_delete)}});
  add_path("keys/{name}/soft-delete-restore", "Unlocks a softly deleted key.", {kName},
           {{Operation::Update, handler(&Self::soft_delete_restore)}});
  add_path("config/keys", "Settings for all keys.", {{"disable_upsert", Bool, {}, "Encrypting does not make missing keys."}},
           {{Operation::Read, handler(&Self::read_key_settings)}, {Operation::Update, handler(&Self::write_key_settings)}});
  add_path("cache-config", "How many keys stay in memory.", {{"size", Integer, {}, "0: the default; else at least 10."}},
           {{Operation::Read, handler(&Self::read_cache)}, {Operation::Update, handler(&Self::write_cache)}});
  add_path("derive-key/{name}", "Makes a key from an ECDH agreement.",
           {kName,
            kParameterSet,
            kDerived,
            kConvergent,
            kExportable,
            kBackup,
            kAutoRotate,
            kKeySize,
            {"key_derivation_algorithm", String, R"("ECDH")", "\"ECDH\""},
            {"peer_public_key", String, {}, "PEM"},
            {"base_key_name", String, {}, "Our half."},
            {"base_key_version", Integer, {}, "0: the latest."},
            {"derived_key_type", String, R"("aes256-gcm96")", "What kind of key comes out."}},
           {{Operation::Update, handler(&Self::derive_key)}});
}

void TransitBackend::add_transport_paths() {
  using Self = TransitBackend;
  const FieldSpec hash_function{"hash_function", String, R"("SHA256")", "Of the blob's OAEP."};
  const FieldSpec public_key{"public_key", String, {}, "PEM; instead of ciphertext, to verify or encrypt only."};
  const FieldSpec blob{"ciphertext", String, {}, "base64 of the wrapped AES key and the key wrapped by that."};
  add_path("keys/{name}/import", "Imports a key as version 1.",
           {kName,
            blob,
            public_key,
            hash_function,
            kType,
            kParameterSet,
            kDerived,
            kExportable,
            kBackup,
            kAutoRotate,
            {"allow_rotation", Bool, {}, "Whether later versions may be made here."}},
           {{Operation::Update, handler(&Self::import_key)}});
  add_path("keys/{name}/import_version", "Imports a further version.", {kName, blob, public_key, hash_function, kVersion},
           {{Operation::Update, handler(&Self::import_version)}});
  add_path("wrapping_key", "The public key that imports are wrapped for.", {}, {{Operation::Read, handler(&Self::wrapping_key)}});
  const FieldSpec which{"version", String, {}, "n, vn or latest; without: all."};
  const FieldSpec export_type{"type", String, {}, "encryption-key, signing-key, hmac-key, public-key, certificate-chain"};
  const FieldSpec format{"format", String, {}, "raw, der or pem"};
  for (const char* pattern : {"export/{type}/{name}", "export/{type}/{name}/{version}"})
    add_path(pattern, "Exports a key.", {export_type, kName, which, format}, {{Operation::Read, handler(&Self::export_key)}});
  for (const char* pattern : {"byok-export/{destination}/{source}", "byok-export/{destination}/{source}/{version}"})
    add_path(pattern, "Exports a key, wrapped for another engine.",
             {{"destination", Name, {}, "The imported public key to wrap for."},
              {"source", Name, {}, "The key."},
              which,
              {"hash", String, R"("SHA256")", "Of the blob's OAEP."}},
             {{Operation::Read, handler(&Self::byok_export)}});
  add_path("backup/{name}", "A key with all its versions, in clear.", {kName}, {{Operation::Read, handler(&Self::backup)}});
  for (const char* pattern : {"restore", "restore/{name}"})
    add_path(pattern, "Brings a backup back.",
             {kName, {"backup", String, {}, "What backup/ gave."}, {"force", Bool, {}, "Replaces a key of that name."}},
             {{Operation::Update, handler(&Self::restore)}});
  add_path("keys/{name}/csr", "A certificate request for a key.", {kName, kVersion, {"csr", String, {}, "PEM, as a template."}},
           {{Operation::Update, handler(&Self::make_csr)}});
  add_path("keys/{name}/set-certificate", "Keeps a certificate with a key.",
           {kName, kVersion, {"certificate_chain", String, {}, "PEM, the key's own first."}},
           {{Operation::Update, handler(&Self::set_certificate)}});
}

void TransitBackend::add_cipher_paths() {
  using Self = TransitBackend;
  PathSpec& encrypting =
      add_path("encrypt/{name}", "Encrypts; makes the key when it is missing and the token may create.",
               {kName, {"plaintext", String, {}, "base64"}, kContext, kAad, kKeyVersion, kType, kConvergent, kPadding, kBatch, kPartial},
               {{Operation::Create, handler(&Self::encrypt)}, {Operation::Update, handler(&Self::encrypt)}});
  encrypting.quick_if = quick_when(transit::KeyUse::Encrypt);
  encrypting.exists = [this](const Call& call) -> Result<bool> {
    POSTERN_TRY(const auto engine, this->engine());
    return stored(engine->exists(call.fields.text_view("name")));
  };
  add_path("decrypt/{name}", "Decrypts.", {kName, kCiphertext, kContext, kAad, kKeyVersion, kPadding, kBatch, kPartial},
           {{Operation::Update, handler(&Self::decrypt)}})
      .quick_if = quick_when(transit::KeyUse::Decrypt);
  add_path("rewrap/{name}", "Encrypts again under the latest version; nobody sees the plaintext.",
           {kName, kCiphertext, kContext, kAad, kKeyVersion, kPadding, kBatch}, {{Operation::Update, handler(&Self::rewrap)}})
      .quick_if = quick_when(transit::KeyUse::Rewrap);
  add_path("datakey/{kind}/{name}", "A fresh key, under this key and (plaintext) in clear.",
           {kName,
            {"kind", String, {}, "plaintext or wrapped"},
            {"bits", Integer, "256", "128, 256 or 512"},
            kContext,
            kAad,
            kKeyVersion,
            kPadding},
           {{Operation::Update, handler(&Self::data_key)}})
      .quick_if = quick_when(transit::KeyUse::DataKey);
  add_path("encapsulate/{name}", "ML-KEM: a fresh secret, and what the holder of the private key needs to get it.", {kName, kKeyVersion},
           {{Operation::Update, handler(&Self::encapsulate)}});
  add_path("decapsulate/{name}", "ML-KEM: the secret of an encapsulation.", {kName, kCiphertext},
           {{Operation::Update, handler(&Self::decapsulate)}});
}

void TransitBackend::add_sign_paths() {
  using Self = TransitBackend;
  const FieldSpec hash_algorithm{"hash_algorithm", String, {}, "sha2-256, ..., none"};
  const FieldSpec algorithm{"algorithm", String, {}, "The older name of hash_algorithm."};
  const FieldSpec prehashed{"prehashed", Bool, {}, "The input is the digest."};
  const FieldSpec signature_algorithm{"signature_algorithm", String, {}, "RSA: pss or pkcs1v15"};
  const FieldSpec marshaling{"marshaling_algorithm", String, R"("asn1")", "ECDSA: asn1 or jws"};
  const FieldSpec salt{"salt_length", String, R"("auto")", "PSS: auto, hash or a number of bytes"};
  for (const char* pattern : {"sign/{name}", "sign/{name}/{urlalgorithm}"})
    add_path(pattern, "Signs.",
             {kName, kUrlAlgorithm, kInput, hash_algorithm, algorithm, prehashed, signature_algorithm, marshaling, salt, kKeyVersion,
              kContext, kBatch},
             {{Operation::Update, handler(&Self::sign)}})
        .quick_if = quick_when(transit::KeyUse::Sign);
  for (const char* pattern : {"verify/{name}", "verify/{name}/{urlalgorithm}"})
    add_path(pattern, "Verifies signatures and MACs.",
             {kName,
              kUrlAlgorithm,
              kInput,
              {"signature", String, {}, "vault:vN:..."},
              {"hmac", String, {}, "vault:vN:..."},
              hash_algorithm,
              algorithm,
              prehashed,
              signature_algorithm,
              marshaling,
              salt,
              kKeyVersion,
              kContext,
              kBatch},
             {{Operation::Update, handler(&Self::verify)}})
        .quick_if = quick_when(transit::KeyUse::Verify);
  for (const char* pattern : {"hmac/{name}", "hmac/{name}/{urlalgorithm}"})
    add_path(pattern, "Makes a MAC.", {kName, kUrlAlgorithm, kInput, algorithm, kKeyVersion, kBatch},
             {{Operation::Update, handler(&Self::hmac)}})
        .quick_if = quick_when(transit::KeyUse::Hmac);
  for (const char* pattern : {"cmac/{name}", "cmac/{name}/{mac_length}"})
    add_path(pattern, "Not done here.", {kName, {"mac_length", String, {}, {}}}, {{Operation::Update, handler(&Self::refuse_cmac)}});
}

void TransitBackend::add_tool_paths() {
  using Self = TransitBackend;
  const FieldSpec source{"source", String, R"("platform")", "platform"};
  const FieldSpec urlbytes{"urlbytes", String, {}, "How many, in the path."};
  const FieldSpec bytes{"bytes", Integer, "32", "How many; at most 131,072."};
  for (const char* pattern : {"random", "random/{source}", "random/{source}/{urlbytes}"})
    add_path(pattern, "Random bytes.", {source, urlbytes, bytes, {"format", String, R"("base64")", "base64 or hex"}},
             {{Operation::Update, handler(&Self::random)}})
        .quick = true;
  for (const char* pattern : {"hash", "hash/{urlalgorithm}"})
    add_path(
        pattern, "A digest.",
        {kUrlAlgorithm, kInput, {"algorithm", String, R"("sha2-256")", "sha2-256, ..."}, {"format", String, R"("hex")", "hex or base64"}},
        {{Operation::Update, handler(&Self::hash)}});
}

}  // namespace postern::vault
