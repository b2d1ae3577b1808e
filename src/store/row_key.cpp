#include "store/row_key.hpp"

#include "crypto/hmac.hpp"
#include "crypto/random.hpp"

namespace postern {
namespace {

constexpr AeadAlgorithm kAlgorithm = AeadAlgorithm::Aes256Gcm;
constexpr std::string_view kIndexLabel = "postern row index 1";

}  // namespace

Result<Bytes> RowKey::seal(std::string_view aad, ByteView plain) const { return m_aead.seal_random(as_bytes(aad), plain); }

Result<Bytes> RowKey::open(std::string_view aad, ByteView sealed) const {
  if (sealed.size() < kAeadNonce + kAeadTag) return fail(ErrorCode::IntegrityFailed, "a sealed row is cut off");
  Bytes plain(sealed.size() - kAeadNonce - kAeadTag);
  POSTERN_CHECK(m_aead.open(sealed.first(kAeadNonce), as_bytes(aad), sealed.subspan(kAeadNonce), plain));
  return plain;
}

Bytes RowKey::index_of(std::string_view name) const { return hmac(HashAlgorithm::Sha256, m_index.view(), as_bytes(name)); }

Result<std::shared_ptr<const RowKey>> RowKey::of(ByteView key) {
  POSTERN_TRY(Aead aead, Aead::create(kAlgorithm, key));
  Sha256 index = hmac_sha256(key, as_bytes(kIndexLabel));
  SecretBytes kept{ByteView(index)};
  wipe(index);
  return std::shared_ptr<const RowKey>(new RowKey(std::move(aead), std::move(kept)));
}

Result<NewRowKey> make_row_key(Store& store, Keeper& keeper, Random& random) {
  const SecretBytes key = random_key(aead_key_size(kAlgorithm));
  NewRowKey out;
  POSTERN_TRY(out.key, RowKey::of(key.view()));
  out.message = make_message_id(WallTime{}, random);  // what the key's content is bound to
  POSTERN_TRY(out.sealed, seal_content(keeper, out.message, as_text(key.view()), key_names::kMailStorage, &store.sealing()));
  return out;
}

Result<std::shared_ptr<const RowKey>> open_row_key(Store& store, Keeper& keeper, ContentId id) {
  auto stored = [&]() -> Result<StoredContent> {
    const DatabaseReader reader = store.reader();
    return store.contents().find(*reader, id);
  }();
  if (!stored) return fail(std::move(stored).error());
  const MessageId message = stored->message;
  POSTERN_TRY(const SealedContent sealed, sealed_of(*std::move(stored)));
  POSTERN_TRY(std::string octets, open_content(keeper, message, sealed));
  auto key = RowKey::of(as_bytes(octets));
  wipe(octets);
  return key;
}

}  // namespace postern
