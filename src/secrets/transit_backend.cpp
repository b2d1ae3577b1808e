#include "secrets/transit_backend.hpp"

#include <mutex>

#include "base/log.hpp"
#include "secrets/transit.hpp"

namespace postern::vault {

TransitBackend::TransitBackend(const Clock& clock) : m_clock(clock) {
  add_key_paths();
  add_transport_paths();
  add_cipher_paths();
  add_sign_paths();
  add_tool_paths();
}

TransitBackend::~TransitBackend() { TransitBackend::stop(); }

Status TransitBackend::start(Storage& storage) {
  auto engine = std::make_shared<transit::Engine>(storage, m_clock);
  const std::unique_lock lock(m_mutex);
  m_engine = std::move(engine);
  return {};
}

void TransitBackend::stop() noexcept {
  std::shared_ptr<transit::Engine> engine;
  {
    const std::unique_lock lock(m_mutex);
    engine.swap(m_engine);
  }
  if (engine == nullptr) return;
  engine->settle();
  engine->forget_all();
}

void TransitBackend::tick(WallTime /*now*/) noexcept {
  const auto engine = this->engine();
  if (!engine) return;
  try {
    const transit::TickReport report = (*engine)->tick();
    for (const std::string& name : report.rotated) log::info("transit.rotated", {{"key", name}});
    for (const std::string& what : report.failed) log::warn("transit.rotation_failed", {{"key", what}});
  } catch (const std::exception& fault) {
    log::error("transit.tick_failed", {{"cause", fault.what()}});
  }
}

Result<std::shared_ptr<transit::Engine>> TransitBackend::engine() const {
  const std::shared_lock lock(m_mutex);
  if (m_engine == nullptr) return fail(ErrorCode::Unavailable, "Vault is sealed");
  return m_engine;
}

Result<std::shared_ptr<transit::Engine>> transit_engine_of(Backend& backend) {
  const auto* transit = dynamic_cast<const TransitBackend*>(&backend);
  if (transit == nullptr) return fail(ErrorCode::Unsupported, "the mount is of type " + std::string(backend.type()) + ", not transit");
  return transit->engine();
}

Result<std::unique_ptr<Backend>> make_transit(const std::vector<std::pair<std::string, std::string>>& options, const Clock& clock) {
  if (!options.empty()) return fail(ErrorCode::BadInput, "the transit engine takes no options", "options");
  return std::make_unique<TransitBackend>(clock);
}

}  // namespace postern::vault
