// Message content at rest: every message has a data key of its own, wrapped by the keeper's `mail_storage_key` or by a tenant's storage
// key.
//
// Deleting the wrapped key destroys one content, destroying a storage key all that it wraps (crypto-shredding), wherever the bytes still
// lie. A flipped bit anywhere, content of another message, or a truncated copy is IntegrityFailed, and nothing of it is ever handed out.
//
// What is stored as the wrapped key says itself which storage key it is under: nothing in front for `mail_storage_key`, else 0x00, the
// length of the name (1 to 128) and the name. No keeper's form begins with 0x00 (Keeper::wrapped_version).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/grace_period.hpp"
#include "base/ids.hpp"
#include "keys/keeper.hpp"

namespace postern {

/// Ready to be written: no plaintext in it.
struct SealedContent {
  Bytes wrapped_key;
  RawBytes sealed;
  std::uint64_t size = 0;           ///< Of the plaintext.
  GracePeriod::Ticket ticket = {};  ///< Until it is written or dropped; whoever retires key versions waits for it.
};

/// A stored wrapped key, taken apart. `wrapped` borrows.
struct WrappedKey {
  KeyName storage_key;
  ByteView wrapped;
};
/// IntegrityFailed when the name in front is none.
[[nodiscard]] Result<WrappedKey> parse_wrapped_key(ByteView stored);
/// The inverse.
[[nodiscard]] Bytes stored_wrapped_key(const KeyName& storage_key, ByteView wrapped);

/// What content and wrapped key of a message are bound to.
[[nodiscard]] std::string content_aad(const MessageId& message);

/// A data key that was asked for before its message came, so that nobody waits for it then. Of the key `mail_storage_key`. Whoever retires
/// key versions waits for this as for what it becomes: not to be kept for long.
class KeyAhead {
 public:
  KeyAhead(MessageId message, Later<DataKey> key, GracePeriod::Ticket ticket)
      : m_message(std::move(message)), m_ticket(std::move(ticket)), m_key(std::move(key)) {}

  struct Ready {
    DataKey key;
    GracePeriod::Ticket ticket;
  };
  /// Waits for it. Nothing when it is for something else, was taken before, or the keeper refused it: then it is to be asked for anew.
  /// Unavailable and Timeout of the keeper, whom to ask again would take as long again.
  [[nodiscard]] Result<std::optional<Ready>> take(const MessageId& message, const KeyName& storage_key);
  [[nodiscard]] const MessageId& message() const noexcept { return m_message; }

 private:
  const MessageId m_message;
  GracePeriod::Ticket m_ticket;
  std::optional<Later<DataKey>> m_key;
};

/// Encrypts with a fresh data key, or with the one that was asked for before; the message id is authenticated with it. Any thread; do it
/// before the writer is asked. `grace`: of the store that it is for (Store::sealing). Unavailable when the storage key is not there, yet or
/// any more.
[[nodiscard]] Result<SealedContent> seal_content(Keeper& keeper, const MessageId& message, std::string_view content,
                                                 const KeyName& storage_key = key_names::kMailStorage, const GracePeriod* grace = nullptr,
                                                 KeyAhead* ahead = nullptr);
/// The data key of a stored content. IntegrityFailed when it does not open; what the keeper cannot do now stays what it is.
[[nodiscard]] Result<SecretBytes> open_content_key(Keeper& keeper, const MessageId& message, ByteView stored);
/// The inverse.
[[nodiscard]] Result<std::string> open_content(Keeper& keeper, const MessageId& message, const SealedContent& sealed);

}  // namespace postern
