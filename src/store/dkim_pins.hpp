// Which version of its key a DKIM selector signs with, under which name DNS has it, and what else DNS has of the selector's key.
//
// DNS holds one public key for a selector, and nobody but the operator can change it there. So a selector keeps the version it first signed
// with when the key is rotated; another one is signed with only when it was activated, because DNS has it, or when the configuration names
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "store/store.hpp"

namespace postern {

struct DkimPin {
  std::uint32_t version = 0;
  std::string published;  ///< The selector in DNS (s=); empty: the configured one.
};

/// A signer as it is configured.
struct DkimSignerName {
  std::string domain;  ///< Lower case.
  std::string selector;
  std::string key;

  friend auto operator<=>(const DkimSignerName&, const DkimSignerName&) = default;
};

/// Where a version is that does not sign now. The numbers are stored.
enum class DkimStage : std::uint8_t {
  Seen = 1,       ///< The next version: DNS has its record, and it signs when that has stood for a while.
  Retiring = 2,   ///< A former version: its record stands in DNS for the mail that it signed.
  Withdrawn = 3,  ///< Its record is to leave DNS, and then the version goes.
};

struct DkimRecord {
  DkimSignerName signer;
  std::uint32_t version = 0;
  std::string published;  ///< The selector in DNS; empty: another version has taken its place there.
  DkimStage stage = DkimStage::Seen;
  WallTime since{};
};

/// Thread safe; waits for the commit (not on an event loop). Errors: Unavailable for the medium.
class DkimPins {
 public:
  explicit DkimPins(Store& store) : m_store(store) {}
  /// What to sign with from now on: `wanted` under the configured selector if it is not 0, else what is kept for this signer, else
  /// `latest`. The answer is kept.
  [[nodiscard]] Result<DkimPin> pin(const DkimSignerName& signer, std::uint32_t wanted, std::uint32_t latest);
  /// From now on another one, which is no record any more; `former` becomes one. In one commit.
  [[nodiscard]] Status activate(const DkimSignerName& signer, const DkimPin& pin, const DkimRecord& former);

  /// By signer and version.
  [[nodiscard]] Result<std::vector<DkimRecord>> records() const;
  /// Inserts or replaces; one for each version of a signer.
  [[nodiscard]] Status keep(const DkimRecord& record);
  [[nodiscard]] Status forget(const DkimRecord& record);

 private:
  Store& m_store;
};

}  // namespace postern
