// The transport as the daemon has it: made from [transport] at the start, its profile judged, its state told.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "config/config.hpp"
#include "gateway/revocations.hpp"
#include "io/loops.hpp"
#include "io/resolver.hpp"
#include "transport/finding.hpp"
#include "transport/profile.hpp"
#include "transport/transport.hpp"

namespace postern::transport {

/// Thread safe.
class Service {
 public:
  virtual ~Service() = default;
  /// "mock", "native", "sdk".
  [[nodiscard]] virtual std::string_view mode() const = 0;
  [[nodiscard]] virtual Transport& transport() = 0;
  /// The preferred profile, read anew. NotFound: none is configured, and the text says how to make one. In mode mock there always is one.
  [[nodiscard]] virtual Result<Profile> profile() const = 0;
  /// Of the start, without any connection; and what became known since. Reads files: not on a loop.
  [[nodiscard]] virtual Findings findings() const = 0;
  /// Binds now, unbinds, and says each step. Blocks, at most twice transport.sdk.connect_timeout_ms and what revocation takes.
  [[nodiscard]] virtual Findings bind_test() = 0;
};

/// What a service uses of the daemon's; all of it must outlive the service.
struct ServiceOptions {
  io::Loops* loops = nullptr;
  io::Resolver* resolver = nullptr;
  /// Null while it cannot be asked (a sealed key engine).
  std::function<gateway::Revocations*()> revocations;
  const Clock* clock = nullptr;
  /// Starts the library's process where this one may not (sdk::ClientOptions).
  std::function<Result<sdk::Launched>()> launcher;
};
/// For every mode. Connects to nobody. Errors name the setting: what is wrong and cannot mend itself while the daemon runs ends the start
/// (a fingerprint that is none); files that are missing or expired are findings.
[[nodiscard]] Result<std::unique_ptr<Service>> open_service(const config::Config& config, ServiceOptions options);

}  // namespace postern::transport
