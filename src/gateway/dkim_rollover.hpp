// The versions of a DKIM key in DNS: announced, seen, in use, retiring, withdrawn, deleted.
//
// A rotated key signs on with the version that DNS has (store/dkim_pins.hpp). The new one is published under a name of its own, SELECTOR-vN
// or the signer's other selector, so that mail signed before still verifies (RFC 6376 3.1: selectors are there for this); or in place of
// the old one, where that is the operator's way. Either is looked for in DNS: what verifies a signature made with the new version there, as
// a stranger would verify it, is used when it has stood there for keys.rotation.dkim_settle; in place at once, since what signs now fails
// already. The former version stays in DNS for keys.rotation.dkim_retire and is then withdrawn; when it has left DNS, and after
// keys.rotation.dkim_delete, it neither signs nor verifies any more. Signers whose version the configuration names are the operator's own
// affair.
//
// A wall clock that steps forward moves nothing on for ten minutes (keys/rotation.hpp).
//
// Threads: any; calls that wait (keeper, database) are not for event loops. look() is a coroutine of one loop, once at a time.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "gateway/dkim_signers.hpp"
#include "io/loops.hpp"
#include "io/resolver.hpp"
#include "keys/keeper.hpp"
#include "keys/rotation.hpp"
#include "store/dkim_pins.hpp"

namespace postern::gateway {

enum class DkimState {
  InUse,      ///< Signs now.
  Announced,  ///< Has to be published.
  Seen,       ///< Stands in DNS; signs soon.
  Retiring,   ///< Must stay in DNS.
  Withdrawn,  ///< Must leave DNS.
};
[[nodiscard]] std::string_view name_of(DkimState state) noexcept;  ///< "in use", "announced", ...

/// What stands, has to stand, or must not stand any longer in DNS for one signer.
struct DkimPublication {
  std::string name;   ///< "ed-v2._domainkey.example.org"
  std::string at;     ///< Where a CNAME leads from there (dkim.delegate); empty: the record stands under `name`.
  std::string value;  ///< The TXT record.
  std::uint32_t version = 0;
  DkimState state = DkimState::InUse;
  std::optional<WallTime> until;  ///< When Seen signs, and Retiring is withdrawn.
};
/// "ed-v2._domainkey.example.org"
[[nodiscard]] std::string dkim_record_name(const DkimKeyRef& signer);

/// All must outlive the rollover. `retire`: versions of the key below the number neither sign nor verify any more.
struct DkimRolloverParts {
  const config::Config& config;
  Store& store;
  Keeper& keeper;
  DkimSigners& signers;
  io::Resolver& resolver;
  io::WorkerPool& workers;
  const Clock& clock;
  std::function<Status(const KeyName& key, std::uint32_t minimum)> retire;
};

class DkimRollover {
 public:
  explicit DkimRollover(DkimRolloverParts parts) : m_parts(std::move(parts)) {}

  /// The oldest version of the key that a signer uses; its latest where none does.
  [[nodiscard]] std::uint32_t active(const KeyInfo& key) const;
  /// The records of every signer of the key.
  [[nodiscard]] Result<std::vector<DkimPublication>> publications(const KeyInfo& key) const;
  /// Of all signers' keys. Unavailable while the keeper cannot say.
  [[nodiscard]] Result<std::vector<DkimPublication>> publications() const;
  [[nodiscard]] Result<DkimPublication> publication(const DkimKeyRef& signer, DkimState state) const;
  /// Asks DNS for everything that waits for it, and goes on by what is there and by the clock.
  [[nodiscard]] io::Task<void> look();
  /// Asks DNS whether activate() would sign with what stands there. Conflict says what to publish and where; Unavailable: DNS does not
  /// answer; else as activate(). On one loop.
  [[nodiscard]] io::Task<Status> published(KeyName key, bool in_place);
  /// An operator's word: the latest version of this key stands in DNS under its name (`in_place`: under SELECTOR). Asks nobody. NotFound
  /// when nothing of it is announced.
  [[nodiscard]] Result<std::size_t> activate(const KeyName& key, bool in_place, const std::string& actor);

 private:
  /// A signer that waits for a version; `at` is its place in the configuration.
  struct Waiting {
    std::size_t at = 0;
    DkimKeyRef next;  ///< Under the name of its own.
    std::optional<WallTime> seen;
  };
  [[nodiscard]] DkimSignerName name_of_signer(std::size_t at) const;
  [[nodiscard]] std::optional<std::size_t> place_of(const DkimSignerName& signer) const;
  [[nodiscard]] Result<std::vector<Waiting>> waiting() const;
  /// Of one key, under the names that activate() takes. NotFound when there is none.
  [[nodiscard]] Result<std::vector<Waiting>> waiting_of(const KeyName& key, bool in_place) const;
  /// Announced once, and overtaken by `one` before they signed; without those that `known` has.
  [[nodiscard]] std::vector<DkimRecord> skipped(const Waiting& one, const std::vector<DkimRecord>& known) const;
  [[nodiscard]] Result<std::vector<DkimPublication>> publications_of(const std::string& key, const std::vector<Waiting>& waits,
                                                                     const std::vector<DkimRecord>& known) const;
  [[nodiscard]] Result<std::vector<DkimRecord>> records() const;
  [[nodiscard]] bool is_gone(const DkimRecord& record) const;
  [[nodiscard]] DkimKeyRef reference(std::size_t at, const DkimRecord& record) const;
  [[nodiscard]] io::Task<dns::Answer> ask(std::string name);
  [[nodiscard]] bool verifies(const DkimKeyRef& as, const dns::Answer& answer) const;

  // Towards use (dkim_rollover.cpp, dkim_activation.cpp).
  [[nodiscard]] io::Task<void> look_for(Waiting one, bool believable);
  [[nodiscard]] Status found(const Waiting& one, bool believable);
  [[nodiscard]] Status not_found(const Waiting& one, const dns::Answer& answer);
  [[nodiscard]] Status withdraw_skipped(const Waiting& one);
  [[nodiscard]] Status use(std::size_t at, const DkimKeyRef& next, const std::string& actor);

  // Out of use (dkim_retirement.cpp).
  [[nodiscard]] io::Task<void> retire(DkimRecord record, bool believable);
  [[nodiscard]] Status withdraw(DkimRecord record);
  [[nodiscard]] Status remove(const DkimRecord& record);
  [[nodiscard]] Result<std::uint32_t> oldest_needed(const DkimRecord& apart_from) const;

  [[nodiscard]] Status note(const char* kind, const DkimKeyRef& what, const std::string& actor);

  DkimRolloverParts m_parts;
  ClockWatch m_clock_watch;  ///< look() only.
  std::mutex m_using;        ///< One change of the signers at a time.
};

}  // namespace postern::gateway
