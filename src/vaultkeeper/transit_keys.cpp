#include "vaultkeeper/transit_keys.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "vaultkeeper/key_text.hpp"

namespace postern::vaultkeeper {
namespace {

constexpr std::chrono::seconds kKnownFor{30};
constexpr std::size_t kMostKnown = 10'000;
constexpr std::size_t kMostList = 100'000;
constexpr std::int64_t kHmacBytes = 64;
constexpr std::string_view kRotate = "/rotate";

bool has_public_part(KeyType type) { return !is_symmetric(type) && type != KeyType::OpenPgp && type != KeyType::X25519; }
bool is_rsa(KeyType type) { return type == KeyType::Rsa2048 || type == KeyType::Rsa3072 || type == KeyType::Rsa4096; }

tl::unexpected<Error> cannot(const KeyName& name, KeyType type, std::string_view what) {
  return fail(ErrorCode::Unsupported, "a transit key of type " + std::string(name_of(type)) + " does not " + std::string(what), name.get());
}

}  // namespace

std::string transit_hash(HashAlgorithm hash) {
  const std::string_view name = postern::name_of(hash);
  if (name.starts_with("sha3-") || hash == HashAlgorithm::Sha1) return std::string(name);
  return "sha2-" + std::string(name.substr(3));
}

// Keys -------------------------------------------------------------------------------------------------------------------------------

void TransitKeys::remember(const KeyInfo& info) {
  const std::lock_guard lock(m_mutex);
  if (m_known.size() >= kMostKnown) m_known.clear();
  m_known.insert_or_assign(info.name, Known{info, m_clock.steady() + kKnownFor});
}

void TransitKeys::count(const KeyName& name, std::uint32_t version) {
  const std::lock_guard lock(m_mutex);
  if (m_uses.size() < kMostKnown) ++m_uses[{name, version}];
}

KeyInfo TransitKeys::with_uses(KeyInfo info) {
  const std::lock_guard lock(m_mutex);
  for (KeyVersionInfo& version : info.versions) {
    const auto found = m_uses.find({info.name, version.number});
    if (found != m_uses.end()) version.uses = found->second;
  }
  return info;
}

Result<KeyInfo> TransitKeys::fetch(const KeyName& name) {
  const Ask ask{.method = "GET", .path = m_client.path("keys/" + name.get()), .body = {}};
  POSTERN_TRY(const Answer answer, m_client.call(ask, "read"));
  POSTERN_TRY(KeyInfo info, read_key_info(name, answer.data()));
  remember(info);
  return info;
}

Result<KeyInfo> TransitKeys::describe(const KeyName& name) {
  std::unique_lock lock(m_mutex);
  const auto found = m_known.find(name);
  if (found != m_known.end() && m_clock.steady() < found->second.until) {
    KeyInfo info = found->second.info;
    lock.unlock();
    return with_uses(std::move(info));
  }
  lock.unlock();
  POSTERN_TRY(KeyInfo info, fetch(name));
  return with_uses(std::move(info));
}

/// A change, whose answer is the description (OpenBao, Vault since 1.13) or nothing (before).
Result<KeyInfo> TransitKeys::change(const KeyName& name, std::string_view what, BodyWriter& body, std::string_view capability) {
  const Ask ask{.path = m_client.path("keys/" + name.get() + std::string(what)), .body = body.take(), .repeatable = what != kRotate};
  POSTERN_TRY(const Answer answer, m_client.call(ask, capability));
  if (answer.data() == nullptr) return fetch(name);
  POSTERN_TRY(KeyInfo info, read_key_info(name, answer.data()));
  remember(info);
  return with_uses(std::move(info));
}

Result<KeyInfo> TransitKeys::create(const KeyName& name, KeyType type) {
  if (!has_public_part(type) && !is_symmetric(type)) return cannot(name, type, "exist");
  const auto existing = fetch(name);
  if (existing) return fail(ErrorCode::Conflict, "the key exists already", name.get());
  if (existing.error().code != ErrorCode::NotFound) return fail(existing.error());
  BodyWriter body;
  body.text("type", name_of(type));
  if (type == KeyType::Hmac) body.number("key_size", kHmacBytes);  // OpenBao and Vault want it said
  // Asked twice, the second finds the key of the first.
  POSTERN_TRY(KeyInfo info, change(name, "", body, "create"));
  if (info.type != type)
    return fail(ErrorCode::Conflict, "the key exists already, with type " + std::string(name_of(info.type)), name.get());
  log::info("keys.created", {{"key", name.get()}, {"type", name_of(type)}, {"custody", "transit"}});
  return info;
}

Result<std::vector<KeyName>> TransitKeys::list() {
  const Ask ask{.method = "LIST", .path = m_client.path("keys"), .body = {}};
  auto answer = m_client.call(ask, "list");
  std::vector<KeyName> out;
  if (!answer && answer.error().code == ErrorCode::NotFound) return out;
  if (!answer) return fail(std::move(answer).error());
  const auto* member = answer->data() == nullptr ? nullptr : answer->data()->if_contains("keys");
  const auto* names = member == nullptr ? nullptr : member->if_array();
  if (names == nullptr) return fail(ErrorCode::Unavailable, "the Vault's answer lists no keys", "keys");
  for (const auto& item : *names) {
    const auto* text = item.if_string();
    auto name = text == nullptr ? Result<KeyName>(fail(ErrorCode::BadInput, "no text")) : parse_key_name({text->data(), text->size()});
    if (name && out.size() < kMostList) out.push_back(*std::move(name));  // other names are none that the port can mean
  }
  std::ranges::sort(out);
  return out;
}

Result<KeyInfo> TransitKeys::rotate(const KeyName& name) {
  BodyWriter nothing;
  POSTERN_TRY(KeyInfo info, change(name, kRotate, nothing, "update"));
  log::info("keys.rotated", {{"key", name.get()}, {"version", info.latest}, {"custody", "transit"}});
  return info;
}

Result<KeyInfo> TransitKeys::configure(const KeyName& name, const KeySettings& settings) {
  POSTERN_TRY(const KeyInfo now, fetch(name));
  const std::uint32_t decrypt = settings.min_decryption_version.value_or(now.min_decryption_version);
  const std::uint32_t encrypt = settings.min_encryption_version.value_or(now.min_encryption_version);
  if (decrypt < 1 || decrypt > now.latest)
    return fail(ErrorCode::BadInput, "must be from 1 to the latest version", "min_decryption_version");
  if (encrypt != 0 && (encrypt < decrypt || encrypt > now.latest))
    return fail(ErrorCode::BadInput, "must be 0, or from min_decryption_version to the latest version", "min_encryption_version");
  BodyWriter body;
  body.number("min_decryption_version", decrypt).number("min_encryption_version", encrypt);
  if (settings.deletion_allowed) body.flag("deletion_allowed", *settings.deletion_allowed);
  return change(name, "/config", body, "update");
}

Status TransitKeys::remove(const KeyName& name) {
  const Ask ask{.method = "DELETE", .path = m_client.path("keys/" + name.get()), .body = {}, .repeatable = false};
  POSTERN_CHECK(fetch(name));  // deleting what does not exist is a success for transit
  POSTERN_CHECK(m_client.call(ask, "delete"));
  const std::lock_guard lock(m_mutex);
  m_known.erase(name);
  log::warn("keys.removed", {{"key", name.get()}, {"custody", "transit"}});
  return {};
}

Result<PublicKey> TransitKeys::public_key(const KeyName& name, std::uint32_t version) {
  POSTERN_TRY(const KeyInfo info, describe(name));
  if (!has_public_part(info.type)) return cannot(name, info.type, "have a public key");
  const std::uint32_t number = version == 0 ? info.latest : version;
  for (const KeyVersionInfo& v : info.versions) {
    if (v.number == number) return PublicKey::from_pem(v.public_key_pem);
  }
  return fail(ErrorCode::NotFound, "the key has no version " + std::to_string(number), name.get());
}

// Use --------------------------------------------------------------------------------------------------------------------------------

/// "vault:vN:BASE64" of a signature or MAC.
Result<Bytes> TransitKeys::signature_of(const KeyName& name, const Answer& answer, std::string_view member) {
  POSTERN_TRY(const std::string_view text, text_of(answer.data(), member));
  auto parsed = parse_ciphertext(text);
  if (!parsed || parsed->bytes.empty())
    return fail(ErrorCode::Unavailable, "the Vault's answer is not a transit signature", std::string(member));
  count(name, parsed->version);
  return std::move(parsed->bytes);
}

Result<Bytes> TransitKeys::sign(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data) {
  POSTERN_TRY(const KeyInfo info, describe(name));
  if (!has_public_part(info.type)) return cannot(name, info.type, "sign");
  BodyWriter body;
  if (version != 0) body.number("key_version", version);
  std::string path = "sign/" + name.get();
  if (info.type == KeyType::Ed25519) {
    if (data.size() > kSignedMost) return fail(ErrorCode::TooLarge, "a message for Ed25519 has 24 MiB at most", name.get());
    body.base64("input", data);
  } else if (algorithm.no_digest_info && is_rsa(info.type)) {
    body.base64("input", data).flag("prehashed", true).text("signature_algorithm", "pkcs1v15");
    path += "/none";
  } else {
    body.base64("input", algorithm.prehashed ? Bytes(data.begin(), data.end()) : digest(algorithm.hash, data)).flag("prehashed", true);
    body.text("marshaling_algorithm", "asn1");
    path += "/" + transit_hash(algorithm.hash);
    if (is_rsa(info.type)) body.text("signature_algorithm", algorithm.padding == RsaPadding::Pss ? "pss" : "pkcs1v15");
    if (is_rsa(info.type) && algorithm.padding == RsaPadding::Pss)
      body.text("salt_length", algorithm.salt == SignAlgorithm::kSaltDigest ? "hash"
                               : algorithm.salt == SignAlgorithm::kSaltMax  ? "auto"
                                                                            : std::to_string(algorithm.salt));
  }
  const Ask ask{.path = m_client.path(path), .body = body.take()};
  POSTERN_TRY(const Answer answer, m_client.call(ask, "update"));
  return signature_of(name, answer, "signature");
}

Status TransitKeys::verify(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data, ByteView signature) {
  POSTERN_TRY(const KeyInfo info, describe(name));
  const std::uint32_t number = version == 0 ? info.latest : version;
  if (number < info.min_decryption_version)
    return fail(ErrorCode::Denied, "the version of the key is disallowed by policy (too old)", name.get());
  POSTERN_TRY(const PublicKey key, public_key(name, number));
  return key.verify(algorithm, data, signature);
}

Result<Bytes> TransitKeys::mac(const KeyName& name, std::uint32_t version, HashAlgorithm algorithm, ByteView data) {
  POSTERN_TRY(const KeyInfo info, describe(name));
  if (info.type != KeyType::Hmac) return cannot(name, info.type, "make MACs");
  if (data.size() > kSignedMost) return fail(ErrorCode::TooLarge, "a message for a MAC has 24 MiB at most", name.get());
  BodyWriter body;
  body.base64("input", data);
  if (version != 0) body.number("key_version", version);
  const Ask ask{.path = m_client.path("hmac/" + name.get() + "/" + transit_hash(algorithm)), .body = body.take()};
  POSTERN_TRY(const Answer answer, m_client.call(ask, "update"));
  return signature_of(name, answer, "hmac");
}

Result<std::string> TransitKeys::encrypt(const KeyName& name, ByteView plaintext, ByteView aad, std::uint32_t version) {
  POSTERN_TRY(const KeyInfo info, describe(name));  // or an encryption under a wrong name would make a key of that name (upsert)
  if (is_rsa(info.type) && !aad.empty()) return fail(ErrorCode::Unsupported, "RSA keys take no associated data", name.get());
  if (plaintext.size() > kEncryptedMost) return fail(ErrorCode::TooLarge, "a plaintext has 512 KiB at most", name.get());
  BodyWriter body;
  body.base64("plaintext", plaintext);
  if (!aad.empty()) body.base64("associated_data", aad);
  if (version != 0) body.number("key_version", version);
  const Ask ask{.path = m_client.path("encrypt/" + name.get()), .body = body.take()};
  POSTERN_TRY(const Answer answer, m_client.call(ask, "update"));
  POSTERN_TRY(const std::string_view text, text_of(answer.data(), "ciphertext"));
  const auto parsed = parse_ciphertext(text);
  if (!parsed) return fail(ErrorCode::Unavailable, "the Vault's answer is not a transit ciphertext", "ciphertext");
  count(name, parsed->version);
  return std::string(text);
}

Result<SecretBytes> TransitKeys::decrypt(const KeyName& name, std::string_view ciphertext, ByteView aad) {
  POSTERN_CHECK(parse_ciphertext(ciphertext));
  BodyWriter body;
  body.text("ciphertext", ciphertext);
  if (!aad.empty()) body.base64("associated_data", aad);
  const Ask ask{.path = m_client.path("decrypt/" + name.get()), .body = body.take()};
  POSTERN_TRY(const Answer answer, m_client.call(ask, "update"));
  return secret_of(answer.data(), "plaintext");
}

Result<SecretBytes> TransitKeys::decrypt_oaep(const KeyName& name, std::uint32_t version, const OaepOptions& options, ByteView ciphertext) {
  POSTERN_TRY(const KeyInfo info, describe(name));
  if (!is_rsa(info.type)) return cannot(name, info.type, "decrypt by RSA");
  if (options.hash != HashAlgorithm::Sha256 || options.mgf1.value_or(options.hash) != HashAlgorithm::Sha256 || !options.label.empty())
    return fail(ErrorCode::Unsupported, "transit decrypts OAEP with SHA-256 and no label only; such a key must be made here, not there",
                name.get());
  return decrypt(name, ciphertext_text(version == 0 ? info.latest : version, ciphertext), {});
}

}  // namespace postern::vaultkeeper
