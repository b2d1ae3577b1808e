#include "transport/smime_material.hpp"

#include <openssl/x509.h>

#include <filesystem>

#include "gateway/hops.hpp"
#include "seal/folder.hpp"

namespace postern::transport {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

Result<SmimeIdentity> read_identity(const std::string& certificate, const std::string& key) {
  SmimeIdentity out;
  POSTERN_TRY(out.chain, certificates_from_file(certificate));
  POSTERN_TRY(EvpPkeyPtr loaded, gateway::load_private_key(key));
  out.key = std::shared_ptr<EVP_PKEY>(std::move(loaded));
  if (X509_check_private_key(out.chain.front().native(), out.key.get()) == 1) return out;
  openssl_clear_errors();
  return fail(ErrorCode::BadInput, "the private key in " + key + " does not belong to the first certificate in " + certificate);
}

/// NAME.pem with NAME.key. NotFound says that there is no such certificate, and nothing else.
Result<SmimeIdentity> load_identity(const fs::path& folder, const std::string& name) {
  constexpr const char* kSetting = "security.smime.certificates_dir";
  const std::string certificate = (folder / (name + ".pem")).string();
  if (!is_there(certificate)) return fail(ErrorCode::NotFound, "there is no " + certificate, kSetting);
  auto out = read_identity(certificate, (folder / (name + ".key")).string());
  if (!out) return fail(ErrorCode::BadInput, out.error().text(), kSetting);
  return out;
}

bool is_ours(const std::string& name) { return name == "signing.pem" || name == "encryption.pem"; }

/// A file may hold a person's certificate together with the chain above it; what names nobody is passed over where anything names somebody.
Status add_file(contentseal::ContentDirectory& into, const std::string& text, const std::string& name) {
  POSTERN_TRY(CertificateChain certificates, certificates_in(text));
  Status last;
  bool any = false;
  for (Certificate& each : certificates) {
    last = into.add(std::move(each), name);
    any = any || last.has_value();
  }
  return any || is_ours(name) ? Status() : last;
}

Status append_file(CertificateChain& into, const std::string& path) {
  auto some = certificates_from_file(path);
  if (!some) return fail(std::move(some).error().context("security.smime.trust"));
  into.insert(into.end(), some->begin(), some->end());
  return {};
}

}  // namespace

std::vector<SmimeIdentity> SmimeMaterial::identities() const {
  std::vector<SmimeIdentity> out;
  if (reader) out.push_back(*reader);
  if (signer && signer->chain.front().may_receive_keys()) out.push_back(*signer);
  return out;
}

SmimeTrust SmimeMaterial::trust() const {
  SmimeTrust out;
  out.roots = roots;
  out.is_revoked = [this](const Certificate& certificate) { return revocations && revocations->is_revoked(certificate); };
  return out;
}

Result<std::shared_ptr<const SmimeMaterial>> load_smime(const std::string& folder, CertificateChain roots) {
  auto out = std::make_shared<SmimeMaterial>();
  out->folder = folder;
  out->roots = std::move(roots);
  out->signer = load_identity(folder, "signing");
  out->reader = load_identity(folder, "encryption");
  if (!is_there(folder)) return out;
  auto& directory = out->correspondents;
  POSTERN_TRY(out->faults, read_folder(folder, {".pem", ".crt", ".cer"}, [&directory](const std::string& text, const std::string& name) {
                return add_file(directory, text, name);
              }));
  POSTERN_TRY(CertificateDirectory lists, CertificateDirectory::load(folder));
  out->revocations = std::make_shared<const CertificateDirectory>(std::move(lists));
  directory.set_revoked([lists = out->revocations](const Certificate& certificate) { return lists->is_revoked(certificate); });
  return out;
}

Result<CertificateChain> smime_roots(const config::Config& config) {
  CertificateChain out;
  std::error_code missing;
  const std::string own = config.in_data_dir("ca.pem");
  if (fs::file_size(own, missing) > 0 && !missing) POSTERN_CHECK(append_file(out, own));
  if (!config.smime.trust.empty()) POSTERN_CHECK(append_file(out, config.beside_config(config.smime.trust)));
  return out;
}

Result<std::shared_ptr<const SmimeMaterial>> SmimeSource::get() {
  const std::scoped_lock lock(m_mutex);
  if (m_loaded && m_clock.steady() < m_until) return m_loaded;
  POSTERN_TRY(CertificateChain roots, m_roots());
  POSTERN_TRY(m_loaded, load_smime(m_folder, std::move(roots)));
  m_until = m_clock.steady() + kSmimeAge;
  return m_loaded;
}

}  // namespace postern::transport
