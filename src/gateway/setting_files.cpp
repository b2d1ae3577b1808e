#include "gateway/setting_files.hpp"

#include <fstream>

#include "gateway/hops.hpp"
#include "gateway/listener_tls.hpp"
#include "gateway/name_server.hpp"
#include "gateway/routing.hpp"

namespace postern::gateway {
namespace {

constexpr const char* kSuffixes = "authentication.public_suffix_list";
constexpr const char* kFixture = "dns.fixture_file";

Result<std::string> read_text(const std::string& path, const char* setting) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::NotFound, "cannot read " + path + "; check the path and its permissions", setting);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

class Contents {
 public:
  explicit Contents(config::Loaded& loaded) : m_loaded(loaded), m_config(loaded.config) {}

  void run() {
    judge(kSuffixes, read_public_suffixes(m_config));
    if (!m_config.dns.fixture_file.empty()) judge(kFixture, read_dns_fixture(m_config));
    if (!m_config.tls.certificate.empty()) judge("tls.certificate", ListenerTls::check_files(m_config));
    judge_certificates("security.smime.trust", m_config.smime.trust);
    judge_certificates("outbound.mta_sts_ca", m_config.outbound.mta_sts_ca);
    if (!m_config.http.tls.address.empty()) judge_certificates("http.tls.client_ca", m_config.http.tls.client_ca);
    for (std::size_t i = 0; i < m_config.listeners.size(); ++i)
      if (m_config.listeners[i].tls != "none")
        judge_certificates("listener[" + std::to_string(i) + "].client_ca", m_config.listeners[i].client_ca);
    for (std::size_t i = 0; i < m_config.zones.size(); ++i) judge_tsig("zone[" + std::to_string(i) + "].tsig", m_config.zones[i].tsig);
    if (const auto routes = RouteTable::make(m_config)) judge("route", Hops::make(m_config, *routes, {}));
  }

 private:
  /// An error that says itself which setting it is about.
  template <class T>
  void judge(const char* setting, const Result<T>& read) {
    if (!read && read.error().code != ErrorCode::NotFound) m_loaded.faults.push_back({read.error().code, read.error().text(), setting});
  }
  template <class T>
  void judge_unnamed(const std::string& setting, const Result<T>& read) {
    if (!read) judge(setting.c_str(), Status(fail(read.error().code, read.error().text(), setting)));
  }
  void judge_certificates(const std::string& setting, const std::string& path) {
    if (!path.empty()) judge_unnamed(setting, certificates_from_file(m_config.beside_config(path)));
  }
  void judge_tsig(const std::string& setting, const std::string& named) {
    const std::string path = m_config.beside_config(named);
    if (std::ifstream(path)) judge_unnamed(setting, read_tsig_key(path));
  }

  config::Loaded& m_loaded;
  const config::Config& m_config;
};

}  // namespace

Result<std::optional<PublicSuffixList>> read_public_suffixes(const config::Config& config) {
  const std::string& setting = config.authentication.public_suffix_list;
  if (setting.empty()) return std::optional<PublicSuffixList>();
  const std::string path = config.beside_config(setting);
  POSTERN_TRY(const auto text, read_text(path, kSuffixes));
  auto list = PublicSuffixList::parse(text);
  if (!list) return fail(ErrorCode::BadInput, path + " " + list.error().what, kSuffixes);
  return std::optional(*std::move(list));
}

Result<dns::Fixture> read_dns_fixture(const config::Config& config) {
  const std::string path = config.beside_config(config.dns.fixture_file);
  POSTERN_TRY(const auto text, read_text(path, kFixture));
  auto fixture = dns::Fixture::parse(text);
  if (!fixture) return fail(ErrorCode::BadInput, path + ": " + fixture.error().text(), kFixture);
  return fixture;
}

void check_file_contents(config::Loaded& loaded) { Contents(loaded).run(); }

}  // namespace postern::gateway
