#include "custody/retirement.hpp"

#include <algorithm>
#include <array>

namespace postern::custody {
namespace {

bool everything_hangs_on(const KeyName& name) {
  static const std::array kept{key_names::kMailStorage, key_names::kDkim, key_names::kApiHmac, key_names::kPgpEncryption,
                               KeyName("pki_root_key")};
  return std::ranges::find(kept, name) != kept.end();
}

Status check_rises(std::optional<std::uint32_t> wanted, std::uint32_t now, std::string field) {
  if (!wanted || *wanted >= now) return {};
  return fail(ErrorCode::Denied, "can only rise from here; the key administrator lowers it over the Vault API", std::move(field));
}

}  // namespace

Status check_retirement(Keeper& keeper, const KeyName& name, const KeySettings& settings) {
  if (settings.deletion_allowed.value_or(false)) POSTERN_CHECK(check_removal(name));
  if (!settings.min_decryption_version && !settings.min_encryption_version) return {};
  POSTERN_TRY(const KeyInfo info, keeper.describe(name));
  POSTERN_CHECK(check_rises(settings.min_decryption_version, info.min_decryption_version, "min_decryption_version"));
  return check_rises(settings.min_encryption_version, info.min_encryption_version, "min_encryption_version");
}

Status check_removal(const KeyName& name) {
  if (!everything_hangs_on(name)) return {};
  return fail(ErrorCode::Denied,
              "the mail system hangs on " + name.get() + ", so it is not removed from here; the key administrator can, over the Vault API",
              "name");
}

}  // namespace postern::custody
