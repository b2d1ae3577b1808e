#include "transport/smime_material.hpp"

#include <openssl/x509.h>

#include <algorithm>
#include <filesystem>

#include "base/log.hpp"
#include "gateway/hops.hpp"
#include "seal/folder.hpp"

namespace postern::transport {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSetting = "security.smime.certificates_dir";

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
  const std::string certificate = (folder / (name + ".pem")).string();
  if (!is_there(certificate)) return fail(ErrorCode::NotFound, "there is no " + certificate, kSetting);
  auto out = read_identity(certificate, (folder / (name + ".key")).string());
  if (!out) return fail(ErrorCode::BadInput, out.error().text(), kSetting);
  return out;
}

/// NAME.pem of the folder, for the one of `ours` whose key it is of. NotFound says that there is no such certificate, and nothing else.
Result<SmimeIdentity> certified_identity(const fs::path& folder, const std::string& name, const std::vector<SmimeIdentity>& ours) {
  const std::string file = (folder / (name + ".pem")).string();
  if (!is_there(file)) return fail(ErrorCode::NotFound, "there is no " + file);
  auto chain = certificates_from_file(file);
  if (!chain) return fail(ErrorCode::BadInput, chain.error().text(), kSetting);
  for (const SmimeIdentity& each : ours)
    if (X509_check_private_key(chain->front().native(), each.key.get()) == 1) return SmimeIdentity{*std::move(chain), each.key};
  openssl_clear_errors();
  return fail(ErrorCode::BadInput,
              file + " is not for a key of this user in the key engine; move it away, or set security.smime.x400_source to files",
              kSetting);
}

/// What another authority issued for our keys goes before the certificate of the built-in one.
void take_from_keeper(SmimeMaterial& into) {
  const auto take = [&](const char* name, Result<SmimeIdentity>& to, std::string& place) {
    to = certified_identity(into.folder, name, into.earlier);
    place = std::string(name) + ".pem for a key of the key engine";
    if (to || to.error().code != ErrorCode::NotFound) return;
    to = into.earlier.front();
    place = "the built-in CA's certificate for a key of the key engine";
  };
  auto ours = into.keys->ours();
  if (!ours) {
    into.signer = into.reader = fail(std::move(ours).error());
    return;
  }
  into.earlier = *std::move(ours);
  take("signing", into.signer, into.signer_place);
  take("encryption", into.reader, into.reader_place);
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

}  // namespace

std::vector<SmimeIdentity> SmimeMaterial::identities() const {
  std::vector<SmimeIdentity> out;
  if (reader) out.push_back(*reader);
  if (signer && signer->chain.front().may_receive_keys()) out.push_back(*signer);
  out.insert(out.end(), earlier.begin(), earlier.end());
  return out;
}

Result<Certificate> SmimeMaterial::certificate_for(const oraddress::ORAddress& address, WallTime now) const {
  auto chosen = correspondents.choose(address, now);
  if (chosen || chosen.error().code != ErrorCode::NotFound || !keys) return chosen;
  auto own = keys->certificate_of(address);
  return own || own.error().code != ErrorCode::NotFound ? own : chosen;
}

SmimeTrust SmimeMaterial::trust() const {
  SmimeTrust out;
  out.roots = roots;
  out.is_revoked = [this](const Certificate& certificate) { return revocations && revocations->is_revoked(certificate); };
  return out;
}

Result<std::shared_ptr<const SmimeMaterial>> load_smime(const std::string& folder, CertificateChain roots,
                                                        std::shared_ptr<SmimeKeys> keys) {
  auto out = std::make_shared<SmimeMaterial>();
  out->folder = folder;
  out->roots = std::move(roots);
  out->keys = std::move(keys);
  if (out->keys) {
    take_from_keeper(*out);
  } else {
    out->signer = load_identity(folder, "signing");
    out->reader = load_identity(folder, "encryption");
  }
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

Result<std::shared_ptr<const SmimeMaterial>> SmimeSource::get() {
  const std::scoped_lock lock(m_mutex);
  if (m_loaded && m_clock.steady() < m_until) return m_loaded;
  return load();
}

Result<std::shared_ptr<const SmimeMaterial>> SmimeSource::again() {
  const std::scoped_lock lock(m_mutex);
  return load();
}

Result<std::shared_ptr<const SmimeMaterial>> SmimeSource::load() {
  POSTERN_TRY(CertificateChain roots, m_roots());
  POSTERN_TRY(auto loaded, load_smime(m_folder, std::move(roots), m_keys));
  for (const FileFault& each : loaded->faults)
    if (!m_loaded || std::ranges::none_of(m_loaded->faults, [&](const FileFault& known) { return known.file == each.file; }))
      log::warn("x400.certificate_passed_over", {{"file", each.file}, {"reason", each.error}});
  m_loaded = std::move(loaded);
  m_until = m_clock.steady() + kSmimeAge;
  return m_loaded;
}

}  // namespace postern::transport
