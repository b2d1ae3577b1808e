#include "gateway/identities.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/log.hpp"
#include "base/text.hpp"
#include "crypto/hash.hpp"
#include "gateway/routing.hpp"
#include "keys/evp_handle.hpp"

namespace postern::gateway {
namespace {

constexpr auto kRenewCheck = std::chrono::hours(1);
constexpr auto kFolderCheck = std::chrono::seconds(2);

constexpr std::string_view kSmime = "smime-", kOpenPgp = "openpgp-";
constexpr std::size_t kMarkSize = 32;

/// The part of a key's name that stands for the person; empty: the key is nobody's.
std::string mark_of(const KeyName& name) {
  for (const std::string_view kind : {kSmime, kOpenPgp}) {
    if (name.get().starts_with(kind) && name.get().size() == kind.size() + kMarkSize) return name.get().substr(kind.size());
  }
  return {};
}

KeyName name_for(std::string_view kind, std::string_view address) {
  const Sha256 hash = sha256(as_bytes(to_lower(address)));
  return KeyName(std::string(kind) + hex_encode(ByteView(hash).first(16)));
}

/// Changes when a file is added, removed or written. Nothing: no such folder. (The file clock's epoch lies in the future: stamps are
/// negative.)
std::optional<std::int64_t> stamp_of(const std::string& path) {
  std::error_code error;
  const auto time = std::filesystem::last_write_time(path, error);
  if (error) return std::nullopt;
  std::int64_t newest = time.time_since_epoch().count();
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    newest = std::max<std::int64_t>(newest, it->last_write_time(ignored).time_since_epoch().count());
  }
  return newest;
}

}  // namespace

KeyName smime_key_name(std::string_view address) { return name_for(kSmime, address); }
KeyName openpgp_key_name(std::string_view address) { return name_for(kOpenPgp, address); }

Identities::Identities(std::shared_ptr<Keeper> keeper, std::shared_ptr<Authority> authority, const config::Config& config,
                       const Clock& clock)
    : m_keeper(std::move(keeper)),
      m_authority(std::move(authority)),
      m_config(config),
      m_clock(clock),
      m_smime_type(key_type_from_name(config.smime.identity_key).value_or(KeyType::EcdsaP256)) {
  for (const auto& domain : config.domains.local) m_local.push_back(routing_domain(domain));
}

bool Identities::exists(const KeyName& name) { return m_keeper->describe(name).has_value(); }

/// A keeper that cannot be asked now has not said that there is none.
Status Identities::find(const KeyName& name, const char* none) {
  const auto found = m_keeper->describe(name);
  if (found) return {};
  return found.error().code == ErrorCode::NotFound ? fail(ErrorCode::NotFound, none) : fail(found.error());
}

bool Identities::is_local(const Mailbox& address) const {
  return std::find(m_local.begin(), m_local.end(), routing_domain(address.domain)) != m_local.end();
}

Mailbox Identities::key_owner(const Mailbox& address, KeyName (*name_of)(std::string_view)) {
  const auto plus = address.local.find('+');
  if (plus == std::string::npos || plus == 0 || !is_local(address) || exists(name_of(address.text()))) return address;
  return Mailbox{address.local.substr(0, plus), address.domain};
}

bool Identities::can_smime(const Mailbox& address) {
  if (!m_config.smime.enabled || !is_local(address)) return false;
  return m_config.smime.auto_enroll || exists(smime_key_name(key_owner(address, smime_key_name).text()));
}

bool Identities::can_openpgp(const Mailbox& address) {
  if (!m_config.openpgp.enabled || !is_local(address)) return false;
  return m_config.openpgp.auto_enroll || exists(openpgp_key_name(key_owner(address, openpgp_key_name).text()));
}

Result<SmimeIdentity> Identities::with_handle(Identity identity) const {
  POSTERN_TRY(auto handle, evp_handle(m_keeper, identity.key, identity.version));
  return SmimeIdentity{std::move(identity.chain), std::shared_ptr<EVP_PKEY>(std::move(handle))};
}

Result<std::vector<SmimeIdentity>> Identities::load_smime(const Mailbox& address) {
  const std::string text = to_lower(address.text());  // as in the key's name: one person, one certificate
  return load_smime(Person{text, {.emails = {text}}});
}

Result<std::vector<SmimeIdentity>> Identities::load_smime(const Person& person) {
  const KeyName name = smime_key_name(person.name);
  const std::lock_guard lock(m_mutex);
  const auto cached = m_smime.find(person.name);
  if (cached != m_smime.end() && m_clock.now() < cached->second.until) return cached->second.identities;
  POSTERN_TRY(auto current, m_authority->email_identity(name, person.subject, m_smime_type));
  POSTERN_TRY(auto earlier, m_authority->earlier_identities(name));
  const WallTime renewal = Authority::renewal_of(current.chain.front());
  std::vector<SmimeIdentity> out;
  POSTERN_TRY(auto first, with_handle(std::move(current)));
  out.push_back(std::move(first));
  for (Identity& identity : earlier) {
    // A version that may no longer decrypt (min_decryption_version) is as good as gone.
    if (auto usable = with_handle(std::move(identity))) out.push_back(*std::move(usable));
  }
  m_smime[person.name] = {out, std::min<WallTime>(m_clock.now() + kRenewCheck, renewal)};
  return out;
}

Result<SmimeIdentity> Identities::smime(const Mailbox& address) {
  if (!can_smime(address))
    return fail(ErrorCode::NotFound, "there is no S/MIME key for this address, and none may be made (security.smime.auto_enroll)");
  POSTERN_TRY(auto identities, load_smime(key_owner(address, smime_key_name)));
  return std::move(identities.front());
}

Result<std::vector<SmimeIdentity>> Identities::existing_smime(const Mailbox& address) {
  constexpr const char* kNone = "there is no S/MIME key for this address";
  if (!m_config.smime.enabled) return fail(ErrorCode::NotFound, kNone);
  const Mailbox owner = key_owner(address, smime_key_name);
  POSTERN_CHECK(find(smime_key_name(owner.text()), kNone));
  return load_smime(owner);
}

Result<std::vector<SmimeIdentity>> Identities::smime_of(const Person& person, bool make) {
  if (!make) POSTERN_CHECK(m_keeper->describe(smime_key_name(person.name)));
  return load_smime(person);
}

Result<KeyName> Identities::openpgp(const Mailbox& address) {
  if (!can_openpgp(address))
    return fail(ErrorCode::NotFound, "there is no OpenPGP key for this address, and none may be made (security.openpgp.auto_enroll)");
  const Mailbox owner = key_owner(address, openpgp_key_name);
  const KeyName name = openpgp_key_name(owner.text());
  const std::lock_guard lock(m_mutex);
  if (!exists(name)) POSTERN_CHECK(m_keeper->openpgp_create(name, "<" + owner.text() + ">"));
  return name;
}

Result<KeyName> Identities::existing_openpgp(const Mailbox& address) {
  constexpr const char* kNone = "there is no OpenPGP key for this address";
  if (!m_config.openpgp.enabled) return fail(ErrorCode::NotFound, kNone);
  KeyName name = openpgp_key_name(key_owner(address, openpgp_key_name).text());
  POSTERN_CHECK(find(name, kNone));
  return name;
}

std::optional<PgpCertificate> Identities::own_openpgp(const Mailbox& address) {
  if (!is_local(address)) return std::nullopt;
  const auto name = existing_openpgp(address);
  if (!name) return std::nullopt;
  const auto armored = m_keeper->openpgp_certificate(*name);
  if (!armored) return std::nullopt;
  auto parsed = PgpCertificate::parse(as_bytes(*armored));
  return parsed ? std::optional(*std::move(parsed)) : std::nullopt;
}

void Identities::forget(const KeyName& key) {
  const std::lock_guard lock(m_mutex);
  std::erase_if(m_smime, [&](const auto& entry) { return smime_key_name(entry.first) == key; });
}

Result<std::string> Identities::enroll_smime(const Mailbox& address) {
  POSTERN_TRY(const auto identities, load_smime(address));
  return identities.front().chain.front().to_pem();
}

Result<std::string> Identities::enroll_openpgp(const Mailbox& address) {
  const KeyName name = openpgp_key_name(address.text());
  {
    const std::lock_guard lock(m_mutex);
    if (!exists(name)) POSTERN_CHECK(m_keeper->openpgp_create(name, "<" + address.text() + ">"));
  }
  return m_keeper->openpgp_certificate(name);
}

/// Whom the stored certificate is for; empty: there is none, or it is not the one of this key's name.
Result<std::string> Identities::smime_address(const KeyName& name) const {
  POSTERN_TRY(const auto stored, m_authority->stored(name));
  const auto addresses = stored ? stored->emails() : std::vector<std::string>();
  return addresses.empty() || smime_key_name(addresses.front()) != name ? std::string() : addresses.front();
}

Result<std::optional<PublicIdentity>> Identities::public_identity(const std::string& mark) {
  PublicIdentity out;
  const KeyName smime(std::string(kSmime) + mark), openpgp(std::string(kOpenPgp) + mark);
  if (m_config.smime.enabled && exists(smime)) {
    POSTERN_TRY(out.address, smime_address(smime));
    if (const auto mailbox = Mailbox::parse(out.address, Utf8::Allow); mailbox) {
      POSTERN_TRY(out.smime, enroll_smime(*mailbox));  // what exists, renewed in time
    }
  }
  if (m_config.openpgp.enabled && exists(openpgp)) {
    POSTERN_TRY(std::string armored, m_keeper->openpgp_certificate(openpgp));
    const auto certificate = PgpCertificate::parse(as_bytes(armored));
    const auto addresses = certificate ? certificate->emails() : std::vector<std::string>();
    if (!addresses.empty() && openpgp_key_name(addresses.front()) == openpgp) {
      out.address = addresses.front();
      out.openpgp = std::move(armored);
    }
  }
  return out.address.empty() ? std::nullopt : std::optional(std::move(out));
}

Result<IdentityPage> Identities::page(const std::string& after, std::size_t limit) {
  if (!after.empty() && (after.size() != kMarkSize || !hex_decode(after)))
    return fail(ErrorCode::BadInput, "must be what a page before gave as next", "after");
  POSTERN_TRY(const auto names, m_keeper->list());
  std::set<std::string> marks;
  for (const KeyName& name : names) {
    if (std::string mark = mark_of(name); mark > after) marks.insert(std::move(mark));
  }
  IdentityPage out;
  std::size_t looked_at = 0;
  for (const std::string& mark : marks) {
    if (looked_at++ == limit) return out;
    POSTERN_TRY(auto person, public_identity(mark));
    if (person) out.people.push_back(*std::move(person));
    out.next = mark;
  }
  out.next.clear();
  return out;
}

template <class Directory>
std::shared_ptr<const Directory> Correspondents::refreshed(Folder<Directory>& folder, const std::string& path) {
  const std::lock_guard lock(m_mutex);
  const SteadyTime now = m_clock.steady();
  if (folder.looked != SteadyTime{} && now - folder.looked < kFolderCheck) return folder.directory;
  folder.looked = now;
  const auto stamp = stamp_of(path);
  if (stamp == folder.stamp) return folder.directory;
  folder.stamp = stamp;
  auto loaded = stamp ? Directory::load(path) : Result<Directory>(Directory());
  if (!loaded) {
    log::warn("seal.certificates_unreadable", {{"folder", path}, {"reason", loaded.error()}});
    return folder.directory;
  }
  for (const auto& fault : loaded->faults()) log::warn("seal.certificate_refused", {{"file", fault.file}, {"reason", fault.error}});
  folder.directory = std::make_shared<Directory>(*std::move(loaded));
  return folder.directory;
}

std::shared_ptr<const CertificateDirectory> Correspondents::smime() { return refreshed(m_smime, m_smime_folder); }
std::shared_ptr<const PgpDirectory> Correspondents::openpgp() { return refreshed(m_pgp, m_pgp_folder); }

}  // namespace postern::gateway
