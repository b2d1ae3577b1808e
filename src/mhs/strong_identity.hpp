// The certificate of x400.strong, with which this MTA signs its tokens: read again when its files change, so that it is renewed without a
// restart.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "credentials/authenticator.hpp"

namespace postern::mhs {

/// Thread safe.
class StrongIdentity {
 public:
  /// PEM: the chain, leaf first, and the key of its leaf. Errors name the setting.
  [[nodiscard]] static Result<std::shared_ptr<StrongIdentity>> open(std::string certificate, std::string key);

  /// As the files are now; what was good last where they cannot be used, since between two renamed files they may not fit together yet.
  [[nodiscard]] credentials::Identity get();
  /// What an operator has to mend: files that cannot be used, a certificate that is not valid, or ends within 30 days.
  [[nodiscard]] std::vector<std::string> warnings(WallTime now);

 private:
  StrongIdentity(std::string certificate, std::string key) : m_certificate(std::move(certificate)), m_key(std::move(key)) {}
  [[nodiscard]] std::string stamp() const;
  [[nodiscard]] Result<credentials::Identity> read() const;
  void take(Result<credentials::Identity> read);

  const std::string m_certificate, m_key;
  std::mutex m_mutex;
  std::string m_stamp;  ///< Of the files as they were read; empty: they could not be.
  credentials::Identity m_identity;
  std::string m_trouble;  ///< Why the files are not what is shown; empty: they are.
};

}  // namespace postern::mhs
