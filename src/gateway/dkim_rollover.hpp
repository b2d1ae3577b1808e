// The next version of a DKIM key, from its announcement to its first signature.
//
// A rotated key signs on with the version that DNS has (store/dkim_pins.hpp). The new one is published by the operator under a name of its
// own, SELECTOR-vN, so that mail signed before still verifies (RFC 6376 3.1: selectors are there for this); or in place of the old one,
// where that is his way. Either is looked for in DNS: what verifies a signature made with the new version there, as a stranger would verify
// it, is used from then on. Signers whose version the configuration names are the operator's own affair.
//
// Threads: any; calls that wait (keeper, database) are not for event loops. look() is a coroutine of one loop.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "gateway/pipeline.hpp"
#include "io/loops.hpp"
#include "io/resolver.hpp"
#include "keys/keeper.hpp"
#include "store/store.hpp"

namespace postern::gateway {

/// What stands, or has to stand, in DNS for one signer.
struct DkimPublication {
  std::string name;   ///< "ed-v2._domainkey.example.org"
  std::string value;  ///< The TXT record.
  std::uint32_t version = 0;
  bool active = false;  ///< Signs now; else it has to be published.
};

class DkimRollover {
 public:
  /// All must outlive it.
  DkimRollover(const config::Config& config, Store& store, Keeper& keeper, Pipeline& pipeline, io::Resolver& resolver,
               io::WorkerPool& workers, const Clock& clock)
      : m_config(config),
        m_store(store),
        m_keeper(keeper),
        m_pipeline(pipeline),
        m_resolver(resolver),
        m_workers(workers),
        m_clock(clock) {}

  /// The oldest version of the key that a signer uses; its latest where none does.
  [[nodiscard]] std::uint32_t active(const KeyInfo& key) const;
  /// The records of every signer of the key: what signs now, and what is announced.
  [[nodiscard]] Result<std::vector<DkimPublication>> publications(const KeyInfo& key) const;
  [[nodiscard]] Result<DkimPublication> publication(const DkimKeyRef& signer, bool active) const;
  /// Asks DNS for everything that is announced, and uses what is there.
  [[nodiscard]] io::Task<void> look();
  /// An operator's word: the latest version of this key stands in DNS under SELECTOR-vN (`in_place`: under SELECTOR). NotFound when nothing
  /// of it is announced.
  [[nodiscard]] Result<std::size_t> activate(const KeyName& key, bool in_place, const std::string& actor);

 private:
  /// A signer that waits for a version; `at` is its place in the configuration.
  struct Waiting {
    std::size_t at = 0;
    DkimKeyRef next;  ///< Under the name of its own.
  };
  [[nodiscard]] std::vector<Waiting> waiting() const;
  [[nodiscard]] io::Task<dns::Answer> ask(std::string name);
  [[nodiscard]] bool verifies(const DkimKeyRef& as, dns::Answer answer) const;
  [[nodiscard]] Status use(std::size_t at, const DkimKeyRef& next, const std::string& actor);

  const config::Config& m_config;
  Store& m_store;
  Keeper& m_keeper;
  Pipeline& m_pipeline;
  io::Resolver& m_resolver;
  io::WorkerPool& m_workers;
  const Clock& m_clock;
  std::mutex m_using;  ///< One change of the signers at a time.
};

}  // namespace postern::gateway
