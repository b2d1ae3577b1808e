// What seals the rows of one mailbox: a key of its own, which lies in the store as a content, so that what re-wraps contents re-wraps it
// too, and whose rows cannot be read any more, wherever they still lie, once it is gone.
#pragma once

#include "crypto/aead.hpp"
#include "store/store.hpp"

namespace postern {

/// Thread safe.
class RowKey {
 public:
  /// nonce, ciphertext, tag; bound to `aad`: what it is and where it belongs.
  [[nodiscard]] Result<Bytes> seal(std::string_view aad, ByteView plain) const;
  /// IntegrityFailed: cut off, changed, or another row's.
  [[nodiscard]] Result<Bytes> open(std::string_view aad, ByteView sealed) const;
  /// A name that rows are found by, without saying it: HMAC-SHA-256 under a key derived from this one.
  [[nodiscard]] Bytes index_of(std::string_view name) const;

 private:
  friend struct NewRowKey;
  friend Result<struct NewRowKey> make_row_key(Store& store, Keeper& keeper, Random& random);
  friend Result<std::shared_ptr<const RowKey>> open_row_key(Store& store, Keeper& keeper, ContentId id);
  [[nodiscard]] static Result<std::shared_ptr<const RowKey>> of(ByteView key);
  RowKey(Aead aead, SecretBytes index) : m_aead(std::move(aead)), m_index(std::move(index)) {}

  Aead m_aead;
  SecretBytes m_index;
};

/// A fresh one, and what is to be written of it.
struct NewRowKey {
  std::shared_ptr<const RowKey> key;
  MessageId message;
  SealedContent sealed;
  /// In a job: where it lies then.
  [[nodiscard]] Result<ContentId> put(Database& database, ContentStore& contents) const {
    return contents.put(database, message, sealed, 1);
  }
};
/// Errors of the keeper.
[[nodiscard]] Result<NewRowKey> make_row_key(Store& store, Keeper& keeper, Random& random);
/// Not on an event loop. Errors of the keeper; NotFound.
[[nodiscard]] Result<std::shared_ptr<const RowKey>> open_row_key(Store& store, Keeper& keeper, ContentId id);

}  // namespace postern
