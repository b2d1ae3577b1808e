// Who a message says wrote it, for judging it.
#pragma once

#include <string>
#include <vector>

#include "mime/address.hpp"
#include "mime/message.hpp"

namespace postern::gateway {

struct Authors {
  /// The mailboxes of all From fields. Of a field that is no mailbox-list (RFC 5322 3.6.2) it is the one that stands alone in angle
  /// brackets at its end, as every program reads it; else everything in it that looks like an address, in comments and encoded words too:
  /// whoever reads the mail may be shown any of them, so a broken field must not hide one. Their local parts may be no local-part then.
  std::vector<Mailbox> mailboxes;
  /// A field has an @, and nothing in it that could be judged; or there are more mailboxes than kMostAuthors.
  bool hidden = false;
};
inline constexpr std::size_t kMostAuthors = 100;

[[nodiscard]] Authors claimed_authors(const MessageView& view);

/// Their domains: A-labels, lower case, each once. One that has no A-labels is as it is written, printable.
[[nodiscard]] std::vector<std::string> author_domains(const std::vector<Mailbox>& authors);

}  // namespace postern::gateway
