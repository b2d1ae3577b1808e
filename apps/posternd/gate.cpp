// The gate: everything that has a socket or reads what strangers send. It has no key; it asks the keeper.
#include <unistd.h>

#include <thread>

#include "api/remote_vault.hpp"
#include "base/log.hpp"
#include "confine/confinement.hpp"
#include "custody/remote_keeper.hpp"
#include "role.hpp"
#include "serve.hpp"

namespace postern::daemon {
namespace {

/// The next channel that the warden sends; called from the link's thread only.
custody::ChannelSource channels_of(std::shared_ptr<warden::Control> control) {
  return [control = std::move(control)](SteadyTime deadline) -> Result<custody::Channel> {
    auto message = control->receive(deadline);
    if (!message && message.error().code == ErrorCode::Unavailable)
      std::this_thread::sleep_until(deadline);  // the warden is gone, and so are we
    if (!message) return fail(std::move(message).error());
    if (message->kind != warden::ControlKind::Channel) return fail(ErrorCode::BadInput, "the warden sent something else than a channel");
    log::debug("gate.keeper", {{"confinement", message->text}});
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
  POSTERN_TRY(const auto rules, confine::gate_rules(loaded.config));
  POSTERN_CHECK(enter_role(loaded.config, rules));
  auto control = std::make_shared<warden::Control>(UniqueFd(warden::kControlDescriptor));
  const auto link = std::make_shared<custody::Link>(channels_of(control));
  Serving with;
  with.loaded = std::move(loaded);
  with.keeper = std::make_shared<custody::RemoteKeeper>(link);
  with.vault = [&](gateway::Gateway&) { return std::make_unique<api::RemoteVault>(custody::VaultClient(link)); };
  with.ready = [&](const std::vector<warden::NamedPort>& ports) { return control->send(warden::ControlKind::Ready, text_of(ports)); };
  return serve(std::move(with));
}

}  // namespace postern::daemon
