// The values of the port in bytes. Each pair of write and read stands together, so that a reader sees that they agree.
#include "custody/calls.hpp"

namespace postern::custody {
namespace {

constexpr std::size_t kLeastVersion = 4 + 8 + 4 + 8;
constexpr std::size_t kLeastSignature = 1 + 4 + 4 + 4 + 8;

template <class E>
void write_choice(Writer& out, E value) {
  out.u8(static_cast<std::uint8_t>(value));
}

template <class T>
void write_optional(Writer& out, const std::optional<T>& value, std::size_t width) {
  out.u8(value ? 1 : 0);
  if (value) out.uint(static_cast<std::uint64_t>(*value), width);
}

Result<std::optional<std::uint32_t>> read_optional_u32(Reader& in, std::string_view field) {
  POSTERN_TRY(const bool there, in.flag(field));
  if (!there) return std::nullopt;
  POSTERN_TRY(const std::uint32_t value, in.read_u32(field));
  return value;
}

Result<std::string> read_string(Reader& in, std::string_view field) {
  POSTERN_TRY(const std::string_view text, in.text(field));
  return std::string(text);
}

Result<Bytes> read_copy(Reader& in, std::string_view field) {
  POSTERN_TRY(const ByteView block, in.read_block(field));
  return Bytes(block.begin(), block.end());
}

/// RFC 5480 2.1.1 and RFC 5280 4.1: everything of a SubjectPublicKeyInfo in front of an uncompressed point (SEC 1 2.3.3).
struct PointFrame {
  KeyKind kind;
  std::string_view head;
  std::size_t point;
};
constexpr std::string_view kP256Head(
    "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00", 26);
constexpr std::string_view kP384Head("\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00", 23);
constexpr std::string_view kP521Head("\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\x81\x86\x00",
                                     25);
constexpr std::array<PointFrame, 3> kPointFrames{
    {{KeyKind::EcP256, kP256Head, 65}, {KeyKind::EcP384, kP384Head, 97}, {KeyKind::EcP521, kP521Head, 133}}};

Result<PublicKey> from_point(KeyKind kind, ByteView point) {
  const auto* frame = std::ranges::find(kPointFrames, kind, &PointFrame::kind);
  if (frame == kPointFrames.end()) return PublicKey::from_raw(kind, point);
  if (point.size() != frame->point || point[0] != 0x04) return fail(ErrorCode::BadInput, "is no uncompressed point of its curve", "peer");
  Bytes spki = to_bytes(frame->head);
  append(spki, point);
  return PublicKey::from_spki(spki);
}

}  // namespace

void Codec<std::uint32_t>::write(Writer& out, const std::uint32_t& in) { out.u32(in); }
Result<std::uint32_t> Codec<std::uint32_t>::read(Reader& in) { return in.read_u32("number"); }

void Codec<std::size_t>::write(Writer& out, const std::size_t& in) { out.u64(in); }
Result<std::size_t> Codec<std::size_t>::read(Reader& in) { return in.read_u64("size"); }

void Codec<ByteView>::write(Writer& out, const ByteView& in) { out.block(in); }
Result<ByteView> Codec<ByteView>::read(Reader& in) { return in.read_block("bytes"); }

void Codec<std::string_view>::write(Writer& out, const std::string_view& in) { out.block(in); }
Result<std::string_view> Codec<std::string_view>::read(Reader& in) { return in.text("text"); }

void Codec<std::string>::write(Writer& out, const std::string& in) { out.block(in); }
Result<std::string> Codec<std::string>::read(Reader& in) { return read_string(in, "text"); }

void Codec<Bytes>::write(Writer& out, const Bytes& in) { out.block(ByteView(in)); }
Result<Bytes> Codec<Bytes>::read(Reader& in) { return read_copy(in, "bytes"); }

void Codec<SecretBytes>::write(Writer& out, const SecretBytes& in) { out.block(in.view()); }
Result<SecretBytes> Codec<SecretBytes>::read(Reader& in) {
  POSTERN_TRY(const ByteView block, in.read_block("secret"));
  return SecretBytes(block);
}

void Codec<std::vector<Bytes>>::write(Writer& out, std::span<const Bytes> in) {
  if (in.size() > kMaxCertificates) {
    out.refuse({ErrorCode::TooLarge, "at most " + std::to_string(kMaxCertificates) + " certificates in one call", {}});
    return;
  }
  out.u32(static_cast<std::uint32_t>(in.size()));
  for (const Bytes& one : in) out.block(ByteView(one));
}
Result<std::vector<Bytes>> Codec<std::vector<Bytes>>::read(Reader& in) {
  POSTERN_TRY(const std::size_t count, in.count("certificates", 4));
  if (count > kMaxCertificates) return fail(ErrorCode::BadInput, "are too many", "certificates");
  std::vector<Bytes> out;
  for (std::size_t i = 0; i < count; ++i) {
    POSTERN_TRY(Bytes one, read_copy(in, "certificate"));
    out.push_back(std::move(one));
  }
  return out;
}

void Codec<KeyName>::write(Writer& out, const KeyName& in) {
  if (in.get().size() > kMaxKeyName) {
    out.refuse({ErrorCode::BadInput, "a key's name has at most " + std::to_string(kMaxKeyName) + " characters", "name"});
    return;
  }
  out.block(in.get());
}
Result<KeyName> Codec<KeyName>::read(Reader& in) {
  POSTERN_TRY(const std::string_view text, in.text("name", kMaxKeyName));
  return KeyName(std::string(text));
}

void Codec<std::vector<KeyName>>::write(Writer& out, const std::vector<KeyName>& in) {
  out.u32(static_cast<std::uint32_t>(in.size()));
  for (const KeyName& name : in) Codec<KeyName>::write(out, name);
}
Result<std::vector<KeyName>> Codec<std::vector<KeyName>>::read(Reader& in) {
  POSTERN_TRY(const std::size_t count, in.count("names", 4));
  std::vector<KeyName> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    POSTERN_TRY(KeyName name, Codec<KeyName>::read(in));
    out.push_back(std::move(name));
  }
  return out;
}

void Codec<KeyType>::write(Writer& out, const KeyType& in) { write_choice(out, in); }
Result<KeyType> Codec<KeyType>::read(Reader& in) { return in.choice("type", KeyType::OpenPgp); }

void Codec<HashAlgorithm>::write(Writer& out, const HashAlgorithm& in) { write_choice(out, in); }
Result<HashAlgorithm> Codec<HashAlgorithm>::read(Reader& in) { return in.choice("hash", HashAlgorithm::Sha3_512); }

void Codec<SignAlgorithm>::write(Writer& out, const SignAlgorithm& in) {
  write_choice(out, in.hash);
  write_choice(out, in.padding);
  out.u32(static_cast<std::uint32_t>(in.salt)).u8(in.prehashed ? 1 : 0).u8(in.no_digest_info ? 1 : 0);
}
Result<SignAlgorithm> Codec<SignAlgorithm>::read(Reader& in) {
  SignAlgorithm out;
  POSTERN_TRY(out.hash, Codec<HashAlgorithm>::read(in));
  POSTERN_TRY(out.padding, in.choice("padding", RsaPadding::Pss));
  POSTERN_TRY(const std::uint32_t salt, in.read_u32("salt"));
  out.salt = static_cast<int>(salt);
  POSTERN_TRY(out.prehashed, in.flag("prehashed"));
  POSTERN_TRY(out.no_digest_info, in.flag("no_digest_info"));
  return out;
}

void Codec<OaepOptions>::write(Writer& out, const OaepOptions& in) {
  write_choice(out, in.hash);
  out.u8(in.mgf1 ? 1 : 0);
  if (in.mgf1) write_choice(out, *in.mgf1);
  out.block(ByteView(in.label));
}
Result<OaepOptions> Codec<OaepOptions>::read(Reader& in) {
  OaepOptions out;
  POSTERN_TRY(out.hash, Codec<HashAlgorithm>::read(in));
  POSTERN_TRY(const bool other, in.flag("mgf1"));
  if (other) {
    POSTERN_TRY(out.mgf1, Codec<HashAlgorithm>::read(in));
  }
  POSTERN_TRY(out.label, read_copy(in, "label"));
  return out;
}

void Codec<KeySettings>::write(Writer& out, const KeySettings& in) {
  write_optional(out, in.min_decryption_version, 4);
  write_optional(out, in.min_encryption_version, 4);
  write_optional(out, in.deletion_allowed, 1);
}
Result<KeySettings> Codec<KeySettings>::read(Reader& in) {
  KeySettings out;
  POSTERN_TRY(out.min_decryption_version, read_optional_u32(in, "min_decryption_version"));
  POSTERN_TRY(out.min_encryption_version, read_optional_u32(in, "min_encryption_version"));
  POSTERN_TRY(const bool there, in.flag("deletion_allowed"));
  if (there) {
    POSTERN_TRY(out.deletion_allowed, in.flag("deletion_allowed"));
  }
  return out;
}

void Codec<KeyInfo>::write(Writer& out, const KeyInfo& in) {
  Codec<KeyName>::write(out, in.name);
  write_choice(out, in.type);
  out.u32(in.latest).u32(in.min_decryption_version).u32(in.min_encryption_version).u8(in.deletion_allowed ? 1 : 0);
  out.block(in.custody).u64(in.max_uses).u64(static_cast<std::uint64_t>(in.auto_rotate.count()));
  out.u32(static_cast<std::uint32_t>(in.versions.size()));
  for (const KeyVersionInfo& one : in.versions) {
    out.u32(one.number).u64(static_cast<std::uint64_t>(unix_millis(one.created))).block(one.public_key_pem).u64(one.uses);
  }
}
Result<KeyInfo> Codec<KeyInfo>::read(Reader& in) {
  KeyInfo out;
  POSTERN_TRY(out.name, Codec<KeyName>::read(in));
  POSTERN_TRY(out.type, Codec<KeyType>::read(in));
  POSTERN_TRY(out.latest, in.read_u32("latest"));
  POSTERN_TRY(out.min_decryption_version, in.read_u32("min_decryption_version"));
  POSTERN_TRY(out.min_encryption_version, in.read_u32("min_encryption_version"));
  POSTERN_TRY(out.deletion_allowed, in.flag("deletion_allowed"));
  POSTERN_TRY(out.custody, read_string(in, "custody"));
  POSTERN_TRY(out.max_uses, in.read_u64("max_uses"));
  POSTERN_TRY(const std::uint64_t auto_rotate, in.read_u64("auto_rotate"));
  out.auto_rotate = std::chrono::seconds(static_cast<std::int64_t>(auto_rotate));
  POSTERN_TRY(const std::size_t count, in.count("versions", kLeastVersion));
  for (std::size_t i = 0; i < count; ++i) {
    KeyVersionInfo one;
    POSTERN_TRY(one.number, in.read_u32("number"));
    POSTERN_TRY(const std::uint64_t created, in.read_u64("created"));
    one.created = wall_from_millis(static_cast<std::int64_t>(created));
    POSTERN_TRY(one.public_key_pem, read_string(in, "public_key"));
    POSTERN_TRY(one.uses, in.read_u64("uses"));
    out.versions.push_back(std::move(one));
  }
  return out;
}

namespace {

/// 0: none. Both are times of this era.
std::uint64_t millis_of(const std::optional<WallTime>& time) { return time ? static_cast<std::uint64_t>(unix_millis(*time)) : 0; }
std::optional<WallTime> time_of(std::uint64_t millis) {
  if (millis == 0) return std::nullopt;
  return wall_from_millis(static_cast<std::int64_t>(millis));
}

}  // namespace

void Codec<KeeperState>::write(Writer& out, const KeeperState& in) {
  out.block(in.backend).u8(in.reachable ? 1 : 0).u8(in.sealed ? 1 : 0).block(in.where).block(in.last_error);
  out.u64(millis_of(in.since)).u64(millis_of(in.token_expires)).u64(in.cached_data_keys).u64(in.cached_keys);
}
Result<KeeperState> Codec<KeeperState>::read(Reader& in) {
  KeeperState out;
  POSTERN_TRY(out.backend, read_string(in, "backend"));
  POSTERN_TRY(out.reachable, in.flag("reachable"));
  POSTERN_TRY(out.sealed, in.flag("sealed"));
  POSTERN_TRY(out.where, read_string(in, "where"));
  POSTERN_TRY(out.last_error, read_string(in, "last_error"));
  POSTERN_TRY(const std::uint64_t since, in.read_u64("since"));
  POSTERN_TRY(const std::uint64_t expires, in.read_u64("token_expires"));
  out.since = time_of(since);
  out.token_expires = time_of(expires);
  POSTERN_TRY(out.cached_data_keys, in.read_u64("cached_data_keys"));
  POSTERN_TRY(out.cached_keys, in.read_u64("cached_keys"));
  return out;
}

void Codec<KeeperCondition>::write(Writer& out, const KeeperCondition& in) {
  Codec<KeeperState>::write(out, in.state);
  out.u8(in.ready ? 1 : 0);
  if (!in.ready) write_error_body(out, in.ready.error());
}
Result<KeeperCondition> Codec<KeeperCondition>::read(Reader& in) {
  KeeperCondition out;
  POSTERN_TRY(out.state, Codec<KeeperState>::read(in));
  POSTERN_TRY(const bool ready, in.flag("ready"));
  if (ready) return out;
  POSTERN_TRY(Error why, read_error(in));
  out.ready = fail(std::move(why));
  return out;
}

void Codec<PublicKey>::write(Writer& out, const PublicKey& in) { out.block(ByteView(in.to_spki())); }
Result<PublicKey> Codec<PublicKey>::read(Reader& in) {
  POSTERN_TRY(const ByteView spki, in.read_block("public_key"));
  return PublicKey::from_spki(spki);
}

void Codec<DataKey>::write(Writer& out, const DataKey& in) { out.block(in.plaintext.view()).block(ByteView(in.wrapped)); }
Result<DataKey> Codec<DataKey>::read(Reader& in) {
  DataKey out;
  POSTERN_TRY(out.plaintext, Codec<SecretBytes>::read(in));
  POSTERN_TRY(out.wrapped, read_copy(in, "wrapped"));
  return out;
}

void Codec<OpenPgpOpened>::write(Writer& out, const OpenPgpOpened& in) {
  out.block(ByteView(in.plaintext)).block(in.cipher).block(in.mode).u32(static_cast<std::uint32_t>(in.signatures.size()));
  for (const OpenPgpSignature& one : in.signatures) {
    write_choice(out, one.status);
    out.block(one.key_id).block(one.fingerprint).block(one.hash).u64(static_cast<std::uint64_t>(one.created));
  }
}
Result<OpenPgpOpened> Codec<OpenPgpOpened>::read(Reader& in) {
  OpenPgpOpened out;
  POSTERN_TRY(out.plaintext, read_copy(in, "plaintext"));
  POSTERN_TRY(out.cipher, read_string(in, "cipher"));
  POSTERN_TRY(out.mode, read_string(in, "mode"));
  POSTERN_TRY(const std::size_t count, in.count("signatures", kLeastSignature));
  for (std::size_t i = 0; i < count; ++i) {
    OpenPgpSignature one;
    POSTERN_TRY(one.status, in.choice("status", OpenPgpSignatureStatus::UnusableKey));
    POSTERN_TRY(one.key_id, read_string(in, "key_id"));
    POSTERN_TRY(one.fingerprint, read_string(in, "fingerprint"));
    POSTERN_TRY(one.hash, read_string(in, "hash"));
    POSTERN_TRY(const std::uint64_t created, in.read_u64("created"));
    one.created = static_cast<std::int64_t>(created);
    out.signatures.push_back(std::move(one));
  }
  return out;
}

void Codec<Peer>::write(Writer& out, const PublicKey& in) {
  if (in.kind() == KeyKind::Rsa) {
    out.refuse({ErrorCode::BadInput, "an RSA key does not agree; give a key of an elliptic curve", "peer"});
    return;
  }
  write_choice(out, in.kind());
  out.block(ByteView(in.to_raw()));
}
Result<Peer> Codec<Peer>::read(Reader& in) {
  POSTERN_TRY(const KeyKind kind, in.choice("peer", KeyKind::EcP521));
  POSTERN_TRY(const ByteView point, in.read_block("peer"));
  POSTERN_TRY(PublicKey key, from_point(kind, point));
  return Peer{std::move(key)};
}

std::string name_of(Call call) {
  if (call == Call::Vault) return "vault";
  if (call == Call::DatabaseKey) return "database_key";
  std::string out = "call " + std::to_string(static_cast<unsigned>(call));
  (void)with_row(KeeperCalls{}, static_cast<std::uint8_t>(call), [&out](auto row) { out = row.kText; });
  return out;
}

}  // namespace postern::custody
