// The OCSP response that a server sends along with its certificate to clients that ask for one (RFC 6066 8; in TLS 1.3 as an extension of
// the Certificate message, RFC 8446 4.4.2.1). Replaced while connections come in; whether it is good is for whoever sets it.
#pragma once

#include <memory>
#include <mutex>

#include "base/bytes.hpp"

namespace postern {

/// One for each certificate that is shown: an answer about another one would make clients refuse. Thread safe.
class Staple {
 public:
  /// DER; empty: nothing is stapled from the next handshake on.
  void set(Bytes response) {
    auto fresh = response.empty() ? nullptr : std::make_shared<const Bytes>(std::move(response));
    const std::lock_guard lock(m_mutex);
    m_response = std::move(fresh);
  }
  /// Null: there is none.
  [[nodiscard]] std::shared_ptr<const Bytes> get() const {
    const std::lock_guard lock(m_mutex);
    return m_response;
  }

 private:
  mutable std::mutex m_mutex;
  std::shared_ptr<const Bytes> m_response;
};

}  // namespace postern
