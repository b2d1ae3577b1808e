// The other side of forced access (X.419: mts-forced-access, mts-forced-reliable-access): a user of P3 who lets his MTS bind to him.
//
//   auto client = co_await answer_mts(door, std::move(stream), deadline);       // TLS done
//   (*client)->take_deliveries(taker);                                          // at once: then the client is used as one that bound
#pragma once

#include "mhs/p1_bind.hpp"
#include "mhs/p3_client.hpp"
#include "mhs/password_guesses.hpp"

namespace postern::mhs {

/// Who waits for his MTS, and which it is.
struct MtsDoor {
  mts::ORName user;
  SecretBytes password;  ///< What the user shows.
  mts::MTAName mta;      ///< Who may bind.
  SecretBytes mta_password;
  bool tls_required = true;
  std::vector<Bytes> pins;  ///< SHA-256 of its certificate or key, any one of which must match; empty: the password says who it is.
  std::optional<Bytes> transport_selector;  ///< What must be called; unset: anything.
  osi::AssociationLimits limits;
  osi::TranscriptHook transcript;
  PasswordGuesses* guesses = nullptr;  ///< Null: wrong passwords are not counted (only in tests).
};

/// Takes the association, or refuses it as X.411 8.1.1.2 has it; the peer learns the code only. Denied: it is not our MTS, or not in the
/// way that was agreed on, in words for the user; or its password was wrong too often (password_guesses.hpp). Unavailable: the connection
/// ended, or was none of forced access. The deadline is the bind's.
[[nodiscard]] io::Task<Result<std::unique_ptr<P3Client>>> answer_mts(const MtsDoor& door, io::Stream stream, SteadyTime deadline);

}  // namespace postern::mhs
