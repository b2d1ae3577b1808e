// sys/leases: the leases that there are are those of tokens; PATH/hHASH names one.
#include <algorithm>

#include "vault/grants.hpp"
#include "vault/handlers.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

std::string lease_id(const TokenHash& hash, const TokenEntry& entry) { return entry.path + "/h" + hex_encode(hash); }

Result<LiveTokenPtr> find_lease(Engine& engine, std::string_view id) {
  const std::size_t slash = id.rfind('/');
  const bool shape = slash != std::string_view::npos && id.substr(slash + 1).starts_with('h');
  const std::optional<TokenHash> hash = shape ? token_hash_from(id.substr(slash + 2)) : std::nullopt;
  if (hash) {
    Result<LiveTokenPtr> found = engine.tokens.look_up(*hash);
    if (found && (*found)->entry.path == id.substr(0, slash)) return found;
    if (!found && found.error().code != ErrorCode::Denied) return found;
  }
  return fail(ErrorCode::BadInput, "invalid lease", "lease_id");
}

std::string asked(const Call& call) {
  const std::string id = call.fields.text("lease_id");
  return id.empty() ? call.fields.text("url_lease_id") : id;
}

Result<Answer> look_up(Engine& engine, const Call& call) {
  POSTERN_TRY(const LiveTokenPtr token, find_lease(engine, asked(call)));
  const TokenEntry& entry = token->entry;
  return Answer::with({{"id", lease_id(token->hash, entry)},
                       {"issue_time", rfc3339(entry.created)},
                       {"expire_time", entry.expires ? json::value(rfc3339(*entry.expires)) : json::value(nullptr)},
                       {"last_renewal", entry.last_renewal ? json::value(rfc3339(*entry.last_renewal)) : json::value(nullptr)},
                       {"renewable", entry.renewable},
                       {"ttl", entry.ttl_seconds(call.now)}});
}

Result<Answer> renew(Engine& engine, const Call& call) {
  POSTERN_TRY(const LiveTokenPtr token, find_lease(engine, asked(call)));
  return renew_token(engine, *token, call.fields.duration("increment"), {});
}

Result<Answer> revoke(Engine& engine, const Call& call) {
  POSTERN_TRY(const LiveTokenPtr token, find_lease(engine, asked(call)));
  POSTERN_CHECK(engine.tokens.revoke(token->hash));
  Counters::add(engine.counters.tokens_revoked);
  return Answer{};
}

std::string prefix_of(const Call& call) {
  std::string prefix = call.fields.text("prefix");
  while (prefix.ends_with('/')) prefix.pop_back();
  return prefix;
}

// Whether a token's path is `prefix` or lies below it.
bool is_below(std::string_view path, std::string_view prefix) {
  return path == prefix || (path.starts_with(prefix) && path.substr(prefix.size()).starts_with('/'));
}

Result<Answer> revoke_prefix(Engine& engine, const Call& call) {
  const std::string prefix = prefix_of(call);
  std::vector<TokenHash> found;
  POSTERN_CHECK(engine.tokens.for_each([&](const TokenHash& hash, const TokenEntry& entry) {
    if (is_below(entry.path, prefix)) found.push_back(hash);
    return true;
  }));
  for (const TokenHash& hash : found) POSTERN_CHECK(engine.tokens.revoke(hash));
  return Answer{};
}

// The names directly below the prefix, as any other list.
Result<Answer> list(Engine& engine, const Call& call) {
  std::string prefix = prefix_of(call);
  if (!prefix.empty()) prefix += '/';
  std::vector<std::string> names;
  POSTERN_CHECK(engine.tokens.for_each([&](const TokenHash& hash, const TokenEntry& entry) {
    const std::string id = lease_id(hash, entry);
    if (!entry.is_live(call.now) || !id.starts_with(prefix)) return true;
    const std::string rest = id.substr(prefix.size());
    const std::size_t slash = rest.find('/');
    names.push_back(slash == std::string::npos ? rest : rest.substr(0, slash + 1));
    return true;
  }));
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return Answer::list(std::move(names));
}

}  // namespace

void add_lease_paths(std::vector<PathSpec>& to, Engine& engine) {
  const std::vector<FieldSpec> fields = {
      {"lease_id", FieldType::String}, {"url_lease_id", FieldType::String}, {"increment", FieldType::Duration}, {"sync", FieldType::Bool}};
  const std::vector<FieldSpec> prefix = {{"prefix", FieldType::String}, {"sync", FieldType::Bool}};
  const Handler renews = [&engine](const Call& call) { return renew(engine, call); };
  const Handler revokes = [&engine](const Call& call) { return revoke(engine, call); };
  const Handler revokes_prefix = [&engine](const Call& call) { return revoke_prefix(engine, call); };
  const Handler lists = [&engine](const Call& call) { return list(engine, call); };
  std::vector<FieldSpec> both = fields;
  both.insert(both.end(), prefix.begin(), prefix.begin() + 1);
  // Listing wants sudo and looking one up does not, and both are this path.
  const Handler list_all = [&engine](const Call& call) -> Result<Answer> {
    return call.sudo ? list(engine, call) : Result<Answer>(fail(ErrorCode::Denied, "permission denied"));
  };
  to.push_back(path_of("leases/lookup", both,
                       {{Operation::Update, [&engine](const Call& call) { return look_up(engine, call); }}, {Operation::List, list_all}}));
  to.push_back(with_sudo(path_of("leases/lookup/{prefix...}", prefix, {{Operation::List, lists}})));
  for (const char* folder : {"leases/renew", "renew"}) {
    to.push_back(path_of(folder, fields, writes(renews)));
    to.push_back(path_of(std::string(folder) + "/{url_lease_id...}", fields, writes(renews)));
  }
  for (const char* folder : {"leases/revoke", "revoke"}) {
    to.push_back(path_of(folder, fields, writes(revokes)));
    to.push_back(path_of(std::string(folder) + "/{url_lease_id...}", fields, writes(revokes)));
  }
  for (const char* folder : {"leases/revoke-prefix", "leases/revoke-force", "revoke-prefix", "revoke-force"}) {
    to.push_back(with_sudo(path_of(std::string(folder) + "/{prefix...}", prefix, writes(revokes_prefix))));
  }
  to.push_back(with_sudo(path_of("leases/tidy", {}, writes([&engine](const Call&) -> Result<Answer> {
                                   POSTERN_CHECK(engine.tokens.tidy());
                                   return Answer{};
                                 }))));
}

}  // namespace postern::vault
