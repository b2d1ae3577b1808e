#include "vault/core.hpp"

#include "base/log.hpp"
#include "base/secret.hpp"
#include "vault/engine.hpp"
#include "vault/exchange.hpp"
#include "vault/ids.hpp"
#include "vault/json_text.hpp"

namespace postern::vault {
namespace {

constexpr std::string_view kSys = "sys/";
constexpr std::int64_t kSlowTick = 60;

// What answers while sealed, too: no token, no audit, no gate (sys/unseal opens it).
std::optional<Reply> answer_bare(Engine& engine, const Request& request) {
  if (!request.path.starts_with(kSys) || request.operation == Operation::Help) return std::nullopt;
  const std::string_view below = std::string_view(request.path).substr(kSys.size());
  const std::optional<PathMatch> match = engine.bare_table->match(below, request.operation);
  if (!match) return std::nullopt;
  const auto handler = match->spec->operations.find(request.operation);
  if (handler == match->spec->operations.end()) return reply_of(refuse_operation());
  const Result<Fields> fields = Fields::read(match->spec->fields, request.data, match->captures);
  if (!fields) return reply_of(refusal_of(fields.error()));
  const Call call{.request = request,
                  .fields = *fields,
                  .path = below,
                  .mount = kSys,
                  .storage = engine.barrier,
                  .caller = nullptr,
                  .now = engine.time.now()};
  Result<Answer> answer = handler->second(call);
  if (!answer) return reply_of(refusal_of(answer.error()));
  Reply reply = reply_of(*answer, request.operation, request.id);
  if (answer->data) wipe_json(*answer->data);
  return reply;
}

Reply answer_open(Engine& engine, Request& request) {
  const std::shared_lock lock(engine.gate);
  if (!engine.is_open) return reply_of(refuse_sealed());
  return Exchange(engine, request, nullptr).run();
}

Reply answer(Engine& engine, Request& request) {
  if (const std::optional<Refusal> refused = check_request(request)) return reply_of(*refused);
  if (std::optional<Reply> reply = answer_bare(engine, request)) return *std::move(reply);
  if (!engine.is_open) return reply_of(refuse_sealed());
  return answer_open(engine, request);
}

}  // namespace

std::vector<NewMount> CoreOptions::default_mounts() {
  NewMount cubbyhole;
  cubbyhole.path = cubbyhole.type = "cubbyhole";
  cubbyhole.description = "per-token private secret storage";
  cubbyhole.local = true;
  NewMount secret;
  secret.path = "secret";
  secret.type = "kv";
  secret.description = "key/value secret storage";
  secret.options = {{"version", "2"}};
  NewMount transit;
  transit.path = transit.type = "transit";
  transit.description = "keys: encryption and signatures as a service";
  return {std::move(cubbyhole), std::move(secret), std::move(transit)};
}

Core::Core(CoreParts parts, CoreOptions options) : m_engine(std::make_unique<Engine>(parts, std::move(options))) {}
Core::~Core() = default;

namespace {

/// A bug is an answer too.
template <class Work>
auto guarded(const Request& request, const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& bug) {
    log::error("vault.request.failed", {{"request", request.id}, {"error", bug.what()}});
    return reply_of(refusal_of(Error{ErrorCode::Internal, {}, {}}));
  }
}

}  // namespace

Reply Core::handle(Request request) {
  if (request.id.empty()) request.id = make_uuid();
  Reply reply = guarded(request, [&] { return answer(*m_engine, request); });
  m_engine->count_status(reply.status);
  if (m_engine->seal_wanted.load() && m_engine->seal_wanted.exchange(false)) m_engine->close();
  return reply;
}

std::optional<Reply> Core::handle_if_quick(Request& request, AuditReceipt& receipt) {
  if (check_request(request)) return std::nullopt;
  const std::shared_lock lock(m_engine->gate, std::try_to_lock);
  if (!lock.owns_lock() || !m_engine->is_open) return std::nullopt;
  if (request.id.empty()) request.id = make_uuid();
  auto reply = guarded(request, [&]() -> std::optional<Reply> { return Exchange(*m_engine, request, &receipt).run_if_quick(); });
  if (reply) m_engine->count_status(reply->status);
  return reply;
}

Reply Core::refuse_unrecorded(Reply reply) {
  wipe(reply.body);
  Counters::add(m_engine->counters.audit_failures);
  log::error("vault.audit.failed", {{"error", "no audit device recorded the lines of an answer in time"}});
  return reply_of(Refusal{500, "failed to audit response, cannot continue: no audit device took the line"});
}

Status Core::open() { return m_engine->open(); }
void Core::seal() noexcept { m_engine->close(); }
bool Core::is_open() const noexcept { return m_engine->is_open; }
Result<Core::Initialized> Core::initialize(const ShareSplit& split, const Keep& keep) { return m_engine->initialize(split, keep); }
std::string Core::metrics() const {
  const std::shared_lock lock(m_engine->gate);
  return m_engine->metrics_unlocked();
}

Result<Entered> Core::enter(std::string_view path) const {
  const auto sealed = [] { return fail(ErrorCode::Unavailable, "the key engine is sealed: open it with `postern seal unseal`"); };
  if (!m_engine->is_open) return sealed();
  MountPtr mount = m_engine->mounts.get(false, path);
  if (mount == nullptr) return m_engine->is_open ? fail(ErrorCode::NotFound, "nothing is mounted at " + std::string(path)) : sealed();
  Entered entered(std::move(mount));
  return entered ? Result<Entered>(std::move(entered)) : Result<Entered>(sealed());
}

void Core::tick() noexcept {
  const std::shared_lock lock(m_engine->gate);
  if (!m_engine->is_open) return;
  m_engine->tokens.tick();
  const SteadyTime steady = m_engine->clock.steady();
  if (steady < m_engine->next_slow_tick.load()) return;
  m_engine->next_slow_tick = steady + std::chrono::seconds(kSlowTick);
  m_engine->mounts.tick(m_engine->time.now());
  if (const Result<bool> rotated = m_engine->barrier.tick(); !rotated) {
    log::warn("vault.barrier.tick_failed", {{"error", rotated.error()}});
  }
}

}  // namespace postern::vault
