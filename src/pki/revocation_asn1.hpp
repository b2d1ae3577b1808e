// Inside the room: what OCSP and CRLs share over OpenSSL's ASN.1 objects. Everything borrows; nothing here throws or fails aloud.
#pragma once

#include <openssl/asn1.h>
#include <openssl/x509v3.h>

#include <memory>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/clock.hpp"

namespace postern::revocation {

/// A deleter that calls an OpenSSL free function.
template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freed<Free>>;

/// UTCTime or GeneralizedTime; nothing when absent or not a time.
[[nodiscard]] std::optional<WallTime> time_of(const ASN1_TIME* time);
/// RFC 5280 5.3.1; "code 42" for one that is not defined, empty for none (-1).
[[nodiscard]] std::string reason_name(long code);
/// "id-ce-extKeyUsage"-like text for messages: OpenSSL's short name, or the numbers.
[[nodiscard]] std::string object_text(const ASN1_OBJECT* object);
/// Whether a signature with this algorithm counts: its digest is known and not MD5 or SHA-1.
[[nodiscard]] bool is_strong_signature(const X509_ALGOR* algorithm);
/// The text of a uniformResourceIdentifier when it is an http or https address in printable ASCII; else empty.
[[nodiscard]] std::string web_address(const GENERAL_NAME* name);

}  // namespace postern::revocation
