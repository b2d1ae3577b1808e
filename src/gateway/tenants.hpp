// Whose mail a copy is, and so under which storage key it is kept: the tenants of the configuration, and those that were shredded.
//
// A copy for a recipient in a tenant's domain is that tenant's. Mail of a tenant's own people to the outside is the tenant's as well, while
// it waits; mail between local domains belongs to the recipient. Everybody else's is under mail_storage_key.
// Thread safe. Made once; only the marks of shredding change.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "keys/key_name.hpp"

namespace postern::gateway {

class Tenants {
 public:
  struct Entry {
    std::string name;
    KeyName storage_key;
    std::vector<std::string> domains;  ///< In the form that routes.
    std::atomic<bool> shredded{false};
  };

  /// BadInput names the tenant whose key has an impossible name.
  [[nodiscard]] static Result<std::unique_ptr<Tenants>> make(const config::Config& config);

  /// Null: none.
  [[nodiscard]] const Entry* of(std::string_view domain) const;
  [[nodiscard]] const Entry* find(std::string_view name) const;
  /// `sender`: the domain that the mail is from if it is one of ours and that is vouched for, else empty.
  [[nodiscard]] const KeyName& storage_key(std::string_view recipient, bool recipient_is_local, std::string_view sender) const;
  /// Mail to or from this domain is not taken any more.
  [[nodiscard]] bool refuses(std::string_view domain) const;
  [[nodiscard]] bool is_storage_key(const KeyName& key) const;
  /// The storage key of a tenant that was shredded.
  [[nodiscard]] bool is_destroyed(const KeyName& key) const;

  void mark_shredded(std::string_view name);
  /// mail_storage_key and those of the tenants that were not shredded.
  [[nodiscard]] std::vector<KeyName> storage_keys() const;
  [[nodiscard]] const std::vector<std::unique_ptr<Entry>>& all() const noexcept { return m_entries; }

 private:
  std::vector<std::unique_ptr<Entry>> m_entries;
};

}  // namespace postern::gateway
