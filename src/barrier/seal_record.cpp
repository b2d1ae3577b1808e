#include "barrier/seal_record.hpp"

#include "base/cursor.hpp"
#include "crypto/aead.hpp"

namespace postern {
namespace {

constexpr std::string_view kMagic = "PSR1";
constexpr std::size_t kTypeLimit = 32;
constexpr std::size_t kNameLimit = 64;

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::IntegrityFailed, "the seal's record cannot be read (" + std::string(what) + "): restore it from a backup");
}

Result<ByteView> read_limited(ByteReader& in, std::size_t limit, std::string_view field) {
  POSTERN_TRY(const ByteView block, in.read_block(field));
  if (block.size() > limit) return fail(ErrorCode::BadInput, "is too long", std::string(field));
  return block;
}

Result<SealRecord> read_record(ByteReader& in) {
  POSTERN_TRY(const ByteView magic, in.read_bytes(kMagic.size(), "form"));
  if (as_text(magic) != kMagic) return damaged("form");
  SealRecord record;
  POSTERN_TRY(const ByteView type, read_limited(in, kTypeLimit, "type"));
  POSTERN_TRY(const ByteView name, read_limited(in, kNameLimit, "name"));
  POSTERN_TRY(const ByteView blob, read_limited(in, kSealBlob, "blob"));
  POSTERN_TRY(record.split.shares, in.read_u8("shares"));
  POSTERN_TRY(record.split.threshold, in.read_u8("threshold"));
  POSTERN_CHECK(check_split(record.split));
  if (type.empty() || !in.at_end()) return damaged("form");
  record.type = as_text(type);
  record.name = as_text(name);
  record.blob.assign(blob.begin(), blob.end());
  return record;
}

Bytes context_of(const ShareSplit& split) {
  Bytes context = to_bytes("postern root key");
  context.push_back(static_cast<Byte>(split.shares));
  context.push_back(static_cast<Byte>(split.threshold));
  return context;
}

}  // namespace

Bytes SealRecord::encode() const {
  ByteWriter out;
  out.write_bytes(as_bytes(kMagic)).write_block(type).write_block(name).write_block(blob);
  out.write_u8(static_cast<std::uint8_t>(split.shares)).write_u8(static_cast<std::uint8_t>(split.threshold));
  return std::move(out).take();
}

Result<SealRecord> SealRecord::decode(ByteView encoded) {
  ByteReader in(encoded);
  auto record = read_record(in);
  if (!record && record.error().code == ErrorCode::BadInput) return damaged(record.error().field);
  return record;
}

Result<Bytes> seal_root_key(ByteView root_key, ByteView share_key, const ShareSplit& split) {
  POSTERN_TRY(const Aead cipher, Aead::create(AeadAlgorithm::Aes256Gcm, share_key));
  return cipher.seal_random(context_of(split), root_key);
}

Result<SecretBytes> open_root_key(const SealRecord& record, ByteView share_key) {
  POSTERN_TRY(const Aead cipher, Aead::create(AeadAlgorithm::Aes256Gcm, share_key));
  auto root_key = cipher.open_random(context_of(record.split), record.blob);
  if (!root_key || root_key->size() != kRootKey) return fail(ErrorCode::Denied, "the shares do not open the root key");
  return root_key;
}

}  // namespace postern
