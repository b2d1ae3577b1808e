// Authentication-Results (RFC 8601): written, read, and told from forgeries.
//
// A field that carries our authserv-id and was not written here is a lie (5): it is found by reading the id as the grammar has it, with
// comments and quotes, because a filter that compares text misses "(x) mail.example".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace postern {

struct AuthProperty {
  std::string type, name, value;  ///< "smtp", "mailfrom", "alice@example.org"
};
struct AuthResult {
  std::string method;   ///< "spf"
  std::string version;  ///< Of the method; nearly always empty.
  std::string result;   ///< "pass"
  std::string reason;
  std::vector<AuthProperty> properties;
};
struct AuthResults {
  std::string authserv_id;
  std::string version;              ///< Empty: 1.
  std::vector<AuthResult> results;  ///< Empty: "none".
};

/// The value of a field (folds are white space). BadInput says where; at most 64 KiB, 100 results, 100 properties each, comments 20 deep.
[[nodiscard]] Result<AuthResults> parse_authres(std::string_view value);
/// The id alone, lower case, as far as the field can be read; empty when it begins with none. Total: also for fields that are wrong further
/// on, since a reader downstream may be content with their beginning.
[[nodiscard]] std::string authserv_id_of(std::string_view value);

/// A whole field with CRLF, folded between results. What is no token is quoted; control characters become "?".
[[nodiscard]] std::string write_authres(const AuthResults& results);

}  // namespace postern
