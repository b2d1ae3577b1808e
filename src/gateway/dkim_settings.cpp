#include "gateway/dkim_settings.hpp"

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "dns/name.hpp"
#include "keys/key_name.hpp"
#include "mailauth/signer_names.hpp"

namespace postern::gateway {
namespace {

std::string in_quotes(const std::string& text) { return "\"" + printable(text) + "\""; }

/// Whether this is what a later version of the key of `selector` signs under: SELECTOR-v2 and so on (gateway/dkim_rollover.hpp).
bool is_version_of(std::string_view name, std::string_view selector) {
  if (!istarts_with(name, selector) || !istarts_with(name.substr(selector.size()), "-v")) return false;
  const std::string_view number = name.substr(selector.size() + 2);
  return !number.empty() && number.front() != '0' && std::ranges::all_of(number, is_digit);
}

class Check {
 public:
  explicit Check(config::Loaded& loaded) : m_loaded(loaded), m_signers(loaded.config.dkim) {}

  void run() {
    for (std::size_t i = 0; i < m_signers.size(); ++i) {
      const bool named = check_names(m_signers[i], path_of(i));
      check_key(m_signers[i], path_of(i));
      if (named) take_names(m_signers[i], path_of(i));
    }
    for (std::size_t i = 0; i < m_signers.size(); ++i) foresee_versions(i);
  }

 private:
  static std::string path_of(std::size_t i) { return "dkim[" + std::to_string(i) + "]"; }
  void fault(const std::string& field, const std::string& what) {
    m_loaded.faults.push_back({ErrorCode::BadInput, field + " " + what, field});
  }

  bool check_names(const config::DkimSigner& signer, const std::string& path) {
    return check_selector(signer, signer.selector, path + ".selector", path) &&
           (signer.alternate.empty() || check_selector(signer, signer.alternate, path + ".alternate", path)) &&
           check_delegate(signer, path);
  }
  bool check_selector(const config::DkimSigner& signer, const std::string& selector, const std::string& setting, const std::string& path) {
    const Status judged = check_signer_names(signer.domain, selector);
    if (judged) return true;
    if (judged.error().field == "domain")
      fault(path + ".domain",
            "is " + in_quotes(signer.domain) + ", " + judged.error().what + "; write it like example.org, or in xn-- labels");
    else
      fault(setting, "is " + in_quotes(selector) + ", " + judged.error().what + "; use letters, digits, '-' and dots, such as s2026");
    return false;
  }
  /// With what stands in front of it there.
  bool check_delegate(const config::DkimSigner& signer, const std::string& path) {
    if (signer.delegate.empty()) return true;
    if (!signer.delegate.ends_with('.') && dns::normalize_name(delegated(signer, signer.selector)) &&
        dns::normalize_name(delegated(signer, signer.alternate.empty() ? signer.selector : signer.alternate)))
      return true;
    fault(path + ".delegate",
          "is " + in_quotes(signer.delegate) + ", with which SELECTOR.DOMAIN.DELEGATE is no name; write it like keys.example.org");
    return false;
  }
  static std::string delegated(const config::DkimSigner& signer, const std::string& selector) {
    return selector + "." + signer.domain + "." + signer.delegate;
  }

  /// A key has one kind, whoever uses it; the daemon would make it for the first signer and refuse the second one.
  void check_key(const config::DkimSigner& signer, const std::string& path) {
    const std::string field = path + ".key";
    if (const auto name = parse_key_name(signer.key); !name) return fault(field, "is " + in_quotes(signer.key) + "; " + name.error().what);
    for (const KeyName* other : {&key_names::kMailStorage, &key_names::kApiHmac, &key_names::kPgpEncryption}) {
      if (signer.key == other->get()) return fault(field, "is " + signer.key + ", which signs no mail; name another one");
    }
    const auto& [known, fresh] = m_algorithms.emplace(signer.key, Use{field, signer.algorithm});
    if (!fresh && known->second.algorithm != signer.algorithm)
      fault(field, "is " + signer.key + ", which is a key for " + known->second.algorithm + " (" + known->second.where + ") and not for " +
                       signer.algorithm + "; name another one");
  }

  void take_names(const config::DkimSigner& signer, const std::string& path) {
    take(signer, signer.selector, path + ".selector");
    if (!signer.alternate.empty() && !iequals(signer.alternate, signer.selector)) take(signer, signer.alternate, path + ".alternate");
  }
  static bool is_same_record(const config::DkimSigner& a, const config::DkimSigner& b) {
    return a.key == b.key && a.algorithm == b.algorithm && a.version == b.version;
  }
  /// RFC 6376 3.6.2.2: what two records under one name mean is undefined, so that receivers take neither.
  void take(const config::DkimSigner& signer, const std::string& selector, const std::string& field) {
    const std::string name = to_lower(selector + "._domainkey." + signer.domain);
    const auto& [known, fresh] = m_names.emplace(name, field);
    const auto owner = m_owners.find(name);  // none: the name is the place of a delegated record
    if (!fresh && owner != m_owners.end() && is_same_record(signer, *owner->second))
      return m_loaded.warnings.push_back(field + " is that of " + known->second +
                                         ", with the same key: two equal signatures say no more than one");
    m_owners.emplace(name, &signer);
    if (!fresh)
      return fault(field, "is " + in_quotes(selector) + ", as " + known->second + " is: two records under " + name +
                              " are used by nobody; choose another one");
    if (signer.delegate.empty()) return;
    const std::string place = to_lower(delegated(signer, selector));
    const auto& [other, free] = m_names.emplace(place, field);
    if (!free)
      fault(field, "is " + in_quotes(selector) + ", whose record would stand at " + place + " beside that of " + other->second +
                       "; choose another one");
  }

  /// Not for certain: the key may never be rotated.
  void foresee_versions(std::size_t i) {
    const config::DkimSigner& signer = m_signers[i];
    if (signer.version != 0 || !signer.alternate.empty()) return;
    for (std::size_t k = 0; k < m_signers.size(); ++k) {
      const config::DkimSigner& other = m_signers[k];
      if (other.key == signer.key || !iequals(other.domain, signer.domain)) continue;
      for (const std::string* taken : {&other.selector, &other.alternate}) {
        if (is_version_of(*taken, signer.selector))
          m_loaded.warnings.push_back(path_of(k) + " has the selector " + printable(*taken) +
                                      ", under which a later version of the key of " + path_of(i) + " will sign; rename it, or give " +
                                      path_of(i) + " an alternate");
      }
    }
  }

  struct Use {
    std::string where, algorithm;
  };
  config::Loaded& m_loaded;
  const std::vector<config::DkimSigner>& m_signers;
  std::map<std::string, Use> m_algorithms{{key_names::kDkim.get(), {"the daemon makes it", "ed25519-sha256"}}};
  std::map<std::string, std::string> m_names;  ///< In DNS, and whose.
  std::map<std::string, const config::DkimSigner*> m_owners;
};

}  // namespace

void check_dkim_settings(config::Loaded& loaded) { Check(loaded).run(); }

}  // namespace postern::gateway
