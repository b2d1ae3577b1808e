#include "vault/token_create.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "vault/grants.hpp"
#include "vault/handlers.hpp"
#include "vault/token_role.hpp"

namespace postern::vault {
namespace {

using std::chrono::seconds;

tl::unexpected<Error> refuse(std::string what, std::string field = {}) {
  return fail(ErrorCode::BadInput, std::move(what), std::move(field));
}

// One token in the making: what was asked, by whom, by which role.
struct Wish {
  Engine& engine;
  const Call& call;
  const LiveToken& parent;
  const TokenRole* role;  // null: none
  bool orphan_path;       // auth/token/create-orphan
  std::vector<std::string> warnings;
  TokenEntry entry;

  [[nodiscard]] const Fields& fields() const { return call.fields; }
  [[nodiscard]] Status check_parent() const;
  [[nodiscard]] Status choose_type();
  [[nodiscard]] Status choose_policies();
  [[nodiscard]] Status check_subset(const std::vector<std::string>& policies) const;
  [[nodiscard]] Status choose_life();
  [[nodiscard]] Status choose_rest();
  [[nodiscard]] Result<bool> is_orphan() const;
  [[nodiscard]] Result<Answer> make();
};

Status Wish::check_parent() const {
  if (parent.entry.batch) return refuse("batch tokens cannot create more tokens");
  if (parent.entry.num_uses != 0) return refuse("restricted use token cannot generate child tokens");
  if (!fields().text("entity_alias").empty()) return refuse("entity aliases are not offered: log in by an auth method", "entity_alias");
  return {};
}

Status Wish::choose_type() {
  const std::string asked = fields().text("type");
  if (!asked.empty() && asked != "service" && asked != "batch") return refuse("invalid 'type' value", "type");
  entry.batch = asked == "batch";
  if (role == nullptr) return {};
  if (role->type == "service" || role->type == "batch") {
    if (!asked.empty() && asked != role->type) return refuse("the role makes only " + role->type + " tokens", "type");
    entry.batch = role->type == "batch";
  } else if (asked.empty()) {
    entry.batch = role->type == "default-batch";
  }
  return {};
}

Status Wish::check_subset(const std::vector<std::string>& policies) const {
  if (parent.root || call.sudo) return {};
  for (const std::string& policy : policies) {
    if (std::ranges::find(parent.entry.policies, policy) == parent.entry.policies.end()) {
      return refuse("child policies must be subset of parent", "policies");
    }
  }
  return {};
}

Status Wish::choose_policies() {
  const bool by_role = role != nullptr && role->limits_policies();
  std::vector<std::string> asked = fields().strings("policies");
  if (asked.empty()) asked = by_role && !role->allowed_policies.empty() ? role->allowed_policies : parent.entry.policies;
  asked = tidy_policies(std::move(asked), false);
  if (by_role) {
    POSTERN_CHECK(role->check_policies(asked));
  } else {
    POSTERN_CHECK(check_subset(asked));
  }
  for (const std::string& policy : asked) {
    if (policy == kRootPolicy && !parent.root) return refuse("root tokens may not be created without parent token being root", "policies");
    if (policy == kWrappingPolicy) return refuse("cannot assign policy \"" + policy + "\"", "policies");
  }
  const bool unwanted = fields().flag("no_default_policy") || (role != nullptr && role->no_default_policy);
  // Who has no "default" cannot give it away, unless by a role or with sudo.
  const auto& own = parent.entry.policies;
  const bool may = parent.root || call.sudo || by_role || std::ranges::find(own, kDefaultPolicy) != own.end();
  entry.policies = tidy_policies(std::move(asked), !unwanted && may);
  if (entry.policies.empty()) return refuse("a token needs a policy: name one, or leave no_default_policy out", "policies");
  return {};
}

Status Wish::choose_life() {
  seconds ttl = fields().duration(fields().has("ttl") ? "ttl" : "lease");
  entry.explicit_max_ttl = fields().duration("explicit_max_ttl");
  entry.period = fields().duration("period");
  if (entry.period > seconds(0) && !call.sudo) return refuse("root or sudo privileges required to create periodic token", "period");
  if (role != nullptr) {
    if (role->period > seconds(0)) entry.period = role->period;
    if (role->explicit_max_ttl > seconds(0) && (entry.explicit_max_ttl == seconds(0) || entry.explicit_max_ttl > role->explicit_max_ttl)) {
      entry.explicit_max_ttl = role->explicit_max_ttl;
    }
  }
  if (entry.batch && entry.period > seconds(0)) return refuse("batch tokens cannot be periodic", "period");
  const bool endless = entry.is_root() && ttl == seconds(0) && entry.explicit_max_ttl == seconds(0) && entry.period == seconds(0);
  if (endless && !entry.batch) {
    return parent.entry.expires ? refuse("expiring root tokens cannot create non-expiring root tokens", "ttl") : Status();
  }
  const MountPtr own = engine.mounts.get(true, "token");
  const TtlLimits limits = engine.ttl_limits(own == nullptr ? MountEntry() : own->entry);
  if (entry.period > seconds(0)) ttl = entry.period;
  if (ttl == seconds(0)) ttl = limits.default_ttl;
  ttl = cap_ttl(ttl, limits.max_ttl, warnings);
  entry.creation_ttl = cap_ttl(ttl, entry.explicit_max_ttl, warnings);
  return {};
}

Status Wish::choose_rest() {
  entry.num_uses = fields().integer("num_uses");
  if (entry.num_uses < 0) return refuse("number of uses cannot be negative", "num_uses");
  if (role != nullptr && role->num_uses > 0 && (entry.num_uses == 0 || entry.num_uses > role->num_uses)) entry.num_uses = role->num_uses;
  if (entry.batch && entry.num_uses > 0) return refuse("batch tokens cannot have a number of uses", "num_uses");
  entry.renewable = fields().flag("renewable") && !entry.batch && entry.creation_ttl > seconds(0) && (role == nullptr || role->renewable);
  entry.metadata = fields().string_map("meta");
  entry.display_name = "token";
  if (const std::string name = fields().text("display_name"); !name.empty()) {
    entry.display_name += '-';
    for (const char c : name) entry.display_name += is_alnum(c) || c == '-' || c == '_' ? c : '-';
  }
  entry.path = call.request.path;
  if (role != nullptr) {
    entry.role = role->name;
    entry.bound_cidrs = role->bound_cidrs;
    if (!role->path_suffix.empty()) entry.path += "/" + role->path_suffix;
  }
  return {};
}

Result<bool> Wish::is_orphan() const {
  if (orphan_path || (role != nullptr && role->orphan)) return true;
  if (!fields().flag("no_parent")) return false;
  if (!call.sudo) return refuse("root or sudo privileges required to create orphan token", "no_parent");
  return true;
}

Result<Answer> Wish::make() {
  POSTERN_CHECK(check_parent());
  POSTERN_CHECK(choose_type());
  POSTERN_CHECK(choose_policies());
  POSTERN_CHECK(choose_life());
  POSTERN_CHECK(choose_rest());
  POSTERN_TRY(const bool orphan, is_orphan());
  std::string id = fields().text("id");
  if (!id.empty() && (!call.sudo || entry.batch)) return refuse("root or sudo privileges required to specify token id", "id");
  POSTERN_TRY(const IssuedToken issued, engine.tokens.issue(std::move(entry), orphan ? nullptr : &parent, std::move(id)));
  Counters::add(engine.counters.tokens_made);
  Answer answer;
  answer.auth = auth_block(issued.entry, issued.token, engine.time.now());  // not call.now: the token is younger than the call
  if (!issued.entry.batch) answer.issued = issued.hash;
  answer.warnings = std::move(warnings);
  return answer;
}

Result<Answer> create(Engine& engine, const Call& call, bool orphan_path) {
  return Wish{engine, call, live_token(call), nullptr, orphan_path, {}, {}}.make();
}

Result<Answer> create_by_role(Engine& engine, const Call& call) {
  const std::string name = call.fields.text("role_name");
  POSTERN_TRY(const std::optional<TokenRole> role, read_token_role(call.storage, name));
  if (!role) return refuse("unknown role " + name, "role_name");
  return Wish{engine, call, live_token(call), &*role, false, {}, {}}.make();
}

}  // namespace

void add_token_create_paths(std::vector<PathSpec>& to, Engine& engine) {
  const std::vector<FieldSpec> fields = {{"id", FieldType::String},
                                         {"role_name", FieldType::Name},
                                         {"policies", FieldType::CommaStrings},
                                         {"meta", FieldType::StringMap},
                                         {"no_parent", FieldType::Bool},
                                         {"no_default_policy", FieldType::Bool},
                                         {"renewable", FieldType::Bool, "true"},
                                         {"lease", FieldType::Duration},
                                         {"ttl", FieldType::Duration},
                                         {"explicit_max_ttl", FieldType::Duration},
                                         {"display_name", FieldType::String},
                                         {"num_uses", FieldType::Integer},
                                         {"period", FieldType::Duration},
                                         {"type", FieldType::String},
                                         {"entity_alias", FieldType::String}};
  std::vector<FieldSpec> without_role = fields;
  std::erase_if(without_role, [](const FieldSpec& field) { return field.name == "role_name"; });
  to.push_back(path_of("create", without_role, writes([&engine](const Call& call) { return create(engine, call, false); })));
  to.push_back(path_of("create-orphan", without_role, writes([&engine](const Call& call) { return create(engine, call, true); })));
  to.push_back(path_of("create/{role_name}", fields, writes([&engine](const Call& call) { return create_by_role(engine, call); })));
}

}  // namespace postern::vault
