// The association of one piece of work: bound when it is needed, unbound when the work is done, gone when the peer says so.
//
// A submission is never tried on an association that was idle: one that ended unnoticed could not be told from one that took the message.
#pragma once

#include "transport/service.hpp"

namespace postern::cabinet {

/// Not thread safe; the service outlives it.
class Session {
 public:
  explicit Session(transport::Service& service) : m_service(service) {}
  ~Session() { end(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Errors of the profile and of bind(); nothing was asked of the peer then.
  [[nodiscard]] Status bind();
  /// Unbinds; what the peer says to that does not matter any more. After an error that ends associations as well, as a transport counts
  /// an association until it is unbound; the next bind() makes another.
  void end() noexcept;

  [[nodiscard]] transport::Transport& transport() { return m_service.transport(); }
  /// After bind().
  [[nodiscard]] const sdk::Association& association() const { return m_bound->association; }
  [[nodiscard]] const std::string& user() const noexcept { return m_user; }
  /// Whose mailbox it is, as Origin::account.
  [[nodiscard]] const std::string& account() const noexcept { return m_account; }
  [[nodiscard]] std::string_view mode() const { return m_service.mode(); }

 private:
  transport::Service& m_service;
  std::optional<sdk::Binding> m_bound;
  std::string m_user, m_account;
};

/// The same for equal addresses.
[[nodiscard]] std::string account_of(const std::string& user);

}  // namespace postern::cabinet
