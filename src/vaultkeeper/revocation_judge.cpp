#include "vaultkeeper/revocation_judge.hpp"

#include <filesystem>
#include <fstream>
#include <mutex>

#include "base/file_stamp.hpp"
#include "base/log.hpp"
#include "pki/path_revocation.hpp"

namespace postern::vaultkeeper {
namespace {

constexpr const char* kSetting = "keys.vault.crl";

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

/// The lists of a file, read once for each state of it: there is one loop for everything that is asked of the Vault, and a list may be
/// long.
class Lists {
 public:
  using Shared = std::shared_ptr<const std::vector<Crl>>;
  explicit Lists(std::string path) : m_path(std::move(path)) {}

  Result<Shared> get() {
    const std::lock_guard lock(m_mutex);
    std::string seen = file_stamp(m_path);  // before reading: what changes meanwhile is read again
    if (m_lists && seen == m_stamp) return m_lists;
    m_lists = nullptr;
    POSTERN_TRY(std::vector<Crl> lists, read_lists(m_path));
    m_lists = std::make_shared<const std::vector<Crl>>(std::move(lists));
    m_stamp = std::move(seen);
    return m_lists;
  }

 private:
  const std::string m_path;  ///< Empty: no lists.
  std::mutex m_mutex;
  std::string m_stamp;
  Shared m_lists;  ///< Null: they could not be read.
};

struct Rules {
  RevocationPolicy policy = RevocationPolicy::Soft;
  std::shared_ptr<Lists> lists;
  const Clock* clock = nullptr;
};

io::Task<Status> judge(CertificateChain path, Bytes stapled, Rules rules) {
  if (path.empty() && rules.policy == RevocationPolicy::Hard) co_return fail(ErrorCode::Denied, "the Vault's path is not known");
  const auto lists = rules.lists->get();
  if (!lists) log::warn("vaultkeeper.crl_not_read", {{"reason", lists.error()}});
  const std::span<const Crl> crls = lists ? std::span<const Crl>(**lists) : std::span<const Crl>();
  const PathRevocation found =
      check_path_revocation({.path = path, .policy = rules.policy, .at = rules.clock->now(), .crls = crls, .ocsp = stapled});
  if (!found.ok) co_return fail(ErrorCode::Denied, found.reason, "keys.vault.revocation");
  co_return Status();
}

}  // namespace

Result<io::PeerJudge> revocation_judge(const config::Config& config, const Clock& clock) {
  POSTERN_TRY(const RevocationPolicy policy, parse_revocation_policy(config.vault.revocation));
  if (policy == RevocationPolicy::Off) return io::PeerJudge();
  const std::string file = config.vault.crl.empty() ? std::string() : config.beside_config(config.vault.crl);
  Rules rules{policy, std::make_shared<Lists>(file), &clock};
  if (const auto lists = rules.lists->get(); !lists) return fail(lists.error());
  return io::PeerJudge([rules](const io::Stream& stream) {
    return judge(certificates_from_der(stream.verified_path()).value_or(CertificateChain()), stream.stapled_answer(), rules);
  });
}

}  // namespace postern::vaultkeeper
