// The keeper: the key engine and nothing else. It reads its configuration, its own folders, and what a gate says over a channel.
#include <signal.h>

#include <thread>

#include "base/log.hpp"
#include "crypto/openssl_memory.hpp"
#include "custody/server.hpp"
#include "keys.hpp"
#include "role.hpp"

namespace postern::daemon {
namespace {

constexpr auto kForEver = std::chrono::hours(24);
constexpr std::size_t kWorkers = 2;
constexpr std::size_t kFarWorkers = 32;  // each may wait for an external Vault

custody::ServerParts parts_of(const Keys& keys) {
  return {.role = custody::Role::Gate,
          .keeper = *keys.keeper(),
          .engine = keys.engine() != nullptr ? custody::vault_engine(keys.engine()->core()) : custody::VaultEngine(),
          .distance = keys.are_far() ? custody::Distance::Far : custody::Distance::Here,
          .database_key = [&keys] { return keys.database_key(); }};
}

// Serves one channel until its gate goes.
class Service {
 public:
  Service(custody::Channel channel, const Keys& keys)
      : m_server(std::move(channel), parts_of(keys), {.workers = keys.are_far() ? kFarWorkers : kWorkers}), m_thread([this] { run(); }) {}
  ~Service() {
    m_server.stop();
    m_thread.join();
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  [[nodiscard]] bool ended() const noexcept { return m_ended; }

 private:
  void run() {
    if (const Status why = m_server.run(); !why) log::error("keeper.channel_closed", {{"error", why.error()}});
    m_ended = true;
  }
  custody::KeeperServer m_server;
  std::atomic<bool> m_ended = false;
  std::thread m_thread;  // last: it uses the rest
};

/// Only the warden ends the keeper, after the gate: a signal to the whole group must not come before it.
void ignore_signals() {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) ::signal(number, SIG_IGN);
}

/// Until the warden says so, or is gone.
Status serve_channels(warden::Control& control, const Keys& keys) {
  std::vector<std::unique_ptr<Service>> services;
  for (;;) {
    auto message = control.receive(std::chrono::steady_clock::now() + kForEver);
    std::erase_if(services, [](const auto& service) { return service->ended(); });
    if (!message && message.error().code == ErrorCode::Timeout) continue;
    if (!message) return fail(std::move(message).error());
    if (message->kind == warden::ControlKind::Quit) return {};
    auto channel = custody::Channel::adopt(message->channel.release());
    if (channel) services.push_back(std::make_unique<Service>(*std::move(channel), keys));
    if (!channel) log::error("keeper.channel_refused", {{"error", channel.error()}});
  }
}

}  // namespace

Status run_keeper(const std::string& path) {
  const Status own_memory = use_secret_memory_for_openssl();  // before anything else of OpenSSL
  ignore_signals();
  POSTERN_TRY(const auto loaded, begin_role(path, "keeper"));
  if (!own_memory) log::warn("confine.missing", {{"text", own_memory.error()}});
  POSTERN_TRY(const auto rules, confine::keeper_rules(loaded.config));
  POSTERN_TRY(const confine::State state, enter_role(loaded.config, rules));
  const SystemClock clock;
  POSTERN_TRY(const Keys keys, Keys::open(loaded.config, clock));
  if (keys.engine() != nullptr) keys.engine()->start();
  warden::Control control{UniqueFd(warden::kControlDescriptor)};
  POSTERN_CHECK(control.send(warden::ControlKind::Ready, confine::report(state)));
  const Status why = serve_channels(control, keys);
  if (keys.engine() != nullptr) keys.engine()->stop();
  log::info("keeper.stopped");
  return why;
}

}  // namespace postern::daemon
