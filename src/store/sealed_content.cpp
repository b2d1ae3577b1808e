#include "store/sealed_content.hpp"

#include "crypto/stream_aead.hpp"

namespace postern {
namespace {

constexpr Byte kNamed = 0;

/// What we wrote ourselves and cannot read back is damaged, whatever the parser calls it; a keeper that does not answer is not damage.
Error stored_damage(Error error, std::string_view what) {
  switch (error.code) {
    case ErrorCode::Unavailable:
    case ErrorCode::Timeout:
    case ErrorCode::Exhausted:
    case ErrorCode::Internal: return error;
    default: return Error{ErrorCode::IntegrityFailed, std::string(what) + " cannot be opened: " + error.what, std::move(error.field)};
  }
}

Result<KeyAhead::Ready> ask_for_key(Keeper& keeper, const MessageId& message, const KeyName& storage_key, const GracePeriod* grace) {
  KeyAhead::Ready ready;
  if (grace != nullptr) ready.ticket = grace->enter();
  auto key = keeper.new_data_key(storage_key, as_bytes(content_aad(message)));
  if (!key && key.error().code == ErrorCode::NotFound)
    return fail(ErrorCode::Unavailable, "there is no storage key for this message now", storage_key.get());
  if (!key) return fail(std::move(key).error());
  ready.key = *std::move(key);
  return ready;
}

}  // namespace

Result<WrappedKey> parse_wrapped_key(ByteView stored) {
  if (stored.empty() || stored.front() != kNamed) return WrappedKey{key_names::kMailStorage, stored};
  const std::size_t length = stored.size() < 2 ? 0 : static_cast<std::size_t>(stored[1]);
  if (length == 0 || stored.size() < 2 + length) return fail(ErrorCode::IntegrityFailed, "the stored content key has no key name");
  auto name = parse_key_name(as_text(stored.subspan(2, length)));
  if (!name) return fail(ErrorCode::IntegrityFailed, "the stored content key names no key");
  return WrappedKey{*std::move(name), stored.subspan(2 + length)};
}

Bytes stored_wrapped_key(const KeyName& storage_key, ByteView wrapped) {
  Bytes out;
  if (storage_key != key_names::kMailStorage) {
    out.push_back(kNamed);
    out.push_back(static_cast<Byte>(storage_key.get().size()));
    append(out, as_bytes(storage_key.get()));
  }
  append(out, wrapped);
  return out;
}

std::string content_aad(const MessageId& message) { return "postern content 1|" + message.get(); }

Result<std::optional<KeyAhead::Ready>> KeyAhead::take(const MessageId& message, const KeyName& storage_key) {
  if (!m_key || message != m_message || storage_key != key_names::kMailStorage) return std::optional<Ready>();
  auto key = (*std::exchange(m_key, std::nullopt)).take();
  if (key) return Ready{*std::move(key), std::move(m_ticket)};
  if (key.error().code == ErrorCode::Unavailable || key.error().code == ErrorCode::Timeout) return fail(std::move(key).error());
  return std::optional<Ready>();
}

Result<SealedContent> seal_content(Keeper& keeper, const MessageId& message, std::string_view content, const KeyName& storage_key,
                                   const GracePeriod* grace, KeyAhead* ahead) {
  std::optional<KeyAhead::Ready> ready;
  if (ahead != nullptr) {
    POSTERN_TRY(ready, ahead->take(message, storage_key));
  }
  if (!ready) {
    POSTERN_TRY(ready, ask_for_key(keeper, message, storage_key, grace));
  }
  SealedContent out;
  out.ticket = std::move(ready->ticket);
  POSTERN_TRY(out.sealed, stream_seal(ready->key.plaintext.view(), as_bytes(content_aad(message)), as_bytes(content)));
  Bytes& wrapped = ready->key.wrapped;
  out.wrapped_key = storage_key == key_names::kMailStorage ? std::move(wrapped) : stored_wrapped_key(storage_key, wrapped);
  out.size = content.size();
  return out;
}

Result<SecretBytes> open_content_key(Keeper& keeper, const MessageId& message, ByteView stored) {
  POSTERN_TRY(const WrappedKey wrapped, parse_wrapped_key(stored));
  auto key = keeper.unwrap_data_key(wrapped.storage_key, wrapped.wrapped, as_bytes(content_aad(message)));
  if (!key) return fail(stored_damage(std::move(key).error(), "the stored content key"));
  return key;
}

Result<std::string> open_content(Keeper& keeper, const MessageId& message, const SealedContent& sealed) {
  const std::string aad = content_aad(message);
  POSTERN_TRY(const SecretBytes key, open_content_key(keeper, message, sealed.wrapped_key));
  if (stream_sealed_size(sealed.size) != sealed.sealed.size())
    return fail(ErrorCode::IntegrityFailed, "the stored content has a wrong size");
  auto content = stream_open(key.view(), as_bytes(aad), sealed.sealed);
  if (!content) return fail(stored_damage(std::move(content).error(), "the stored content"));
  return std::string(as_text(*content));
}

}  // namespace postern
