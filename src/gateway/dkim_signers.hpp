// The DKIM signers of the configuration, each with the version of its key that it signs with now, and the signatures they make.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "keys/keeper.hpp"
#include "mailauth/dkim.hpp"
#include "store/dkim_pins.hpp"

namespace postern::gateway {

/// Thread safe. The keeper may wait: signatures are not for event loops.
class DkimSigners {
 public:
  /// Which version a signer begins with (store/dkim_pins.hpp); null: the one of the setting, else the latest.
  using PinVersion = std::function<Result<DkimPin>(const config::DkimSigner& signer, std::uint32_t latest)>;

  /// Keys that are missing are made. BadInput names the signer that makes no sense. `keeper` must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<DkimSigners>> make(const config::Config& config, Keeper& keeper, const PinVersion& pin);

  /// In the order of the configuration.
  [[nodiscard]] std::shared_ptr<const std::vector<DkimKeyRef>> all() const;
  /// Those of one signing domain (lower case).
  [[nodiscard]] std::vector<DkimKeyRef> of(std::string_view domain) const;
  /// Another version of a key signs from now on; messages under way go on with the one they began with.
  void set(std::vector<DkimKeyRef> signers);
  /// One signature, as dkim_sign() asks for it; where the keeper is another process, it is made there while this one goes on.
  [[nodiscard]] Later<Bytes> sign(const DkimKeyRef& key, ByteView data) const;

 private:
  explicit DkimSigners(Keeper& keeper) : m_keeper(keeper) {}
  Keeper& m_keeper;
  mutable std::mutex m_mutex;  ///< For the moment of copying the pointer.
  std::shared_ptr<const std::vector<DkimKeyRef>> m_all = std::make_shared<const std::vector<DkimKeyRef>>();
};

}  // namespace postern::gateway
