// sys/policies/acl, the older sys/policy, sys/capabilities and internal/ui/resultant-acl: who may what.
#include <algorithm>

#include "vault/grants.hpp"
#include "vault/handlers.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

// Policies ----------------------------------------------------------------------------------------------------------------------------

Result<Answer> write_policy(Engine& engine, const Call& call) {
  const bool old_name = !call.fields.has("policy") && call.fields.has("rules");
  if (!old_name && !call.fields.has("policy")) return fail(ErrorCode::BadInput, "'policy' parameter not supplied or empty", "policy");
  POSTERN_CHECK(engine.policies.set(call.fields.text("name"), call.fields.text(old_name ? "rules" : "policy")));
  return Answer{};
}

Result<Answer> delete_policy(Engine& engine, const Call& call) {
  POSTERN_CHECK(engine.policies.remove(call.fields.text("name")));
  return Answer{};
}

// Null when there is none.
std::shared_ptr<const acl::Policy> asked(Engine& engine, const Call& call) { return engine.policies.get(call.fields.text("name")); }

void add_policies(std::vector<PathSpec>& to, Engine& engine) {
  const std::vector<FieldSpec> fields = {{"name", FieldType::String}, {"policy", FieldType::String}, {"rules", FieldType::String}};
  const Handler write = [&engine](const Call& call) { return write_policy(engine, call); };
  const Handler remove = [&engine](const Call& call) { return delete_policy(engine, call); };
  const Handler list = [&engine](const Call&) -> Result<Answer> { return Answer::list(engine.policies.names()); };
  const Handler old_list = [&engine](const Call&) -> Result<Answer> {
    const json::value names = texts_json(engine.policies.names());
    return answer_on_top({{"keys", names}, {"policies", names}});
  };
  to.push_back(path_of("policies/acl", {}, {{Operation::List, list}, {Operation::Read, list}}));
  to.push_back(path_of("policies/acl/{name}", fields,
                       {{Operation::Read,
                         [&engine](const Call& call) -> Result<Answer> {
                           const auto policy = asked(engine, call);
                           if (policy == nullptr) return Answer{};
                           return Answer::with({{"name", policy->name}, {"policy", policy->text}});
                         }},
                        {Operation::Update, write},
                        {Operation::Delete, remove}}));
  to.push_back(path_of("policy", {}, {{Operation::List, old_list}, {Operation::Read, old_list}}));
  to.push_back(path_of("policy/{name}", fields,
                       {{Operation::Read,
                         [&engine](const Call& call) -> Result<Answer> {
                           const auto policy = asked(engine, call);
                           if (policy == nullptr) return Answer{};
                           return answer_on_top({{"name", policy->name}, {"rules", policy->text}, {"policy", policy->text}});
                         }},
                        {Operation::Update, write},
                        {Operation::Delete, remove}}));
  to.push_back(path_of("policies/password", {}, {{Operation::List, [](const Call&) -> Result<Answer> { return Answer{}; }}}));
}

// Capabilities -------------------------------------------------------------------------------------------------------------------------

Result<Answer> capabilities(const LiveToken& token, const Call& call) {
  std::vector<std::string> paths = call.fields.strings("paths");
  if (paths.empty()) paths = call.fields.strings("path");
  if (paths.empty()) return fail(ErrorCode::BadInput, "paths must be supplied", "paths");
  json::object out;
  for (const std::string& path : paths) {
    out[path] = token.root ? json::value(json::array{"root"}) : texts_json(acl::names_of(token.acl->capabilities(path, call.now)));
  }
  if (paths.size() == 1) out["capabilities"] = json::value(out.at(paths.front()));
  return answer_on_top(std::move(out));
}

// A token that is none is what the caller asked about, not who asks.
tl::unexpected<Error> bad_token(const Error& error) {
  return error.code == ErrorCode::Denied ? fail(ErrorCode::BadInput, error.what) : fail(error);
}

Result<Answer> capabilities_of_token(Engine& engine, const Call& call) {
  const Result<LiveTokenPtr> token = engine.tokens.look_up(call.fields.text_view("token"));
  return token ? capabilities(**token, call) : Result<Answer>(bad_token(token.error()));
}

Result<Answer> capabilities_of_accessor(Engine& engine, const Call& call) {
  const Result<TokenHash> hash = engine.tokens.find_accessor(call.fields.text_view("accessor"));
  if (!hash) return bad_token(hash.error());
  const Result<LiveTokenPtr> token = engine.tokens.look_up(*hash);
  return token ? capabilities(**token, call) : Result<Answer>(bad_token(token.error()));
}

void add_capabilities(std::vector<PathSpec>& to, Engine& engine) {
  const std::vector<FieldSpec> fields = {
      {"token", FieldType::String}, {"accessor", FieldType::String}, {"path", FieldType::CommaStrings}, {"paths", FieldType::CommaStrings}};
  to.push_back(path_of("capabilities", fields, writes([&engine](const Call& call) { return capabilities_of_token(engine, call); })));
  to.push_back(
      path_of("capabilities-accessor", fields, writes([&engine](const Call& call) { return capabilities_of_accessor(engine, call); })));
  to.push_back(path_of("capabilities-self", fields, writes([](const Call& call) { return capabilities(live_token(call), call); })));
}

// What a user interface draws from: the rules as they are written, merged by path.
Result<Answer> resultant_acl(Engine& engine, const Call& call) {
  const LiveToken& token = live_token(call);
  json::object exact, glob;
  for (const std::string& name : token.policies) {
    const auto policy = engine.policies.get(name);
    if (policy == nullptr || token.root) continue;
    for (const acl::Rule& rule : policy->rules) {
      const bool prefix = rule.path.ends_with('*');
      json::object& into = prefix ? glob : exact;
      const std::string path = prefix ? rule.path.substr(0, rule.path.size() - 1) : rule.path;
      into[path] = json::object{{"capabilities", texts_json(acl::names_of(token.acl->capabilities(rule.path, call.now)))}};
    }
  }
  return Answer::with({{"root", token.root}, {"exact_paths", std::move(exact)}, {"glob_paths", std::move(glob)}});
}

}  // namespace

void add_policy_paths(std::vector<PathSpec>& to, Engine& engine) {
  add_policies(to, engine);
  add_capabilities(to, engine);
  to.push_back(path_of("internal/ui/resultant-acl", {}, reads([&engine](const Call& call) { return resultant_acl(engine, call); })));
}

}  // namespace postern::vault
