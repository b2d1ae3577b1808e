// Who a message says wrote it, for judging it.
#pragma once

#include <string>
#include <vector>

#include "mime/address.hpp"
#include "mime/message.hpp"

namespace postern::gateway {

/// The mailboxes of all From fields. Of a field that is no mailbox-list (RFC 5322 3.6.2) it is everything in it that looks like an address,
/// in comments and encoded words too: whoever reads the mail may be shown any of them, so a broken field must not hide one from the judge.
/// At most kMostAuthors; their local parts may be no local-part then.
[[nodiscard]] std::vector<Mailbox> claimed_authors(const MessageView& view);
inline constexpr std::size_t kMostAuthors = 100;

/// Their domains: A-labels, lower case, each once.
[[nodiscard]] std::vector<std::string> author_domains(const std::vector<Mailbox>& authors);

}  // namespace postern::gateway
