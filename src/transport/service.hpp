// The transport as the daemon has it: made from [transport] at the start, its profile judged, its state told.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "transport/profile.hpp"
#include "transport/transport.hpp"

namespace postern::transport {

/// One thing that was looked at: chain, expiry, fingerprints, OCSP responder, library, bind, ...
struct Finding {
  enum class State { Ok, Note, Warning, Failed };
  std::string name;
  State state = State::Ok;
  std::string text;  ///< For an operator; for anything but Ok what to do.
};

class Service {
 public:
  virtual ~Service() = default;
  /// "mock", "native", "sdk".
  [[nodiscard]] virtual std::string_view mode() const = 0;
  [[nodiscard]] virtual Transport& transport() = 0;
  /// The preferred profile. NotFound: none is configured, and the text says how to make one. In mode mock there always is one.
  [[nodiscard]] virtual Result<Profile> profile() const = 0;
  /// Of the start, without any connection; and what became known since.
  [[nodiscard]] virtual std::vector<Finding> findings() const = 0;
  /// Binds now, unbinds, and says each step. Blocks.
  [[nodiscard]] virtual std::vector<Finding> bind_test() = 0;
};

/// For every mode. Errors name the setting. `launcher`: starts the library's process where this one may not (sdk::ClientOptions).
struct ServiceOptions {
  std::function<Result<sdk::Launched>()> launcher;
};
[[nodiscard]] Result<std::unique_ptr<Service>> open_service(const config::Config& config, ServiceOptions options);

}  // namespace postern::transport
