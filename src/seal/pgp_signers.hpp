// Facts about OpenPGP signers, from whichever side the signature was checked. Inside this room only.
#pragma once

#include <span>
#include <vector>

#include "seal/openpgp.hpp"

namespace postern {

/// Completes what a signature says with what its certificate says: addresses, strength, From, reason.
[[nodiscard]] PgpSignerFact signer_fact(const OpenPgpSignature& signature, std::span<const PgpCertificate> known,
                                        const std::vector<Mailbox>& from);

/// Signatures over `content` (detached), or inside `signature` when there is no content (cleartext or one-pass), checked at `now`. BadInput
/// when there is none.
[[nodiscard]] Result<std::vector<OpenPgpSignature>> check_signatures(std::optional<ByteView> content, ByteView signature,
                                                                     std::span<const PgpCertificate> known, const SealContext& context);

}  // namespace postern
