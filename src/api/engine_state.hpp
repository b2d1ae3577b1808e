// What the API says about the key engine, whatever process that is in.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace postern::api {

struct EngineState {
  bool initialized = true;
  bool sealed = false;
  std::string seal;       ///< "shamir", "file", "pkcs11", ...
  unsigned progress = 0;  ///< Shares given, of `threshold`; while sealed by shares.
  unsigned threshold = 0;
  bool migration = false;  ///< Unsealing will move it to the configured seal.
  struct Device {
    std::string type;  ///< "file", "syslog", "socket"
    std::string place;
  };
  std::vector<Device> audit;
};

/// Its state; nothing while none is known. Called on workers, for each question about status: it answers within a moment, where the engine
/// is another process from what is known of it.
using EngineStateSource = std::function<std::optional<EngineState>()>;

/// Those of the settings: the engine does not start without them.
[[nodiscard]] std::vector<EngineState::Device> audit_devices(const config::Config& config);

/// What its operator does next; empty: nothing.
[[nodiscard]] std::string advice_of(const EngineState& state);

}  // namespace postern::api
