// sys/wrapping. Looking at, opening and renewing a wrapping ask for no token: the wrapping token is the permission, and it comes either in
// the body or as the client token.
#include "vault/handlers.hpp"
#include "vault/wrapping.hpp"

namespace postern::vault {
namespace {

std::string_view token_of(const Call& call) {
  const std::string_view given = call.fields.text_view("token");
  return given.empty() ? std::string_view(call.request.token) : given;
}

Result<Answer> wrap(const Call& call) {
  if (!call.request.wrap_ttl || call.request.wrap_ttl->count() <= 0) {
    return fail(ErrorCode::BadInput, "endpoint requires response wrapping to be used");
  }
  return Answer::with(call.request.data);
}

}  // namespace

void add_wrapping_paths(std::vector<PathSpec>& to, Engine& engine) {
  const std::vector<FieldSpec> fields = {{"token", FieldType::String}};
  const Handler look = [&engine](const Call& call) { return look_up_wrapping(engine, token_of(call)); };
  to.push_back(path_of("wrapping/wrap", {}, writes([](const Call& call) { return wrap(call); })));
  to.push_back(
      without_token(path_of("wrapping/unwrap", fields, writes([&engine](const Call& call) { return unwrap(engine, token_of(call)); }))));
  to.push_back(
      without_token(path_of("wrapping/rewrap", fields, writes([&engine](const Call& call) { return rewrap(engine, token_of(call)); }))));
  to.push_back(without_token(path_of("wrapping/lookup", fields, {{Operation::Update, look}, {Operation::Read, look}})));
}

}  // namespace postern::vault
