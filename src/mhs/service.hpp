// The MTA of X.400 as the daemon runs it: made from the settings, beside a gateway whose queue, keys and loops it uses.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/gateway.hpp"
#include "mhs/forced_access.hpp"
#include "mhs/node.hpp"
#include "store/ms_users.hpp"

namespace postern::mhs {

/// Its doors beside what the node tells.
struct ServiceState {
  std::string mta_name, domain;
  std::vector<PeerState> peers;
  std::vector<CalledUserState> users;  ///< Those to whom this MTA binds.
  std::vector<std::string> warnings;   ///< What an operator has to mend.
};

class Service {
 public:
  /// Binds the doors and announces them to the gateway. Before gateway.start(); the gateway must outlive it. Null where x400.domain is not
  /// set. Errors name the setting.
  [[nodiscard]] static Result<std::unique_ptr<Service>> open(gateway::Gateway& gateway);
  ~Service();

  /// The courier works. After gateway.start().
  void start();
  /// Doors close, associations end. Before gateway.stop().
  void stop();

  [[nodiscard]] ServiceState state() const;
  // ---- mailboxes: each call waits for its commit, so not on a loop
  struct Mailbox {
    std::string address;
    DeliveredBy delivered_by = DeliveredBy::Store;
  };
  [[nodiscard]] std::vector<Mailbox> mailboxes() const;
  /// `address` in any text form. Conflict: there is one. BadInput: no O/R address, or no password.
  [[nodiscard]] Result<Mailbox> add_mailbox(std::string_view address, std::string_view password,
                                            DeliveredBy delivered_by = DeliveredBy::Store);
  /// NotFound. With everything in it.
  [[nodiscard]] Status remove_mailbox(std::string_view address);
  [[nodiscard]] Status set_password(std::string_view address, std::string_view password);
  [[nodiscard]] Node& node() noexcept;

 private:
  struct Impl;
  explicit Service(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> m_impl;
};

}  // namespace postern::mhs
