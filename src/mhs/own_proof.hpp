// What a user who binds shows of himself, and his look at what the responder shows (X.411 8.1.1).
#pragma once

#include "mhs/strong_files.hpp"
#include "mhs/user_client.hpp"

namespace postern::mhs {

/// Reads the files. Errors have the member as their field.
[[nodiscard]] Result<StrongCall> strong_call(const StrongFiles& files, bool by_p3);

struct OwnProof {
  mts::Credentials shown;
  std::function<Status(const mts::Credentials& responder)>
      check;  ///< Denied: it is not whom was called. Of simple credentials all is well.
};
/// Simple credentials, or strong ones where the call has them; `responder` is whom their token is for. Errors name what is missing.
[[nodiscard]] Result<OwnProof> own_proof(const UserCall& call, const mts::TokenName& responder);

/// UserClient::Bind::check for a bind result of type `Bound`. One that cannot be read is refused by whoever reads it.
template <class Bound>
[[nodiscard]] std::function<Status(const asn1::Any& result)> check_of(OwnProof proof) {
  return [check = std::move(proof.check)](const asn1::Any& result) -> Status {
    const auto bound = asn1::from_any<Bound>(result);
    return bound ? check(bound->responder_credentials) : Status();
  };
}

}  // namespace postern::mhs
