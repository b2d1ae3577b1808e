// The key records of our own zones, kept right by the daemon: DKIM and TLSA records are there before they are used, and leave when nothing
// needs them any more (product: they roll by themselves). Zones are those of [[zone]]; in them nothing but these records is touched, and of
// those only what was ours: a TLSA record of a key that was never shown here stays.
//
// A zone is looked at when what it should say has changed, and every ten minutes whether it still says it. What the server refuses is tried
// again after a minute, and is a warning until it works. Each change is in the audit log.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "dnszone/compare.hpp"
#include "gateway/name_server.hpp"
#include "io/loops.hpp"
#include "store/store.hpp"

namespace postern::gateway {

/// All must outlive the keeper. `facts` is called on a worker.
struct ZoneKeeperParts {
  const config::Config& config;
  Store& store;
  io::WorkerPool& workers;
  const Clock& clock;
  std::function<Result<std::vector<dnszone::ZoneFacts>>()> facts;
};

/// For people.
struct ZoneState {
  std::string zone, server;
  std::optional<WallTime> checked, changed;
  std::string failure;  ///< Of the last try.
};

class ZoneKeeper {
 public:
  /// Errors name the setting: a server that is no address, a key file that cannot be used.
  [[nodiscard]] static Result<std::unique_ptr<ZoneKeeper>> make(ZoneKeeperParts parts);
  ~ZoneKeeper();

  /// On one loop, once, as long as the loop runs.
  [[nodiscard]] io::Task<void> run();
  /// Looks at what is due; one call at a time.
  [[nodiscard]] io::Task<void> look();
  [[nodiscard]] std::vector<ZoneState> states() const;
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  struct Zone;
  explicit ZoneKeeper(ZoneKeeperParts parts);
  [[nodiscard]] io::Task<void> tend(Zone& zone, const std::vector<dnszone::ZoneFacts>& facts);
  [[nodiscard]] io::Task<Result<dnszone::Update>> plan(const Zone& zone, const dnszone::WantedZone& wanted);
  [[nodiscard]] io::Task<Status> bring_up_to_date(Zone& zone, const dnszone::ZoneFacts& facts);
  [[nodiscard]] io::Task<void> note(const Zone& zone, const dnszone::Update& update);

  ZoneKeeperParts m_parts;
  std::vector<std::unique_ptr<Zone>> m_zones;
  mutable std::mutex m_mutex;  ///< For the states.
};

}  // namespace postern::gateway
