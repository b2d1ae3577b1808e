// How an entity is encrypted, and how much of the header travels inside; chosen by policy, used by both S/MIME and OpenPGP.
#pragma once

#include <cstddef>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/random.hpp"

namespace postern {

enum class ContentCipher {
  Aes256Gcm,  ///< AuthEnvelopedData (RFC 5083, 5084); the default of RFC 8551 2.7.
  Aes256Cbc,  ///< EnvelopedData, for clients that know no AEAD. The content is then not protected against changes unless it is signed too.
};

enum class RsaTransport {
  Oaep,   ///< RSAES-OAEP, SHA-256 and MGF1 with SHA-256 (RFC 8551 2.3).
  Pkcs1,  ///< RSAES-PKCS1-v1_5, only for clients that know nothing else.
};

struct EncryptionProfile {
  ContentCipher cipher = ContentCipher::Aes256Gcm;
  RsaTransport rsa = RsaTransport::Oaep;
};

/// RFC 9788. Copies of the author's header fields inside the protected part, and what stays readable outside.
struct HeaderProtection {
  /// Put copies of the author's fields (From, To, Cc, Subject, Date, Message-ID, ...) into the protected part.
  bool copy_fields = true;
  /// hcp_baseline (RFC 9788 3.2.1): when encrypting, the outer Subject becomes "[...]", Comments and Keywords go. Ignored when only
  /// signing.
  bool hide_subject = false;
};

/// What every operation of this room is given: no clock and no generator of its own. Borrowed; must outlive the call.
struct SealContext {
  WallTime now;
  Random& random;
  const Limits& limits;
};

}  // namespace postern
