// Small things that the core's own paths share. Inside vault/ only.
#pragma once

#include "vault/engine.hpp"

namespace postern::vault {

/// A path with one handler for each operation; the rest is set on the result.
[[nodiscard]] inline PathSpec path_of(std::string pattern, std::vector<FieldSpec> fields, std::map<Operation, Handler> operations,
                                      std::string help = {}) {
  PathSpec spec;
  spec.pattern = std::move(pattern);
  spec.fields = std::move(fields);
  spec.operations = std::move(operations);
  spec.help = std::move(help);
  return spec;
}
[[nodiscard]] inline PathSpec with_sudo(PathSpec spec) {
  spec.sudo = true;
  return spec;
}
[[nodiscard]] inline PathSpec without_token(PathSpec spec) {
  spec.unauthenticated = true;
  return spec;
}

/// The same handler for several operations.
[[nodiscard]] inline std::map<Operation, Handler> writes(Handler handler) { return {{Operation::Update, std::move(handler)}}; }
[[nodiscard]] inline std::map<Operation, Handler> reads(Handler handler) { return {{Operation::Read, std::move(handler)}}; }

[[nodiscard]] inline Answer bare_answer(boost::json::object data) {
  Answer answer = Answer::with(std::move(data));
  answer.bare = true;
  return answer;
}
[[nodiscard]] inline Answer answer_on_top(boost::json::object data) {
  Answer answer = Answer::with(std::move(data));
  answer.also_on_top = true;
  return answer;
}

/// A key share as people type it: hexadecimal or base64.
[[nodiscard]] Result<SecretBytes> share_from(std::string_view text);
/// "keys"/"keys_base64" (or with another stem) of shares that were just made.
void add_shares(boost::json::object& to, const std::vector<SecretBytes>& shares, std::string_view stem);

}  // namespace postern::vault
