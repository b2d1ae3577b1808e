#include "store/sealed_content.hpp"

#include "crypto/stream_aead.hpp"

namespace postern {
namespace {

const KeyName& storage_key() {
  static const KeyName name("mail_storage_key");
  return name;
}

/// Binds content and wrapped key to the message and to this use.
std::string aad_of(const MessageId& message) { return "postern content 1|" + message.get(); }

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

}  // namespace

Result<SealedContent> seal_content(Keeper& keeper, const MessageId& message, std::string_view content) {
  const std::string aad = aad_of(message);
  POSTERN_TRY(DataKey key, keeper.new_data_key(storage_key(), as_bytes(aad)));
  POSTERN_TRY(RawBytes sealed, stream_seal(key.plaintext.view(), as_bytes(aad), as_bytes(content)));
  return SealedContent{std::move(key.wrapped), std::move(sealed), content.size()};
}

Result<std::string> open_content(Keeper& keeper, const MessageId& message, const SealedContent& sealed) {
  const std::string aad = aad_of(message);
  auto key = keeper.unwrap_data_key(storage_key(), sealed.wrapped_key, as_bytes(aad));
  if (!key) return fail(stored_damage(std::move(key).error(), "the stored content key"));
  if (stream_sealed_size(sealed.size) != sealed.sealed.size())
    return fail(ErrorCode::IntegrityFailed, "the stored content has a wrong size");
  auto content = stream_open(key->view(), as_bytes(aad), sealed.sealed);
  if (!content) return fail(stored_damage(std::move(content).error(), "the stored content"));
  return std::string(as_text(*content));
}

}  // namespace postern
