#include "custody/dispatcher.hpp"

#include "base/log.hpp"
#include "custody/retirement.hpp"
#include "vault/core.hpp"

namespace postern::custody {
namespace {

/// Larger arguments take longer than handing them to another thread.
constexpr std::size_t kQuickBytes = 32 * 1024;
constexpr std::size_t kKnownTypes = 1024;

template <class T>
const T& given(const std::optional<T>& kept) {
  return *kept;
}
const PublicKey& given(const std::optional<Peer>& kept) { return kept->key; }

template <class R>
constexpr bool kHasKey = std::tuple_size_v<typename R::Kept> != 0;

template <class R>
std::string_view key_of(const typename R::Kept& kept) {
  if constexpr (kHasKey<R>) return std::get<0>(kept)->get();
  return {};
}

/// What the table of roles cannot say, because it depends on arguments.
template <class R>
Status check_arguments(Role role, Keeper& keeper, const typename R::Kept& kept) {
  if (role != Role::Gate) return {};
  if constexpr (R::kCall == Call::Configure) return check_retirement(keeper, *std::get<0>(kept), *std::get<1>(kept));
  if constexpr (R::kCall == Call::Remove) return check_removal(*std::get<0>(kept));
  return {};
}

template <class R>
typename R::Answer call_port(Keeper& keeper, const typename R::Kept& kept) {
  try {
    return std::apply([&keeper](const auto&... arguments) { return (keeper.*R::kMethod)(given(arguments)...); }, kept);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::Exhausted, "the keeper is out of memory; try again later");
  } catch (const std::exception& bug) {
    log::error("custody.call.failed", {{"call", R::kText}, {"error", bug.what()}});
    return fail(ErrorCode::Internal, "the keeper failed; its log says why");
  }
}

/// Results are written into the reply, or the reason why that cannot be.
WipedBytes finish(std::uint64_t id, Writer&& out) {
  Result<WipedBytes> frame = std::move(out).finish();
  return frame ? *std::move(frame) : write_error(id, frame.error());
}

Error unknown_call(const RequestHead& head) {
  return {ErrorCode::BadInput, "is no call of this build", "call " + std::to_string(head.call)};
}

bool is_fast(KeyType type) noexcept {
  switch (type) {
    case KeyType::Rsa2048:
    case KeyType::Rsa3072:
    case KeyType::Rsa4096:
    case KeyType::EcdsaP384:
    case KeyType::EcdsaP521:
    case KeyType::OpenPgp: return false;
    default: return true;
  }
}

bool is_brief_type(KeyType type) noexcept {
  return is_fast(type) || type == KeyType::Rsa2048 || type == KeyType::Rsa3072 || type == KeyType::EcdsaP384 || type == KeyType::EcdsaP521;
}

vault::Reply no_engine() {
  vault::Reply reply;
  reply.status = 503;
  reply.body = R"({"errors":["this keeper serves no key engine"]})";
  return reply;
}

}  // namespace

VaultEngine vault_engine(vault::Core& core) {
  return {[&core](vault::Request request) { return core.handle(std::move(request)); },
          {},
          [&core](vault::Request& request, vault::AuditReceipt& receipt) { return core.handle_if_quick(request, receipt); },
          [&core](vault::Reply reply) { return core.refuse_unrecorded(std::move(reply)); }};
}

Result<QuickOutcome> Dispatcher::run_if_quick(ByteView body) {
  Reader in(body);
  POSTERN_TRY(const RequestHead head, read_request_head(in));
  if (in.remaining() > kQuickBytes) return QuickOutcome();
  if (head.call == static_cast<std::uint8_t>(Call::Vault)) return run_vault_if_quick(head.id, in);
  if (head.call == static_cast<std::uint8_t>(Call::DatabaseKey)) return QuickOutcome();
  Result<QuickOutcome> out = fail(unknown_call(head));
  (void)with_row(KeeperCalls{}, head.call, [&](auto row) {
    out = QuickOutcome();
    if (!is_quick(row, in)) return;
    auto frame = run_row(row, head.id, in);
    if (!frame) {
      out = fail(std::move(frame).error());
    } else {
      out->frame = *std::move(frame);
    }
  });
  return out;
}

Result<QuickOutcome> Dispatcher::run_vault_if_quick(std::uint64_t id, Reader& in) {
  QuickOutcome out;
  POSTERN_TRY(VaultCall call, read_vault_head(in));
  if (!m_parts.engine.handle_if_quick) {
    if (!m_parts.engine.is_quick || !m_parts.engine.is_quick(call.request)) return out;
    POSTERN_TRY(out.frame, run_vault(id, in, std::move(call)));
    return out;
  }
  POSTERN_CHECK(read_vault_fields(in, call));
  if (const Status allowed = m_parts.table.check(m_parts.role, Call::Vault, {}); !allowed) {
    out.frame = write_error(id, allowed.error());
    return out;
  }
  HeldReply held{id, {}, {}};
  auto reply = m_parts.engine.handle_if_quick(call.request, held.receipt);
  if (!reply) return out;  // nothing has happened yet
  held.reply = *std::move(reply);
  if (held.receipt.settled()) {
    out.frame = release(std::move(held), true);
  } else {
    out.held = std::move(held);
  }
  return out;
}

WipedBytes Dispatcher::release(HeldReply held, bool recorded) const {
  if (!recorded && m_parts.engine.refuse_unrecorded) held.reply = m_parts.engine.refuse_unrecorded(std::move(held.reply));
  Writer out = begin_reply(held.id, ReplyKind::Done, held.reply.body.size());
  write_vault_reply(out, held.reply);
  wipe(held.reply.body);
  return finish(held.id, std::move(out));
}

template <class R>
bool Dispatcher::is_quick(R /*row*/, Reader in) const {
  if (m_parts.distance == Distance::Far) return R::kCall == Call::Condition;
  if (R::kPace != Pace::ByKey) return R::kPace == Pace::Quick;
  const auto name = in.text("name", kMaxKeyName);
  const auto type = name ? known_type(std::string(*name)) : std::nullopt;
  return type && is_fast(*type);
}

bool Dispatcher::is_brief(ByteView body) const {
  Reader in(body);
  const auto head = read_request_head(in);
  if (!head || in.remaining() > kQuickBytes || m_parts.distance == Distance::Far) return false;
  bool brief = false;
  (void)with_row(KeeperCalls{}, head->call, [&](auto row) { brief = is_quick(row, in); });
  if (brief || head->call != static_cast<std::uint8_t>(Call::Sign)) return brief;
  const auto name = in.text("name", kMaxKeyName);
  const auto type = name ? known_type(std::string(*name)) : std::nullopt;
  return type && is_brief_type(*type);
}

Result<WipedBytes> Dispatcher::run(ByteView body) {
  Reader in(body);
  POSTERN_TRY(const RequestHead head, read_request_head(in));
  if (head.call == static_cast<std::uint8_t>(Call::Vault)) {
    POSTERN_TRY(VaultCall call, read_vault_head(in));
    return run_vault(head.id, in, std::move(call));
  }
  if (head.call == static_cast<std::uint8_t>(Call::DatabaseKey)) return run_database_key(head.id, in);
  Result<WipedBytes> reply = fail(unknown_call(head));
  (void)with_row(KeeperCalls{}, head.call, [&](auto row) { reply = run_row(row, head.id, in); });
  return reply;
}

template <class R>
Result<WipedBytes> Dispatcher::run_row(R /*row*/, std::uint64_t id, Reader& in) {
  POSTERN_TRY(const typename R::Kept kept, R::read(in));
  const std::string_view key = key_of<R>(kept);
  if constexpr (kHasKey<R>) {
    // Only names that can be names reach the keeper and the texts of errors.
    if (const auto name = parse_key_name(key); !name) return write_error(id, name.error());
  }
  if (const Status allowed = m_parts.table.check(m_parts.role, R::kCall, key); !allowed) return write_error(id, allowed.error());
  if (const Status allowed = check_arguments<R>(m_parts.role, m_parts.keeper, kept); !allowed) return write_error(id, allowed.error());
  typename R::Answer answer = call_port<R>(m_parts.keeper, kept);
  if constexpr (kHasKey<R>) {
    if (R::kPace == Pace::ByKey && answer) learn(*std::get<0>(kept));
    if (R::kCall == Call::Remove) forget(std::string(key));
  }
  if (!answer) return write_error(id, answer.error());
  if constexpr (R::kCall == Call::List) {
    std::erase_if(*answer, [&](const KeyName& name) { return !m_parts.table.allows(m_parts.role, Call::List, name.get()); });
  }
  Writer out = begin_reply(id, ReplyKind::Done);
  if constexpr (!std::is_void_v<typename R::Value>) Codec<typename R::Value>::write(out, *answer);
  return finish(id, std::move(out));
}

Result<WipedBytes> Dispatcher::run_database_key(std::uint64_t id, Reader& in) {
  POSTERN_CHECK(in.end());
  if (const Status allowed = m_parts.table.check(m_parts.role, Call::DatabaseKey, {}); !allowed) return write_error(id, allowed.error());
  if (!m_parts.database_key) return write_error(id, {ErrorCode::Unsupported, "this keeper has no database key", {}});
  const auto key = m_parts.database_key();
  if (!key) return write_error(id, key.error());
  Writer out = begin_reply(id, ReplyKind::Done);
  Codec<SecretBytes>::write(out, *key);
  return finish(id, std::move(out));
}

Result<WipedBytes> Dispatcher::run_vault(std::uint64_t id, Reader& in, VaultCall call) {
  POSTERN_CHECK(read_vault_fields(in, call));
  if (const Status allowed = m_parts.table.check(m_parts.role, Call::Vault, {}); !allowed) return write_error(id, allowed.error());
  vault::Reply reply = m_parts.engine.handle ? m_parts.engine.handle(std::move(call.request)) : no_engine();
  return release({id, std::move(reply), {}}, true);
}

std::optional<KeyType> Dispatcher::known_type(const std::string& name) const {
  const std::lock_guard lock(m_mutex);
  const auto known = m_types.find(name);
  return known != m_types.end() ? std::optional(known->second) : std::nullopt;
}

void Dispatcher::learn(const KeyName& name) {
  {
    const std::lock_guard lock(m_mutex);
    if (m_types.contains(name.get())) return;
  }
  const auto info = m_parts.keeper.describe(name);
  if (!info) return;
  const std::lock_guard lock(m_mutex);
  if (m_types.size() >= kKnownTypes) m_types.clear();
  m_types.insert_or_assign(name.get(), info->type);
}

void Dispatcher::forget(const std::string& name) {
  const std::lock_guard lock(m_mutex);
  m_types.erase(name);
}

}  // namespace postern::custody
