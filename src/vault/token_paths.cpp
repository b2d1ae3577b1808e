// auth/token: looking tokens up, giving them more time, revoking them. Making them is in token_create.cpp.
#include "vault/grants.hpp"
#include "vault/handlers.hpp"
#include "vault/token_create.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

json::value time_json(const std::optional<WallTime>& time) { return time ? json::value(rfc3339(*time)) : json::value(nullptr); }

json::object lookup_json(const TokenEntry& entry, std::string_view id, WallTime now) {
  json::object out{{"accessor", entry.accessor},
                   {"creation_time", unix_seconds(entry.created)},
                   {"creation_ttl", entry.creation_ttl.count()},
                   {"display_name", entry.display_name},
                   {"entity_id", entry.entity_id},
                   {"expire_time", time_json(entry.expires)},
                   {"explicit_max_ttl", entry.explicit_max_ttl.count()},
                   {"id", id},
                   {"issue_time", rfc3339(entry.created)},
                   {"meta", map_json(entry.metadata)},
                   {"num_uses", std::max<std::int64_t>(entry.num_uses, 0)},
                   {"orphan", entry.parent.empty()},
                   {"path", entry.path},
                   {"policies", texts_json(entry.policies)},
                   {"renewable", entry.renewable},
                   {"ttl", entry.ttl_seconds(now)},
                   {"type", entry.type()}};
  if (entry.period.count() > 0) out["period"] = entry.period.count();
  if (!entry.role.empty()) out["role"] = entry.role;
  if (!entry.bound_cidrs.empty()) out["bound_cidrs"] = texts_json(entry.bound_cidrs);
  if (entry.last_renewal) {
    out["last_renewal"] = rfc3339(*entry.last_renewal);
    out["last_renewal_time"] = unix_seconds(*entry.last_renewal);
  }
  return out;
}

std::string_view named(const Call& call) { return call.fields.text_view("token"); }

Result<LiveTokenPtr> find(Engine& engine, const Call& call) {
  if (named(call).empty()) return fail(ErrorCode::BadInput, "missing token", "token");
  Result<LiveTokenPtr> found = engine.tokens.look_up(named(call));
  if (!found && found.error().code == ErrorCode::Denied) return fail(ErrorCode::Denied, "bad token");
  return found;
}

Result<LiveTokenPtr> find_by_accessor(Engine& engine, const Call& call) {
  const std::string_view accessor = call.fields.text_view("accessor");
  if (accessor.empty()) return fail(ErrorCode::BadInput, "missing accessor", "accessor");
  POSTERN_TRY(const TokenHash hash, engine.tokens.find_accessor(accessor));
  Result<LiveTokenPtr> found = engine.tokens.look_up(hash);
  if (!found && found.error().code == ErrorCode::Denied) return fail(ErrorCode::Denied, "invalid accessor");
  return found;
}

Result<Answer> revoke(Engine& engine, const LiveToken& token, bool with_children) {
  if (token.entry.batch) return fail(ErrorCode::BadInput, "batch tokens cannot be revoked");
  POSTERN_CHECK(with_children ? engine.tokens.revoke(token.hash) : engine.tokens.revoke_orphan(token.hash));
  Counters::add(engine.counters.tokens_revoked);
  return Answer{};
}

void add_looking(std::vector<PathSpec>& to, Engine& engine) {
  const Handler other = [&engine](const Call& call) -> Result<Answer> {
    if (named(call).empty()) return Answer::with(lookup_json(live_token(call).entry, call.request.token, call.now));
    POSTERN_TRY(const LiveTokenPtr token, find(engine, call));
    return Answer::with(lookup_json(token->entry, named(call), call.now));
  };
  const Handler self = [](const Call& call) -> Result<Answer> {
    return Answer::with(lookup_json(live_token(call).entry, call.request.token, call.now));
  };
  const Handler accessor = [&engine](const Call& call) -> Result<Answer> {
    POSTERN_TRY(const LiveTokenPtr token, find_by_accessor(engine, call));
    return Answer::with(lookup_json(token->entry, {}, call.now));
  };
  to.push_back(path_of("lookup", {{"token", FieldType::String}}, {{Operation::Update, other}, {Operation::Read, other}}));
  PathSpec own = path_of("lookup-self", {}, {{Operation::Update, self}, {Operation::Read, self}});
  own.quick = true;
  to.push_back(std::move(own));
  to.push_back(path_of("lookup-accessor", {{"accessor", FieldType::String}}, writes(accessor)));
  to.push_back(with_sudo(path_of("accessors", {}, {{Operation::List, [&engine](const Call&) -> Result<Answer> {
                                                      POSTERN_TRY(std::vector<std::string> names, engine.tokens.accessors());
                                                      return Answer::list(std::move(names));
                                                    }}})));
}

void add_renewing(std::vector<PathSpec>& to, Engine& engine) {
  const std::vector<FieldSpec> fields = {{"token", FieldType::String}, {"accessor", FieldType::String}, {"increment", FieldType::Duration}};
  to.push_back(path_of("renew", fields, writes([&engine](const Call& call) -> Result<Answer> {
                         POSTERN_TRY(const LiveTokenPtr token, find(engine, call));
                         return renew_token(engine, *token, call.fields.duration("increment"), named(call));
                       })));
  to.push_back(path_of("renew-self", fields, writes([&engine](const Call& call) -> Result<Answer> {
                         return renew_token(engine, live_token(call), call.fields.duration("increment"), call.request.token);
                       })));
  to.push_back(path_of("renew-accessor", fields, writes([&engine](const Call& call) -> Result<Answer> {
                         POSTERN_TRY(const LiveTokenPtr token, find_by_accessor(engine, call));
                         return renew_token(engine, *token, call.fields.duration("increment"), {});
                       })));
}

void add_revoking(std::vector<PathSpec>& to, Engine& engine) {
  const std::vector<FieldSpec> fields = {{"token", FieldType::String}, {"accessor", FieldType::String}};
  to.push_back(path_of("revoke", fields, writes([&engine](const Call& call) -> Result<Answer> {
                         POSTERN_TRY(const LiveTokenPtr token, find(engine, call));
                         return revoke(engine, *token, true);
                       })));
  to.push_back(path_of("revoke-self", fields, writes([&engine](const Call& call) { return revoke(engine, live_token(call), true); })));
  to.push_back(path_of("revoke-accessor", fields, writes([&engine](const Call& call) -> Result<Answer> {
                         POSTERN_TRY(const LiveTokenPtr token, find_by_accessor(engine, call));
                         return revoke(engine, *token, true);
                       })));
  to.push_back(with_sudo(path_of("revoke-orphan", fields, writes([&engine](const Call& call) -> Result<Answer> {
                                   POSTERN_TRY(const LiveTokenPtr token, find(engine, call));
                                   return revoke(engine, *token, false);
                                 }))));
  to.push_back(with_sudo(path_of("tidy", {}, writes([&engine](const Call&) -> Result<Answer> {
                                   POSTERN_TRY(const std::size_t removed, engine.tokens.tidy());
                                   Answer answer;
                                   answer.warnings.push_back("Tidy has removed " + std::to_string(removed) + " entries.");
                                   return answer;
                                 }))));
}

}  // namespace

void add_token_paths(std::vector<PathSpec>& to, Engine& engine) {
  add_token_create_paths(to, engine);
  add_looking(to, engine);
  add_renewing(to, engine);
  add_revoking(to, engine);
}

}  // namespace postern::vault
