#include "foreign_listeners.hpp"

#include <algorithm>

#include "io/listening.hpp"
#include "warden/child.hpp"

namespace postern::daemon {
namespace {

bool is_foreign(const config::Listener& listener) { return !listener.network_namespace.empty(); }

Result<UniqueFd> open_one(const config::Listener& listener) {
  io::ListenOptions options;
  options.name = listener.name;
  options.device = listener.interface;
  POSTERN_TRY(options.address, io::Endpoint::parse(listener.address));
  return io::listen_in_namespace(options, listener.network_namespace);
}

}  // namespace

Result<std::vector<UniqueFd>> open_foreign_listeners(const config::Config& config) {
  std::vector<UniqueFd> out;
  for (const auto& listener : config.listeners) {
    if (!is_foreign(listener)) continue;
    auto socket = open_one(listener);
    if (!socket) return fail(std::move(socket).error().context("listener " + listener.name));
    out.push_back(*std::move(socket));
  }
  return out;
}

void take_foreign_listeners(config::Config& config, const std::vector<int>& sockets) {
  auto next = sockets.begin();
  for (auto& listener : config.listeners) {
    if (is_foreign(listener) && next != sockets.end()) listener.socket = *next++;
  }
}

std::vector<int> inherited_listeners(const config::Config& config) {
  const auto count = std::ranges::count_if(config.listeners, is_foreign);
  std::vector<int> out;
  for (int i = 0; i < static_cast<int>(count); ++i) out.push_back(warden::kFirstSocketDescriptor + i);
  return out;
}

}  // namespace postern::daemon
