// The gateway's own keys for people: which local address signs and opens with which key, and the correspondents' certificates.
//
// Private keys stay in the keeper; what is handed out are names and handles. Keys are made on first need (auto_enroll) and found again by
// name after a restart. Thread safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "keys/keeper.hpp"
#include "mime/address.hpp"
#include "pki/authority.hpp"
#include "seal/certificate_directory.hpp"
#include "seal/openpgp.hpp"
#include "seal/pgp_directory.hpp"
#include "seal/smime.hpp"

namespace postern::gateway {

/// "smime-" or "openpgp-" and 32 hexadecimal digits of the lower-case address's SHA-256: addresses hold characters that key names may not.
[[nodiscard]] KeyName smime_key_name(std::string_view address);
[[nodiscard]] KeyName openpgp_key_name(std::string_view address);

/// One of our own people who is known by something else than a mail address: an O/R address (transport/x400_person.hpp makes it).
struct Person {
  std::string name;      ///< What smime_key_name() makes his key's name of; never to change.
  EmailSubject subject;  ///< What his certificate says.
};

/// What correspondents need to write to one of our own people sealed.
struct PublicIdentity {
  std::string address;  ///< Lower case.
  std::string smime;    ///< The current certificate, PEM; empty: none.
  std::string openpgp;  ///< Armored; empty: none.
};
struct IdentityPage {
  std::vector<PublicIdentity> people;
  std::string next;  ///< For the following page; empty: this was the last.
};

class Identities {
 public:
  Identities(std::shared_ptr<Keeper> keeper, std::shared_ptr<Authority> authority, const config::Config& config, const Clock& clock);

  /// Whether smime()/openpgp() would give a key: one exists, or may be made for this address. alice+tag@ has the key of alice@, unless an
  /// operator made one of its own.
  [[nodiscard]] bool can_smime(const Mailbox& address);
  [[nodiscard]] bool can_openpgp(const Mailbox& address);
  /// The signing identity, made when missing. Slow the first time.
  [[nodiscard]] Result<SmimeIdentity> smime(const Mailbox& address);
  [[nodiscard]] Result<KeyName> openpgp(const Mailbox& address);
  /// For opening: only what exists; the current certificate first, then those it replaced. NotFound when there is none.
  [[nodiscard]] Result<std::vector<SmimeIdentity>> existing_smime(const Mailbox& address);
  [[nodiscard]] Result<KeyName> existing_openpgp(const Mailbox& address);
  /// The same for people who have no mail address: the current identity first. With `make` a key is made when it is missing; NotFound
  /// without it. An engine that cannot be asked is no missing key.
  [[nodiscard]] Result<std::vector<SmimeIdentity>> smime_of(const Person& person, bool make);
  /// Whether private keys can be used now: Keeper::ready(). What OpenSSL does with their handles loses that reason.
  [[nodiscard]] Status ready() const { return m_keeper->ready(); }
  /// The OpenPGP certificate of one of our own people, to check his signatures; nothing when he has none.
  [[nodiscard]] std::optional<PgpCertificate> own_openpgp(const Mailbox& address);
  /// Makes it whatever auto_enroll says (an operator's act); answers PEM or armor to give to correspondents.
  [[nodiscard]] Result<std::string> enroll_smime(const Mailbox& address);
  [[nodiscard]] Result<std::string> enroll_openpgp(const Mailbox& address);
  /// Everybody who has a key of whom the certificate says the address. `after`: `next` of the page before, else empty; `limit`: people that
  /// are looked at. A certificate that is about to end is renewed first. BadInput for an `after` that is none.
  [[nodiscard]] Result<IdentityPage> page(const std::string& after, std::size_t limit);
  /// A key was rotated or removed: its certificates are asked for anew.
  void forget(const KeyName& key);

 private:
  struct Cached {
    std::vector<SmimeIdentity> identities;  ///< The current one first.
    WallTime until{};                       ///< Then the authority is asked again, which renews in time.
  };
  [[nodiscard]] Result<std::vector<SmimeIdentity>> load_smime(const Mailbox& address);
  [[nodiscard]] Result<std::vector<SmimeIdentity>> load_smime(const Person& person);
  [[nodiscard]] Result<SmimeIdentity> with_handle(Identity identity) const;
  [[nodiscard]] Result<std::optional<PublicIdentity>> public_identity(const std::string& mark);
  [[nodiscard]] Result<std::string> smime_address(const KeyName& name) const;
  [[nodiscard]] bool exists(const KeyName& name);
  /// NotFound, with `none`, where there is none.
  [[nodiscard]] Status find(const KeyName& name, const char* none);
  [[nodiscard]] bool is_local(const Mailbox& address) const;
  /// Whose key serves this address: its own where one exists, else that of the address without its +tag. Nobody makes up as many keys as
  /// there are tags.
  [[nodiscard]] Mailbox key_owner(const Mailbox& address, KeyName (*name_of)(std::string_view));

  std::shared_ptr<Keeper> m_keeper;
  std::shared_ptr<Authority> m_authority;
  const config::Config& m_config;
  const Clock& m_clock;
  KeyType m_smime_type;
  std::vector<std::string> m_local;  ///< routing_domain() of each local domain.
  std::mutex m_mutex;                ///< Guards the cache, and makes one key at a time.
  std::map<std::string, Cached> m_smime;
};

/// The correspondents' certificates: two folders, read again when they change.
class Correspondents {
 public:
  Correspondents(std::string smime_folder, std::string pgp_folder, const Clock& clock)
      : m_smime_folder(std::move(smime_folder)), m_pgp_folder(std::move(pgp_folder)), m_clock(clock) {}

  [[nodiscard]] std::shared_ptr<const CertificateDirectory> smime();
  [[nodiscard]] std::shared_ptr<const PgpDirectory> openpgp();

 private:
  template <class Directory>
  struct Folder {
    std::shared_ptr<const Directory> directory = std::make_shared<Directory>();
    SteadyTime looked{};
    std::optional<std::int64_t> stamp;  ///< Newest change in the folder when it was read; nothing: it did not exist.
  };
  template <class Directory>
  std::shared_ptr<const Directory> refreshed(Folder<Directory>& folder, const std::string& path);

  std::string m_smime_folder, m_pgp_folder;
  const Clock& m_clock;
  std::mutex m_mutex;
  Folder<CertificateDirectory> m_smime;
  Folder<PgpDirectory> m_pgp;
};

}  // namespace postern::gateway
