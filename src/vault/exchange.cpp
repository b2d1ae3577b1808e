#include "vault/exchange.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "vault/grants.hpp"
#include "vault/json_text.hpp"
#include "vault/wrapping.hpp"

namespace postern::vault {
namespace {

constexpr std::size_t kLongestPath = 4096;

bool is_write(Operation operation) noexcept {
  return operation == Operation::Create || operation == Operation::Update || operation == Operation::Patch;
}
bool is_list(Operation operation) noexcept { return operation == Operation::List || operation == Operation::Scan; }

acl::Capability capability_of(Operation operation) noexcept {
  switch (operation) {
    case Operation::Create: return acl::Capability::Create;
    case Operation::Update: return acl::Capability::Update;
    case Operation::Patch: return acl::Capability::Patch;
    case Operation::Delete: return acl::Capability::Delete;
    case Operation::List: return acl::Capability::List;
    case Operation::Scan: return acl::Capability::Scan;
    case Operation::Read:
    case Operation::Help: break;
  }
  return acl::Capability::Read;
}

// Segments that could be read as another path than the one that policies see.
bool has_tricks(std::string_view path) {
  if (path.starts_with('/')) return true;
  if (path.ends_with('/')) path.remove_suffix(1);
  const std::vector<std::string_view> segments = split(path, '/');
  return std::ranges::any_of(segments, [](std::string_view s) { return s.empty() || s == "." || s == ".."; });
}

bool has_controls(std::string_view path) {
  return std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

std::optional<Refusal> check_request(const Request& request) {
  const std::string_view path = request.path;
  if (!request.ns.empty() && request.ns != "root" && request.ns != "root/") {
    return Refusal{404, "no such namespace: this engine has only the root namespace"};
  }
  if (path.empty() || path == "/") return refuse_route(path);
  if (path.size() > kLongestPath) return Refusal{400, "path is longer than 4096 bytes"};
  if (has_controls(path) || !is_utf8(path)) return Refusal{400, "path cannot contain unprintable characters"};
  if (has_tricks(path)) return Refusal{400, "path cannot contain empty segments or parent references"};
  if (is_write(request.operation) && path.ends_with('/')) return Refusal{400, "cannot write to a path ending in '/'"};
  if (request.wrap_ttl && *request.wrap_ttl < std::chrono::seconds(0)) return Refusal{400, "requested wrap TTL is negative"};
  if (request.wrap_as_jwt) return Refusal{400, "wrapping tokens in JWT form are not offered: leave out X-Vault-Wrap-Format"};
  return std::nullopt;
}

bool is_quick_path(const Request& request, const PathMatch& match) {
  if (request.wrap_ttl && request.wrap_ttl->count() > 0) return false;
  const PathSpec& spec = *match.spec;
  return spec.quick || (spec.quick_if && spec.quick_if({request.operation, request.data, match.captures}));
}

Exchange::~Exchange() {
  if (m_answer.data) wipe_json(*m_answer.data);
  if (m_answer.auth) wipe_json(*m_answer.auth);
  if (m_answer.wrap) wipe_json(*m_answer.wrap);
  if (m_answer.raw) wipe(m_answer.raw->body);
  m_engine.tokens.finish(m_token);
}

Reply Exchange::run() {
  if (is_list(m_operation) && !m_request.path.ends_with('/')) m_request.path += '/';
  find_path();  // and when there is none: who has no token or permission is not told that
  return run_found();
}

std::optional<Reply> Exchange::run_if_quick() {
  if (is_list(m_operation)) return std::nullopt;
  find_path();
  if (!is_quick()) return std::nullopt;
  return run_found();
}

bool Exchange::is_quick() {
  if (!m_match || !is_quick_path(m_request, *m_match)) return false;
  if (spec()->unauthenticated) return true;
  m_token = m_engine.tokens.use_cached(m_request.token, m_request.remote_address, m_now);
  return m_token != nullptr;
}

Reply Exchange::run_found() {
  Refused refused = decide();
  const bool denied = refused.has_value();
  if (denied) m_caller.allowed = false;
  if (Refused failed = audit_request(denied ? std::string_view(refused->text) : std::string_view())) return reply_of(*failed);
  if (!denied) refused = act();
  if (refused) return refuse(*refused);
  if (Refused failed = audit_response({})) {
    undo_grant();
    return reply_of(*failed);
  }
  return reply_of(m_answer, m_operation, m_request.id, m_mount != nullptr ? std::string_view(m_mount->entry.type) : std::string_view());
}

Reply Exchange::refuse(const Refusal& refusal) {
  undo_grant();
  if (Refused failed = audit_response(refusal.text)) return reply_of(*failed);
  return reply_of(refusal);
}

// Whether it may be done ---------------------------------------------------------------------------------------------------------------

void Exchange::find_path() {
  m_mount = m_engine.mounts.find(m_request.path);
  if (m_mount != nullptr) m_entered.emplace(m_mount);
  if (m_mount == nullptr || !*m_entered) {
    m_mount = nullptr;
    return;
  }
  m_below = std::string_view(m_request.path).substr(std::min(m_mount->route.size(), m_request.path.size()));
  m_match = m_mount->table().match(m_below, m_operation);
}

Exchange::Refused Exchange::decide() {
  if (m_match && spec()->unauthenticated) return find_operation();
  if (Refused no_token = find_token()) return no_token;
  if (Refused no_storage = find_operation()) return no_storage;
  if (m_operation == Operation::Help) return std::nullopt;
  return check_policy();
}

Exchange::Refused Exchange::find_token() {
  if (m_token != nullptr) return note_caller(), std::nullopt;
  if (m_request.token.empty()) return refuse_missing_token();
  Result<LiveTokenPtr> found = m_engine.tokens.use(m_request.token, m_request.remote_address);
  if (!found) {
    if (found.error().code != ErrorCode::Denied) return refusal_of(found.error());
    return found.error().what == "permission denied" ? refuse_permission() : refuse_token();
  }
  m_token = *std::move(found);
  note_caller();
  return std::nullopt;
}

void Exchange::note_caller() {
  const TokenEntry& entry = m_token->entry;
  m_caller.token = m_request.token;
  m_caller.accessor = entry.accessor;
  m_caller.display_name = entry.display_name;
  m_caller.entity_id = entry.entity_id;
  m_caller.token_type = entry.type();
  m_caller.policies = entry.policies;
  m_caller.ttl_seconds = entry.ttl_seconds(m_now);
  m_caller.issue_time = m_token->issue_time;
  m_caller.num_uses = std::max<std::int64_t>(entry.num_uses, 0);
}

// Fields that cannot be read are the handler's refusal, after policy: who may not ask is not told what was wrong.
Exchange::Refused Exchange::find_operation() {
  if (!m_match || m_operation == Operation::Help) return std::nullopt;
  m_fields.emplace(Fields::read(spec()->fields, m_request.data, m_match->captures));
  if (!is_write(m_operation) || m_operation == Operation::Patch || !spec()->exists || !*m_fields) return std::nullopt;
  const Result<bool> there = spec()->exists(call(**m_fields));
  if (!there) return there.error().code == ErrorCode::BadInput ? Refused() : Refused(refusal_of(there.error()));
  m_existed = *there;
  m_operation = m_existed ? Operation::Update : Operation::Create;
  return std::nullopt;
}

Exchange::Refused Exchange::check_policy() {
  acl::Question question;
  question.capability = capability_of(m_operation);
  question.path = m_request.path;
  if (is_write(m_operation)) question.parameters = &m_request.data;
  question.wrap_ttl = m_request.wrap_ttl && m_request.wrap_ttl->count() > 0 ? m_request.wrap_ttl : std::nullopt;
  question.needs_sudo = m_match && spec()->sudo;
  question.now = m_now;
  m_verdict = m_token->acl->check(question);
  m_caller.granting_policies = m_verdict.granting;
  m_caller.allowed = m_verdict.allowed;
  if (!m_verdict.allowed) return refuse_permission();
  limit_page();
  return std::nullopt;
}

// A policy may bound the length of lists.
void Exchange::limit_page() {
  if (!is_list(m_operation) || !m_verdict.pagination_limit) return;
  const boost::json::value* given = m_request.data.if_contains("limit");
  const Result<std::int64_t> asked = given == nullptr ? Result<std::int64_t>(0) : weak_integer(*given);
  if (asked && *asked > 0 && *asked <= *m_verdict.pagination_limit) return;
  m_request.data["limit"] = *m_verdict.pagination_limit;
}

// Doing it -----------------------------------------------------------------------------------------------------------------------------

Call Exchange::call(const Fields& fields) const {
  const bool anonymous = m_token == nullptr;
  return {.request = m_request,
          .fields = fields,
          .path = m_below,
          .mount = m_mount->route,
          .storage = m_mount->storage(),
          .caller = m_token.get(),
          .now = m_now,
          .existed = m_existed,
          .sudo = !anonymous && (m_token->root || m_verdict.sudo)};
}

Exchange::Refused Exchange::act() {
  if (m_mount == nullptr) return refuse_route(m_request.path);
  if (m_operation == Operation::Help) return help();
  if (!m_match) return refuse_path();
  if (!*m_fields) return refusal_of(m_fields->error());
  if (Refused refused = run_handler()) return refused;
  if (Refused refused = grant()) return refused;
  return wrap();
}

Exchange::Refused Exchange::help() {
  if (!m_match && !m_below.empty()) return refuse_path();
  std::string text = m_match ? spec()->help : std::string();
  if (m_match && text.empty()) text = "The path " + spec()->pattern + " of " + m_mount->route;
  if (!m_match) {
    text = "The " + m_mount->entry.type + " mount at " + m_mount->route + " has these paths:\n";
    for (const PathSpec& path : m_mount->backend().paths()) text += "    " + path.pattern + "\n";
  }
  m_answer = Answer::with({{"help", text}, {"see_also", nullptr}});
  m_answer.bare = true;
  return std::nullopt;
}

Exchange::Refused Exchange::run_handler() {
  auto handler = spec()->operations.find(m_operation);
  if (handler == spec()->operations.end() && m_operation == Operation::Create) handler = spec()->operations.find(Operation::Update);
  if (handler == spec()->operations.end()) return refuse_operation();
  try {
    Result<Answer> answer = handler->second(call(**m_fields));
    if (!answer) {
      if (answer.error().code == ErrorCode::Internal) {
        log::error("vault.request.failed", {{"request", m_request.id}, {"error", answer.error()}});
      }
      return refusal_of(answer.error());
    }
    m_answer = *std::move(answer);
    m_granted = m_answer.issued;
  } catch (const std::exception& bug) {
    log::error("vault.request.failed", {{"request", m_request.id}, {"path", spec()->pattern}, {"error", bug.what()}});
    return refusal_of(Error{ErrorCode::Internal, {}, {}});
  }
  return std::nullopt;
}

Exchange::Refused Exchange::grant() {
  if (!m_answer.grant) return std::nullopt;
  const Result<IssuedToken> issued = issue_grant(m_engine, *m_answer.grant, m_mount->entry, m_request.path, m_answer.warnings);
  if (!issued) return refusal_of(issued.error());
  if (!issued->entry.batch) m_granted = issued->hash;
  m_answer.grant.reset();
  note_grantee(issued->entry);
  m_answer.auth = auth_block(issued->entry, issued->token, m_engine.time.now());
  Counters::add(m_engine.counters.logins);
  Counters::add(m_engine.counters.tokens_made);
  return std::nullopt;
}

/// Who logged in is who the answer's audit line is about; before that nobody was known.
void Exchange::note_grantee(const TokenEntry& entry) {
  if (m_token != nullptr) return;
  m_grantee = entry;
  m_caller.accessor = m_grantee->accessor;
  m_caller.display_name = m_grantee->display_name;
  m_caller.entity_id = m_grantee->entity_id;
  m_caller.token_type = m_grantee->type();
  m_caller.policies = m_grantee->policies;
  m_caller.ttl_seconds = m_grantee->ttl_seconds(m_engine.time.now());
  m_caller.allowed = true;
}

Exchange::Refused Exchange::wrap() {
  const bool wanted = m_request.wrap_ttl && m_request.wrap_ttl->count() > 0 && !m_answer.wrap && !m_answer.raw && !m_answer.bare;
  if (!wanted || status_of(m_answer, m_operation) != 200 || (!m_answer.data && !m_answer.auth)) return std::nullopt;
  Result<boost::json::object> info = wrap_answer(m_engine, m_answer, m_request.path, *m_request.wrap_ttl);
  if (!info) return refusal_of(info.error());
  if (m_answer.data) wipe_json(*m_answer.data);
  if (m_answer.auth) wipe_json(*m_answer.auth);
  m_answer = Answer{};
  m_answer.wrap = *std::move(info);
  return std::nullopt;
}

void Exchange::undo_grant() noexcept {
  if (!m_granted) return;
  if (const Status gone = m_engine.tokens.revoke(*m_granted); !gone) log::warn("vault.grant.undo_failed", {{"error", gone.error()}});
  m_granted.reset();
}

// Audit --------------------------------------------------------------------------------------------------------------------------------

AuditExchange Exchange::audit_exchange() const {
  AuditExchange out{.request = m_request, .operation = m_operation, .mount = {}, .time = m_engine.clock.now(), .warnings = {}, .error = {}};
  out.caller = m_token == nullptr && !m_grantee ? nullptr : &m_caller;
  out.echo = &m_echo;
  if (m_mount != nullptr) {
    const MountEntry& entry = m_mount->entry;
    out.mount = {.path = m_mount->route,
                 .type = entry.type,
                 .accessor = entry.accessor,
                 .is_auth = entry.auth,
                 .plain_request_keys = &entry.config.audit_non_hmac_request_keys,
                 .plain_response_keys = &entry.config.audit_non_hmac_response_keys};
  }
  return out;
}

Exchange::Refused Exchange::audit_request(std::string_view error) {
  AuditExchange exchange = audit_exchange();
  exchange.error = error;
  const Status taken = m_engine.audit.record_request(exchange, m_receipt);
  if (taken) return std::nullopt;
  Counters::add(m_engine.counters.audit_failures);
  log::error("vault.audit.failed", {{"request", m_request.id}, {"error", taken.error()}});
  return Refusal{500, "failed to audit request, cannot continue: no audit device took the line"};
}

Exchange::Refused Exchange::audit_response(std::string_view error) {
  AuditExchange exchange = audit_exchange();
  exchange.error = error;
  if (error.empty()) {
    exchange.response_data = m_answer.data ? &*m_answer.data : nullptr;
    exchange.response_auth = m_answer.auth ? &*m_answer.auth : nullptr;
    exchange.response_wrap = m_answer.wrap ? &*m_answer.wrap : nullptr;
    exchange.warnings = m_answer.warnings;
    if (!m_answer.errors.empty()) exchange.error = m_answer.errors.front();
  }
  const Status taken = m_engine.audit.record_response(exchange, m_receipt);
  if (taken) return std::nullopt;
  Counters::add(m_engine.counters.audit_failures);
  log::error("vault.audit.failed", {{"request", m_request.id}, {"error", taken.error()}});
  return Refusal{500, "failed to audit response, cannot continue: no audit device took the line"};
}

}  // namespace postern::vault
