#include "vault/wrapping.hpp"

#include "vault/json_text.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

constexpr std::size_t kDeepest = 1000;  // deeper than any face lets in, as what was put away must come out again

SecretBytes content_of(const Answer& answer) {
  json::object stored{{"data", nullptr}, {"auth", nullptr}, {"warnings", json::array()}};
  if (answer.data) stored["data"] = *answer.data;
  if (answer.auth) stored["auth"] = *answer.auth;
  for (const std::string& warning : answer.warnings) stored["warnings"].as_array().emplace_back(warning);
  std::string text;
  text.reserve(json_size(stored));
  append_json(text, stored);
  SecretBytes out = SecretBytes::from_text(text);
  wipe(text);
  wipe_json(stored);
  return out;
}

Result<Answer> answer_from(const SecretBytes& content) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = kDeepest;
  json::value value = json::parse(json::string_view(as_text(content.view()).data(), content.size()), error, {}, options);
  if (error || !value.is_object()) return fail(ErrorCode::IntegrityFailed, "the wrapped answer cannot be read");
  json::object& stored = value.get_object();
  Answer answer;
  answer.status = 200;
  if (stored["data"].is_object()) answer.data = std::move(stored["data"].get_object());
  if (stored["auth"].is_object()) answer.auth = std::move(stored["auth"].get_object());
  if (!stored["warnings"].is_array()) return answer;
  for (const json::value& warning : stored["warnings"].get_array()) answer.warnings.push_back(json::value_to<std::string>(warning));
  return answer;
}

std::string wrapped_accessor(const Answer& answer) {
  const json::value* accessor = answer.auth ? answer.auth->if_contains("accessor") : nullptr;
  return accessor != nullptr && accessor->is_string() ? std::string(accessor->get_string()) : std::string();
}

Result<json::object> put_away(Engine& engine, SecretBytes content, std::string_view path, seconds ttl, const std::string& accessor) {
  if (ttl <= seconds(0) || ttl > kLongestWrapping) {
    return fail(ErrorCode::BadInput, "the wrap TTL must be between 1 second and 30 days", "X-Vault-Wrap-TTL");
  }
  TokenEntry entry;
  entry.policies = {std::string(kWrappingPolicy)};
  entry.path = path;
  entry.display_name = "response-wrapping";
  entry.num_uses = 1;
  entry.creation_ttl = entry.explicit_max_ttl = ttl;
  POSTERN_TRY(const IssuedToken issued, engine.tokens.issue(std::move(entry), nullptr, {}, std::move(content)));
  Counters::add(engine.counters.wrapped);
  json::object info{{"token", issued.token},
                    {"accessor", issued.entry.accessor},
                    {"ttl", ttl.count()},
                    {"creation_time", rfc3339(issued.entry.created)},
                    {"creation_path", path}};
  if (!accessor.empty()) info["wrapped_accessor"] = accessor;
  return info;
}

// The token's content; the token is spent and gone afterwards, whatever happens.
Result<SecretBytes> take(Engine& engine, const LiveTokenPtr& token) {
  Result<std::optional<SecretBytes>> content = engine.tokens.wrapped(token->hash);
  engine.tokens.finish(token);
  if (!content) return fail(std::move(content).error());
  if (!*content) return fail(ErrorCode::BadInput, "wrapping token is not valid or does not exist");
  return **std::move(content);
}

}  // namespace

Result<json::object> wrap_answer(Engine& engine, const Answer& answer, std::string_view path, seconds ttl) {
  return put_away(engine, content_of(answer), path, ttl, wrapped_accessor(answer));
}

Result<Answer> unwrap(Engine& engine, std::string_view token) {
  POSTERN_TRY(const LiveTokenPtr live, engine.tokens.use_wrapping(token, true));
  POSTERN_TRY(const SecretBytes content, take(engine, live));
  Counters::add(engine.counters.unwrapped);
  return answer_from(content);
}

Result<Answer> rewrap(Engine& engine, std::string_view token) {
  POSTERN_TRY(const LiveTokenPtr live, engine.tokens.use_wrapping(token, true));
  POSTERN_TRY(SecretBytes content, take(engine, live));
  POSTERN_TRY(const Answer inside, answer_from(content));
  Answer answer;
  POSTERN_TRY(answer.wrap, put_away(engine, std::move(content), live->entry.path, live->entry.creation_ttl, wrapped_accessor(inside)));
  return answer;
}

Result<Answer> look_up_wrapping(Engine& engine, std::string_view token) {
  POSTERN_TRY(const LiveTokenPtr live, engine.tokens.use_wrapping(token, false));
  return Answer::with({{"creation_path", live->entry.path},
                       {"creation_time", rfc3339(live->entry.created)},
                       {"creation_ttl", live->entry.creation_ttl.count()}});
}

}  // namespace postern::vault
