// The gate: everything that has a socket or reads what strangers send. It has no key; it asks the keeper.
#include <unistd.h>

#include <mutex>
#include <thread>

#include "api/remote_vault.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "confine/confinement.hpp"
#include "control_desk.hpp"
#include "custody/remote_keeper.hpp"
#include "foreign_listeners.hpp"
#include "gateway/settings_check.hpp"
#include "role.hpp"
#include "serve.hpp"

namespace postern::daemon {
namespace {

/// How both processes are confined; the keeper's part comes with each channel.
class Processes {
 public:
  explicit Processes(std::string own) : m_own(std::move(own)) {}
  void keeper_says(std::string report) {
    const std::lock_guard lock(m_mutex);
    m_keeper = std::move(report);
  }
  [[nodiscard]] std::vector<api::ProcessState> all() const {
    const std::lock_guard lock(m_mutex);
    return {read("gate", m_own), read("keeper", m_keeper)};
  }

 private:
  static api::ProcessState read(const char* name, const std::string& report) {
    api::ProcessState out{name, {}, {}};
    for (const std::string_view line : split(report, '\n')) {
      if (out.confinement.empty())
        out.confinement = line;
      else
        out.notes.emplace_back(line);
    }
    return out;
  }
  const std::string m_own;
  mutable std::mutex m_mutex;
  std::string m_keeper;
};

/// The next channel that the warden sends; called from the link's thread only.
custody::ChannelSource channels_of(std::shared_ptr<ControlDesk> desk, std::shared_ptr<Processes> processes) {
  return [desk = std::move(desk), processes = std::move(processes)](SteadyTime deadline) -> Result<custody::Channel> {
    auto message = desk->next_channel(deadline);
    // Nothing came by itself: the keeper may be there, and only the channel broke.
    if (!message && message.error().code == ErrorCode::Timeout) (void)desk->send(warden::ControlKind::Again);
    if (!message && message.error().code == ErrorCode::Unavailable)
      std::this_thread::sleep_until(deadline);  // the warden is gone, and so are we
    if (!message) return fail(std::move(message).error());
    processes->keeper_says(std::move(message->text));
    return custody::Channel::adopt(message->channel.release());
  };
}

std::string text_of(const std::vector<warden::NamedPort>& ports) {
  std::string out;
  for (const auto& [name, port] : ports) out += name + " " + std::to_string(port) + "\n";
  return out;
}

}  // namespace

Status run_gate(const std::string& path) {
  POSTERN_TRY(auto loaded, begin_role(path, "gate"));
  gateway::check_settings(loaded);  // the warden has done so; here for the warnings, which status repeats
  POSTERN_TRY(const auto rules, confine::gate_rules(loaded.config));
  POSTERN_TRY(const confine::State state, enter_role(loaded.config, rules));
  take_foreign_listeners(loaded.config, inherited_listeners(loaded.config));
  const auto processes = std::make_shared<Processes>(confine::report(state));
  const auto desk = std::make_shared<ControlDesk>(UniqueFd(warden::kControlDescriptor));
  const config::Config config = loaded.config;
  const auto link = std::make_shared<custody::Link>(channels_of(desk, processes));
  Serving with;
  with.loaded = std::move(loaded);
  const auto keeper = std::make_shared<custody::RemoteKeeper>(link);
  POSTERN_CHECK(keeper->meet());
  with.keeper = keeper;
  POSTERN_TRY(with.database_key, keeper->database_key());
  with.vault = [&](gateway::Gateway&) { return std::make_unique<api::RemoteVault>(custody::VaultClient(link)); };
  if (config.engine.enabled || config.keys.backend == "embedded")
    with.engine = api::remote_engine_state(custody::VaultClient(link), api::audit_devices(config));
  with.processes = [processes] { return processes->all(); };
  with.ready = [&](const std::vector<warden::NamedPort>& ports) { return desk->send(warden::ControlKind::Ready, text_of(ports)); };
  with.end = [link] { link->stop(); };
  with.x400_launcher = [desk] { return desk->launch_library(); };
  return serve(std::move(with));
}

}  // namespace postern::daemon
