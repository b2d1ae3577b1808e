#include "transit/types.hpp"

#include <algorithm>
#include <array>

#include "crypto/postquantum.hpp"
#include "transit/material.hpp"

namespace postern::transit {
namespace {

struct TypeEntry {
  KeyType type;
  std::string_view name;
  KeyAbilities can;
};
constexpr KeyAbilities kAead{.encrypts = true, .decrypts = true, .derives = true, .symmetric = true};
constexpr KeyAbilities kEcdsa{.signs = true, .agrees = true};
constexpr KeyAbilities kRsa{.encrypts = true, .decrypts = true, .signs = true};
constexpr KeyAbilities kMlDsa{.signs = true};
constexpr KeyAbilities kMlKem{.encapsulates = true};
constexpr std::array<TypeEntry, 20> kTypes{{
    {KeyType::Aes128Gcm96, "aes128-gcm96", kAead},
    {KeyType::Aes256Gcm96, "aes256-gcm96", kAead},
    {KeyType::ChaCha20Poly1305, "chacha20-poly1305", kAead},
    {KeyType::XChaCha20Poly1305, "xchacha20-poly1305", kAead},
    {KeyType::EcdsaP256, "ecdsa-p256", kEcdsa},
    {KeyType::EcdsaP384, "ecdsa-p384", kEcdsa},
    {KeyType::EcdsaP521, "ecdsa-p521", kEcdsa},
    {KeyType::Ed25519, "ed25519", {.signs = true, .derives = true}},
    {KeyType::Rsa2048, "rsa-2048", kRsa},
    {KeyType::Rsa3072, "rsa-3072", kRsa},
    {KeyType::Rsa4096, "rsa-4096", kRsa},
    {KeyType::Hmac, "hmac", {.symmetric = true}},
    {KeyType::X25519, "x25519", {.agrees = true}},
    {KeyType::OpenPgp, "openpgp", {}},
    {KeyType::MlDsa44, "mldsa-44", kMlDsa},
    {KeyType::MlDsa65, "mldsa-65", kMlDsa},
    {KeyType::MlDsa87, "mldsa-87", kMlDsa},
    {KeyType::MlKem512, "mlkem-512", kMlKem},
    {KeyType::MlKem768, "mlkem-768", kMlKem},
    {KeyType::MlKem1024, "mlkem-1024", kMlKem},
}};
const TypeEntry& entry(KeyType type) noexcept { return kTypes[static_cast<std::size_t>(type)]; }

struct UseEntry {
  KeyUse use;
  std::string_view name;
};
constexpr std::array<UseEntry, 9> kUses{{
    {KeyUse::Encrypt, "encrypt"},
    {KeyUse::Decrypt, "decrypt"},
    {KeyUse::Rewrap, "rewrap"},
    {KeyUse::DataKey, "datakey"},
    {KeyUse::Sign, "sign"},
    {KeyUse::Verify, "verify"},
    {KeyUse::Hmac, "hmac"},
    {KeyUse::Agree, "agree"},
    {KeyUse::Export, "export"},
}};

}  // namespace

std::string_view name_of(KeyType type) noexcept { return entry(type).name; }
KeyAbilities abilities_of(KeyType type) noexcept { return entry(type).can; }

Result<KeyType> key_type_from_name(std::string_view name, std::string_view parameter_set) {
  std::string spelled(name);
  if (name == "ml-dsa" || name == "ml-kem") {  // Vault's spelling; OpenBao has one name for each set
    const std::string_view fallback = name == "ml-dsa" ? "65" : "768";
    spelled = std::string(name == "ml-dsa" ? "mldsa-" : "mlkem-").append(parameter_set.empty() ? fallback : parameter_set);
  }
  for (const TypeEntry& e : kTypes) {
    if (e.name == spelled) return e.type;
  }
  return fail(ErrorCode::BadInput, "unknown key type " + spelled, "type");
}

Status key_type_available(KeyType type) {
  const auto kind = detail::pq_kind_of(type);
  if (!kind || pq_available(*kind)) return {};
  return fail(ErrorCode::Unsupported,
              "key type " + std::string(name_of(type)) + " needs OpenSSL 3.5 or later, which this host does not have", "type");
}

std::string_view name_of(KeyUse use) noexcept {
  const auto* found = std::ranges::find(kUses, use, &UseEntry::use);
  return found == kUses.end() ? std::string_view() : found->name;
}

Result<KeyUse> key_use_from_name(std::string_view name) {
  std::string known;
  for (const UseEntry& e : kUses) {
    if (e.name == name) return e.use;
    known.append(known.empty() ? "" : ", ").append(e.name);
  }
  return fail(ErrorCode::BadInput, "unknown use of a key; there are " + known, "allowed_uses");
}

Result<ExportType> export_type_from_name(std::string_view name) {
  if (name == "encryption-key") return ExportType::EncryptionKey;
  if (name == "signing-key") return ExportType::SigningKey;
  if (name == "hmac-key") return ExportType::HmacKey;
  if (name == "public-key") return ExportType::PublicKey;
  if (name == "certificate-chain") return ExportType::CertificateChain;
  return fail(ErrorCode::BadInput, "invalid export type: " + std::string(name), "type");
}

Result<ExportFormat> export_format_from_name(std::string_view name) {
  if (name.empty()) return ExportFormat::Default;
  if (name == "raw") return ExportFormat::Raw;
  if (name == "der") return ExportFormat::Der;
  if (name == "pem") return ExportFormat::Pem;
  return fail(ErrorCode::BadInput, "unknown format " + std::string(name) + ": use raw, der, pem or nothing", "format");
}

}  // namespace postern::transit
