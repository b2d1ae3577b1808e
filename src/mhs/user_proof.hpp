// Credentials of users at binds of P3 and P7, on both sides (X.411 8.1.1.1.1.3, X.413 7.1): simple ones, or strong ones where they are
// agreed on. Signing and judging are a worker's business.
#pragma once

#include "mhs/user_gate.hpp"

namespace postern::mhs {

// ---- responder
/// The responder's credentials for a user whose own are right. `us`: the names by which a token may call this side. Errors: Denied (they
/// are not, or nobody has this name; the reason is for our log), everything else may pass.
[[nodiscard]] Result<mts::ResponderCredentials> judge_user(const UserGate& gate, const mts::ORName& user, const mts::Credentials& shown,
                                                           std::vector<mts::TokenName> us);
/// Of an MTA at its P3 door.
[[nodiscard]] mts::TokenName token_name_of(const Mta& mta);

}  // namespace postern::mhs
