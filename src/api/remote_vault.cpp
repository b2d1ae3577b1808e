#include "api/remote_vault.hpp"

#include <boost/asio/post.hpp>
#include <future>
#include <mutex>

#include "base/secret.hpp"
#include "io/sync.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::Exhausted: return 429;
    case ErrorCode::TooLarge: return 413;
    case ErrorCode::Denied: return 403;
    default: return 503;
  }
}

/// Nothing when it is no seal status.
std::optional<EngineState> read_seal_status(const vault::Reply& reply) {
  boost::system::error_code wrong;
  const json::value root = json::parse(reply.body, wrong);
  const json::object* status = wrong ? nullptr : root.if_object();
  if (reply.status != 200 || status == nullptr) return std::nullopt;
  const auto flag = [status](std::string_view name) {
    const json::value* value = status->if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
  };
  const auto count = [status](std::string_view name) {
    const json::value* value = status->if_contains(name);
    return value != nullptr && value->is_int64() ? static_cast<unsigned>(value->get_int64()) : 0U;
  };
  EngineState out;
  out.initialized = flag("initialized");
  out.sealed = flag("sealed");
  out.migration = flag("migration");
  if (const json::value* type = status->if_contains("type"); type != nullptr && type->is_string()) out.seal = type->get_string();
  if (out.sealed && !flag("recovery_seal")) {
    out.progress = count("progress");
    out.threshold = count("t");
  }
  return out;
}

constexpr auto kGlance = std::chrono::milliseconds(500);

// Asks, and remembers.
class RemoteState {
 public:
  RemoteState(custody::VaultClient client, std::vector<EngineState::Device> audit)
      : m_client(std::move(client)), m_audit(std::move(audit)) {}

  std::optional<EngineState> look() {
    auto told = ask();
    const std::lock_guard lock(m_mutex);
    if (told) {
      told->audit = m_audit;
      m_last = std::move(told);
    }
    return m_last;
  }

 private:
  std::optional<EngineState> ask() {
    vault::Request request;
    request.path = "sys/seal-status";
    const auto answer = std::make_shared<std::promise<Result<vault::Reply>>>();
    auto told = answer->get_future();
    m_client.ask(request, [answer](Result<vault::Reply> reply) { answer->set_value(std::move(reply)); });
    if (told.wait_for(kGlance) != std::future_status::ready) return std::nullopt;
    const auto reply = told.get();
    return reply ? read_seal_status(*reply) : std::nullopt;
  }

  custody::VaultClient m_client;
  const std::vector<EngineState::Device> m_audit;
  std::mutex m_mutex;
  std::optional<EngineState> m_last;
};

}  // namespace

std::vector<EngineState::Device> audit_devices(const config::Config& config) {
  std::vector<EngineState::Device> out;
  const auto& audit = config.engine;
  if (!audit.audit_file.empty()) out.push_back({"file", audit.audit_file});
  if (!audit.audit_syslog.empty()) out.push_back({"syslog", audit.audit_syslog});
  if (!audit.audit_socket.empty()) out.push_back({"socket", audit.audit_socket});
  return out;
}

EngineStateSource remote_engine_state(custody::VaultClient client, std::vector<EngineState::Device> audit) {
  return [state = std::make_shared<RemoteState>(std::move(client), std::move(audit))] { return state->look(); };
}

/// After what is ready on this loop now: other requests of the same round go with the same write.
void RemoteVault::flush_soon(const io::Executor& loop) {
  // Whose flush waits on this thread's loop. Each loop has its own: one must not wait for what another is busy with.
  static thread_local const RemoteVault* waits = nullptr;
  if (std::exchange(waits, this) == this) return;
  boost::asio::post(loop, [this] {
    waits = nullptr;
    m_client.flush();
  });
}

io::Task<vault::Reply> RemoteVault::ask(vault::Request request) {
  const io::Executor loop = co_await io::this_executor();
  const io::OneShot<Result<vault::Reply>> answer(loop);
  m_client.ask(request, answer.setter(), custody::Link::Send::Later);
  wipe(request.token);
  flush_soon(loop);
  Result<vault::Reply> reply = co_await answer.wait();
  if (reply) co_return *std::move(reply);
  co_return refusal(status_of(reply.error().code), reply.error().what);
}

}  // namespace postern::api
