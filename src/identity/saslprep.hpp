// SASLprep (RFC 4013): the one form in which user names and passwords are stored and compared, so that the same word typed on two keyboards
// is the same word.
//
// Printable ASCII is its own prepared form. The tables are those of GNU libidn (stringprep, RFC 3454: Unicode 3.2); a character that is
// younger than those tables, most emoji for example, is "unassigned" and cannot stand in what is stored.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace postern {

/// RFC 4013 2.5: unassigned code points are prohibited in stored strings and allowed in queries.
enum class SaslPrepAs { Stored, Query };

/// The prepared form. BadInput names the reason: not UTF-8, prohibited output (2.3), mixed directions (2.4), unassigned code points (2.5),
/// or nothing left. `what` ("password", "user name") begins the sentence. The text itself is never part of it.
[[nodiscard]] Result<SecretBytes> saslprep(std::string_view text, SaslPrepAs as, std::string_view what);
/// The same for what is no secret.
[[nodiscard]] Result<std::string> saslprep_name(std::string_view text, SaslPrepAs as, std::string_view what = "user name");

}  // namespace postern
