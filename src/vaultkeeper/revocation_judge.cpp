#include "vaultkeeper/revocation_judge.hpp"

#include <filesystem>
#include <fstream>

#include "base/log.hpp"
#include "pki/path_revocation.hpp"

namespace postern::vaultkeeper {
namespace {

constexpr const char* kSetting = "keys.vault.crl";

struct Rules {
  RevocationPolicy policy = RevocationPolicy::Soft;
  std::string lists;  ///< A file; empty: none.
  const Clock* clock = nullptr;
};

Result<std::vector<Crl>> read_lists(const std::string& path) {
  std::vector<Crl> none;
  if (path.empty()) return none;
  std::error_code failure;
  const auto size = std::filesystem::file_size(path, failure);
  std::ifstream file(path, std::ios::binary);
  if (failure || !file) return fail(ErrorCode::NotFound, "cannot read " + path + "; check the path and its permissions", kSetting);
  if (size > 2 * kCrlLimit) return fail(ErrorCode::TooLarge, path + " has more than 32 MiB; leave lists of other issuers out", kSetting);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  auto lists = Crl::from_text(text);
  if (!lists) return fail(ErrorCode::BadInput, path + ": " + lists.error().what, kSetting);
  return lists;
}

io::Task<Status> judge(CertificateChain path, Bytes stapled, Rules rules) {
  if (path.empty() && rules.policy == RevocationPolicy::Hard) co_return fail(ErrorCode::Denied, "the Vault's path is not known");
  auto lists = read_lists(rules.lists);
  if (!lists) log::warn("vaultkeeper.crl_not_read", {{"reason", lists.error()}});
  const std::vector<Crl> crls = lists ? *std::move(lists) : std::vector<Crl>();
  const PathRevocation found =
      check_path_revocation({.path = path, .policy = rules.policy, .at = rules.clock->now(), .crls = crls, .ocsp = stapled});
  if (!found.ok) co_return fail(ErrorCode::Denied, found.reason, "keys.vault.revocation");
  co_return Status();
}

}  // namespace

Result<io::PeerJudge> revocation_judge(const config::Config& config, const Clock& clock) {
  POSTERN_TRY(const RevocationPolicy policy, parse_revocation_policy(config.vault.revocation));
  if (policy == RevocationPolicy::Off) return io::PeerJudge();
  Rules rules{policy, config.vault.crl.empty() ? std::string() : config.beside_config(config.vault.crl), &clock};
  if (const auto lists = read_lists(rules.lists); !lists) return fail(lists.error());
  return io::PeerJudge([rules](const io::Stream& stream) {
    return judge(certificates_from_der(stream.verified_path()).value_or(CertificateChain()), stream.stapled_answer(), rules);
  });
}

}  // namespace postern::vaultkeeper
