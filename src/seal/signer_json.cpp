#include "seal/signer_json.hpp"

#include <boost/json.hpp>

#include "base/text.hpp"

namespace postern {

boost::json::object signer_json(const SmimeSigner& signer, const char* author) {
  boost::json::object out{{"valid", signer.valid()},
                          {"reason", signer.reason},
                          {"emails", boost::json::value_from(signer.emails)},
                          {"algorithm", signer.algorithm},
                          {"digest", signer.digest},
                          {"key_bits", signer.key_bits},
                          {"signature_ok", signer.signature_ok},
                          {"strong", signer.strong},
                          {"trusted", signer.trusted},
                          {"revoked", signer.revoked},
                          {author, signer.matches_from}};
  if (signer.certificate) {
    const std::string subject = signer.certificate->subject();
    out["subject"] = is_utf8(subject) ? subject : printable(subject);
    out["fingerprint"] = fingerprint_text(signer.certificate->fingerprint());
  }
  if (signer.signing_time) out["signing_time"] = rfc3339(*signer.signing_time);
  return out;
}

}  // namespace postern
