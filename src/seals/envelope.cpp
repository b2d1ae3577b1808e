#include "seals/envelope.hpp"

#include <algorithm>

#include "base/cursor.hpp"
#include "crypto/aead.hpp"

namespace postern::seals {
namespace {

constexpr std::uint16_t kMark = 0x5053;
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kLocked = kAeadNonce + kRootKey + kAeadTag;
constexpr std::size_t kHeader = 2 + 1 + 1 + 4;

bool is_known(std::uint8_t kind) {
  return kind >= static_cast<std::uint8_t>(BlobKind::RawKey) && kind <= static_cast<std::uint8_t>(BlobKind::Transit);
}

// The port knows no more codes than these; what is missing or full now may be there at the next try.
Error port_error(Error error) {
  switch (error.code) {
    case ErrorCode::NotFound:
    case ErrorCode::Exhausted:
    case ErrorCode::Timeout: error.code = ErrorCode::Unavailable; break;
    case ErrorCode::Conflict: error.code = ErrorCode::Denied; break;
    default: break;
  }
  return error;
}

}  // namespace

Result<OpenedBlob> read_blob(ByteView blob) {
  if (blob.size() > kSealBlob) return fail(ErrorCode::TooLarge, "a sealed root key has 64 KiB at most", "seal");
  ByteReader reader(blob);
  POSTERN_TRY(const std::uint16_t mark, reader.read_u16("seal"));
  if (mark != kMark) return fail(ErrorCode::BadInput, "these bytes are not a sealed root key", "seal");
  POSTERN_TRY(const std::uint8_t version, reader.read_u8("seal"));
  if (version != kVersion) return fail(ErrorCode::Unsupported, "the sealed root key was written by a later Postern: use that one", "seal");
  POSTERN_TRY(const std::uint8_t kind, reader.read_u8("seal"));
  if (!is_known(kind)) return fail(ErrorCode::Unsupported, "the root key was sealed by a kind of seal that is not known here", "seal");
  OpenedBlob out{.kind = static_cast<BlobKind>(kind), .recipe = {}, .header = {}, .locked = {}};
  POSTERN_TRY(out.recipe, reader.read_block("seal"));
  out.locked = reader.remainder();
  if (out.locked.size() != kLocked) return fail(ErrorCode::BadInput, "the sealed root key has the wrong length", "seal");
  out.header = blob.first(blob.size() - kLocked);
  return out;
}

Result<Bytes> lock_blob(BlobKind kind, ByteView recipe, ByteView key, ByteView root_key) {
  if (root_key.size() != kRootKey) return fail(ErrorCode::BadInput, "a root key has 32 bytes", "root_key");
  if (recipe.size() > kSealBlob - kHeader - kLocked)
    return fail(ErrorCode::TooLarge, "what the seal has to remember passes 64 KiB", "seal");
  ByteWriter writer;
  writer.write_u16(kMark).write_u8(kVersion).write_u8(static_cast<std::uint8_t>(kind)).write_block(recipe);
  Bytes blob = std::move(writer).take();
  POSTERN_TRY(const Aead aead, Aead::create(AeadAlgorithm::Aes256Gcm, key));
  POSTERN_TRY(const Bytes locked, aead.seal_random(blob, root_key));
  append(blob, locked);
  return blob;
}

Result<SecretBytes> unlock_blob(const OpenedBlob& blob, ByteView key) {
  POSTERN_TRY(const Aead aead, Aead::create(AeadAlgorithm::Aes256Gcm, key));
  auto root_key = aead.open_random(blob.header, blob.locked);
  if (root_key || root_key.error().code != ErrorCode::IntegrityFailed) return root_key;
  return fail(ErrorCode::IntegrityFailed, "the sealed root key was changed, or belongs to another seal: restore it from a backup", "seal");
}

Result<Bytes> EnvelopeSeal::wrap(ByteView root_key) {
  if (root_key.size() != kRootKey) return fail(ErrorCode::BadInput, "a root key has 32 bytes", "root_key");
  auto made = fresh_key();
  if (!made) return fail(port_error(std::move(made).error()));
  const FreshKey fresh = *std::move(made);
  POSTERN_TRY(Bytes blob, lock_blob(fresh.kind, fresh.recipe, fresh.key.view(), root_key));
  // A device that cannot give back what it took would lose every key of the house; now is the time to notice.
  auto again = unwrap(blob);
  if (!again) return fail(std::move(again).error().context("opening what was just sealed"));
  if (!constant_time_equal(again->view(), root_key)) return fail(ErrorCode::Internal, "the seal does not give back what it took", "seal");
  return blob;
}

Result<SecretBytes> EnvelopeSeal::unwrap(ByteView blob) {
  POSTERN_TRY(const OpenedBlob opened, read_blob(blob));
  const auto key = key_of(opened.kind, opened.recipe);
  if (!key) return fail(port_error(key.error()));
  return unlock_blob(opened, key->view());
}

Status expect_kind(BlobKind found, BlobKind wanted) {
  if (found == wanted) return {};
  return fail(ErrorCode::IntegrityFailed, "the root key was sealed by a seal of another type: name that one in the setting", "seal");
}

Result<std::string> recipe_text(ByteView bytes, std::size_t limit, std::string_view field) {
  const bool plain = std::ranges::all_of(bytes, [](Byte b) { return b >= 0x20 && b < 0x7f; });
  if (!plain || bytes.size() > limit) return fail(ErrorCode::BadInput, "is not short plain text", std::string(field));
  return std::string(as_text(bytes));
}

}  // namespace postern::seals
