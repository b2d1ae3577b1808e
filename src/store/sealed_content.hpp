// Message content at rest: every message has a data key of its own, wrapped by the keeper's `mail_storage_key`.
//
// Deleting the wrapped key destroys the content (crypto-shredding), wherever its bytes still lie. A flipped bit anywhere, content of
// another message, or a truncated copy is IntegrityFailed, and nothing of it is ever handed out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "keys/keeper.hpp"

namespace postern {

/// Ready to be written: no plaintext in it.
struct SealedContent {
  Bytes wrapped_key;
  RawBytes sealed;
  std::uint64_t size = 0;  ///< Of the plaintext.
};

/// Encrypts with a fresh data key; the message id is authenticated with it. Any thread; do it before the writer is asked.
[[nodiscard]] Result<SealedContent> seal_content(Keeper& keeper, const MessageId& message, std::string_view content);
/// The inverse.
[[nodiscard]] Result<std::string> open_content(Keeper& keeper, const MessageId& message, const SealedContent& sealed);

}  // namespace postern
