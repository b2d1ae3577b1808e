#include "vaultkeeper/wrapped_key.hpp"

#include "base/cursor.hpp"
#include "crypto/aead.hpp"
#include "vaultkeeper/key_text.hpp"

namespace postern::vaultkeeper {
namespace {

constexpr Byte kFormat = 2;
constexpr std::size_t kLeast = kAeadNonce + kAeadTag;

tl::unexpected<Error> not_one(std::string_view what) {
  return fail(ErrorCode::BadInput, "not a data key wrapped under an external Vault: " + std::string(what), "wrapped");
}

void write_head(ByteWriter& out, const WrappedBy& by) {
  out.write_u8(kFormat).write_u32(by.version).write_u16(static_cast<std::uint16_t>(by.bytes.size())).write_bytes(by.bytes);
}

}  // namespace

std::string WrappedBy::text() const { return ciphertext_text(version, bytes); }

Result<WrappedBy> read_vault_text(std::string_view text) {
  auto parsed = parse_ciphertext(text);
  if (!parsed) return fail(std::move(parsed).error());
  WrappedBy out{parsed->version, std::move(parsed->bytes)};
  if (out.bytes.size() < kLeast || out.bytes.size() > kWrapMost || out.text() != text)
    return fail(ErrorCode::BadInput, "not a transit ciphertext of a key", "ciphertext");
  return out;
}

Result<WrappedKey> read_wrapped_key(ByteView bytes) {
  ByteReader reader(bytes);
  const auto format = reader.read_u8("wrapped");
  if (!format || *format != kFormat)
    return not_one(format && *format == 1 ? "it is of the embedded key engine (keys.backend was changed)" : "unknown format");
  WrappedKey out;
  POSTERN_TRY(out.by.version, reader.read_u32("wrapped"));
  POSTERN_TRY(const std::uint16_t size, reader.read_u16("wrapped"));
  if (out.by.version == 0 || size < kLeast || size > kWrapMost) return not_one("impossible size or version");
  POSTERN_TRY(const ByteView by, reader.read_bytes(size, "wrapped"));
  out.by.bytes.assign(by.begin(), by.end());
  const ByteView sealed = reader.remainder();
  if (sealed.size() <= kLeast || sealed.size() > kSealedMost) return not_one("impossible size");
  out.sealed.assign(sealed.begin(), sealed.end());
  return out;
}

Bytes write_wrapped_key(const WrappedKey& key) {
  ByteWriter out;
  write_head(out, key.by);
  out.write_bytes(key.sealed);
  return std::move(out).take();
}

Bytes wrap_aad(const WrappedBy& by, std::string_view transit_key, std::string_view purpose, ByteView aad) {
  ByteWriter out;
  out.write_block("postern vault wrap").write_block(purpose).write_block(transit_key);
  write_head(out, by);
  out.write_bytes(aad);
  return std::move(out).take();
}

}  // namespace postern::vaultkeeper
