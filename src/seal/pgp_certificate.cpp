// Reading and judging OpenPGP certificates (openpgp.hpp).
#include <algorithm>

#include "base/text.hpp"
#include "seal/content_peek.hpp"
#include "seal/openpgp.hpp"
#include "seal/rnp.hpp"

namespace postern {
namespace {

constexpr std::size_t kMaxUserIds = 100;
constexpr std::size_t kMaxSubkeys = 100;
constexpr std::size_t kMaxSignatures = 100;

/// Reading a certificate is no question of time, so nothing in it may count as made in the future. Validity is judged at the time of use.
constexpr WallTime kEndOfTime{std::chrono::seconds(4'000'000'000)};

/// Fingerprints of the primary keys in the ring.
std::vector<std::string> primaries(rnp_ffi_t ffi) {
  std::vector<std::string> out;
  rnp_identifier_iterator_t raw = nullptr;
  if (rnp_identifier_iterator_create(ffi, &raw, "fingerprint") != RNP_SUCCESS) return out;
  const rnp::Iterator iterator(raw);
  const char* text = nullptr;
  while (rnp_identifier_iterator_next(raw, &text) == RNP_SUCCESS && text != nullptr) {
    const auto key = rnp::find(ffi, "fingerprint", text);
    if (key && rnp::yes([&](bool* out_flag) { return rnp_key_is_primary(key->get(), out_flag); })) out.emplace_back(text);
  }
  return out;
}

/// The address in "Name <address>", or a user id that is an address itself.
std::optional<std::string> email_of(const std::string& user_id) {
  const auto open = user_id.rfind('<');
  const auto close = user_id.rfind('>');
  const bool bracketed = open != std::string::npos && close != std::string::npos && open < close;
  const std::string_view text = bracketed ? std::string_view(user_id).substr(open + 1, close - open - 1) : trim(user_id);
  const auto mailbox = Mailbox::parse(text, Utf8::Allow);
  if (!mailbox) return std::nullopt;
  return to_lower(mailbox->text());
}

/// Whether this is a good signature by the key with this id, be it expired or not.
bool is_self_signature(rnp_signature_handle_t signature, const std::string& own) {
  if (rnp::text([&](char** out) { return rnp_signature_get_keyid(signature, out); }) != own) return false;
  const auto verdict = rnp_signature_is_valid(signature, 0);
  return verdict == RNP_SUCCESS || verdict == RNP_ERROR_SIGNATURE_EXPIRED;
}

/// Only what the owner bound with a self-signature is an address of this key; anybody can add a user id to a certificate. (RNP's own
/// "valid" is not asked: it depends on the time, and an expired key must still be found, so that the reason can be told.)
bool is_bound(rnp_uid_handle_t uid, const std::string& own) {
  std::size_t count = 0;
  if (rnp_uid_get_signature_count(uid, &count) != RNP_SUCCESS) return false;
  bool bound = false;
  for (std::size_t i = 0; i < std::min(count, kMaxSignatures) && !bound; ++i) {
    rnp_signature_handle_t raw = nullptr;
    if (rnp_uid_get_signature_at(uid, i, &raw) != RNP_SUCCESS) continue;
    bound = is_self_signature(raw, own);
    rnp_signature_handle_destroy(raw);
  }
  return bound;
}

void read_user_ids(rnp_key_handle_t key, std::vector<std::string>& user_ids, std::vector<std::string>& emails) {
  const std::string own = rnp::text([&](char** out) { return rnp_key_get_keyid(key, out); });
  std::size_t count = 0;
  if (rnp_key_get_uid_count(key, &count) != RNP_SUCCESS) return;
  for (std::size_t i = 0; i < std::min(count, kMaxUserIds); ++i) {
    rnp_uid_handle_t raw = nullptr;
    if (rnp_key_get_uid_handle_at(key, i, &raw) != RNP_SUCCESS) continue;
    const rnp::Uid uid(raw);
    std::uint32_t type = 0;
    if (rnp_uid_get_type(raw, &type) != RNP_SUCCESS || type != RNP_USER_ID) continue;
    const std::string text = rnp::text([&](char** out) { return rnp_key_get_uid_at(key, i, out); });
    user_ids.push_back(text);
    const bool usable = is_bound(raw, own) && !rnp::yes([&](bool* out) { return rnp_uid_is_revoked(raw, out); });
    const auto email = email_of(text);
    if (usable && email && std::find(emails.begin(), emails.end(), *email) == emails.end()) emails.push_back(*email);
  }
}

void read_key_ids(rnp_key_handle_t key, std::vector<std::string>& key_ids) {
  key_ids.push_back(rnp::text([&](char** out) { return rnp_key_get_keyid(key, out); }));
  std::size_t count = 0;
  if (rnp_key_get_subkey_count(key, &count) != RNP_SUCCESS) return;
  for (std::size_t i = 0; i < std::min(count, kMaxSubkeys); ++i) {
    rnp_key_handle_t raw = nullptr;
    if (rnp_key_get_subkey_at(key, i, &raw) != RNP_SUCCESS) continue;
    const rnp::Key subkey(raw);
    key_ids.push_back(rnp::text([&](char** out) { return rnp_key_get_keyid(raw, out); }));
  }
}

std::optional<std::string> weak_pgp_key(rnp_key_handle_t key) {
  const std::string algorithm = rnp::text([&](char** out) { return rnp_key_get_alg(key, out); });
  std::uint32_t bits = 0;
  const bool factoring = algorithm == "RSA" || algorithm == "ELGAMAL" || algorithm == "DSA";
  // RFC 9580 12.4: "An implementation MUST NOT encrypt" to RSA under 2,048 bits; ElGamal is deprecated altogether.
  if (factoring && rnp_key_get_bits(key, &bits) == RNP_SUCCESS && bits < 2048)
    return "has a " + algorithm + " key of only " + std::to_string(bits) + " bits";
  if (algorithm == "ELGAMAL") return "has an ElGamal encryption key, which is deprecated";
  return std::nullopt;
}

std::optional<std::string> dead(rnp_key_handle_t key) {
  if (rnp::yes([&](bool* out) { return rnp_key_is_revoked(key, out); })) return "is revoked";
  if (rnp::yes([&](bool* out) { return rnp_key_is_expired(key, out); })) return "is expired";
  if (!rnp::yes([&](bool* out) { return rnp_key_is_valid(key, out); }))
    return "has no valid self-signature (missing, broken, or made with SHA-1)";
  return std::nullopt;
}

std::optional<std::string> encryption_fault(rnp_key_handle_t primary) {
  rnp_key_handle_t raw = nullptr;
  if (rnp_key_get_default_key(primary, "encrypt", 0, &raw) != RNP_SUCCESS || raw == nullptr) return "has no usable encryption key";
  const rnp::Key subkey(raw);
  if (auto fault = dead(raw)) return "encryption key " + *fault;
  return weak_pgp_key(raw);
}

}  // namespace

Result<PgpCertificate> PgpCertificate::parse(ByteView bytes) {
  const auto kind = peek_pgp(as_text(bytes));
  if (kind == PgpKind::SecretKey) return fail(ErrorCode::BadInput, "holds a secret key; give the public certificate only");
  if (kind != PgpKind::PublicKey) return fail(ErrorCode::BadInput, "is no OpenPGP certificate");
  POSTERN_TRY(const rnp::Ffi ffi, rnp::open(kEndOfTime));
  POSTERN_CHECK(rnp::add_certificates(ffi.get(), bytes));
  const std::vector<std::string> found = primaries(ffi.get());
  if (found.size() != 1) return fail(ErrorCode::BadInput, "holds " + std::to_string(found.size()) + " certificates; give one at a time");
  POSTERN_TRY(const rnp::Key key, rnp::find(ffi.get(), "fingerprint", found.front()));
  auto facts = std::make_shared<Facts>();
  facts->bytes.assign(bytes.begin(), bytes.end());
  facts->fingerprint = found.front();
  read_user_ids(key.get(), facts->user_ids, facts->emails);
  read_key_ids(key.get(), facts->key_ids);
  std::uint32_t created = 0;
  if (rnp_key_get_creation(key.get(), &created) == RNP_SUCCESS) facts->created = WallTime(std::chrono::seconds(created));
  return PgpCertificate(std::move(facts));
}

Result<Bytes> PgpCertificate::to_binary() const {
  POSTERN_TRY(const rnp::Ffi ffi, rnp::open(kEndOfTime));
  POSTERN_CHECK(rnp::add_certificates(ffi.get(), bytes()));
  POSTERN_TRY(const rnp::Key key, rnp::find(ffi.get(), "fingerprint", fingerprint()));
  POSTERN_TRY(const rnp::Output output, rnp::buffer(0));
  const auto done = rnp_key_export(key.get(), output.get(), RNP_KEY_EXPORT_PUBLIC | RNP_KEY_EXPORT_SUBKEYS);
  if (done != RNP_SUCCESS) return fail(rnp::error(ErrorCode::Internal, "writing a certificate", done));
  return rnp::bytes_of(output.get());
}

std::optional<std::string> PgpCertificate::recipient_fault(WallTime now) const {
  const auto ffi = rnp::open(now);
  if (!ffi) return ffi.error().text();
  if (const auto loaded = rnp::add_certificates(ffi->get(), bytes()); !loaded) return loaded.error().text();
  const auto key = rnp::find(ffi->get(), "fingerprint", fingerprint());
  if (!key) return "cannot be read again";
  if (now < created()) return "is not valid before " + rfc3339(created());
  if (auto fault = dead(key->get())) return fault;
  if (auto fault = weak_pgp_key(key->get())) return fault;
  return encryption_fault(key->get());
}

}  // namespace postern
