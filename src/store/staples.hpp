// The OCSP response that the listeners staple (RFC 6066 8), so that a restart while the responder is away does not leave them without one.
#pragma once

#include "crypto/hash.hpp"
#include "store/store.hpp"

namespace postern {

/// Thread safe; waits for the commit (not on an event loop). Errors: Unavailable for the medium.
class Staples {
 public:
  explicit Staples(Store& store) : m_store(store) {}
  /// DER, as it was saved; empty when there is none about this certificate. Unjudged: time has passed.
  [[nodiscard]] Result<Bytes> load(const Sha256& certificate) const;
  /// In place of whatever was kept, about this certificate or another: one is in use at a time. Empty: nothing is kept.
  [[nodiscard]] Status save(const Sha256& certificate, ByteView response);

 private:
  Store& m_store;
};

}  // namespace postern
