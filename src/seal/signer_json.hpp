// A signer as JSON, the same for mail and for X.400 contents.
#pragma once

#include <boost/json/object.hpp>

#include "seal/smime.hpp"

namespace postern {

/// {"valid":…,"reason":…,"emails":[…],"algorithm":…,"digest":…,"key_bits":…,"signature_ok":…,"strong":…,"trusted":…,"revoked":…}, with
/// "subject" and "fingerprint" of the certificate and "signing_time" where they are known. `author`: what matches_from is called, because
/// who is said to have written is asked of each differently.
[[nodiscard]] boost::json::object signer_json(const SmimeSigner& signer, const char* author);

}  // namespace postern
