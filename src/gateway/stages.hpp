// The stations of the pipeline as functions, for pipeline.cpp and their tests only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/pipeline.hpp"
#include "seal/detect.hpp"

namespace postern::gateway {

/// What opening found for one recipient, or for the message as a whole.
struct Opened {
  std::optional<std::string> message;   ///< The inner message; nothing: the message stays as it is.
  Protection inner = Protection::None;  ///< What the inner message still carries.
  std::string trace;                    ///< "opened=smime; cipher=AES-256-GCM; signature=valid; signer=a@b"; empty: nothing to say.
  std::string signature = "none";       ///< As policy::VerdictFacts::signature.
  std::string failure;                  ///< It was for us, and it must not be delivered; why.
  std::optional<Error> passing;         ///< Whether it is for us could not be found out now: it has to come again.
};

/// Decrypts with the recipient's key, if the gateway has one, and verifies what is inside.
/// `questions`: gets what of signers should be asked first (at most kMostSignerQuestions); null: what is not known stays open.
[[nodiscard]] Opened open_for(const PipelineParts& parts, std::string_view message, Protection protection, const Mailbox& recipient,
                              SignerQuestions* questions = nullptr);
/// What was found about a signature.
struct Verified {
  std::string trace;               ///< "verified=smime; signature=valid; signer=a@b"; empty: there is none.
  std::string signature = "none";  ///< As policy::VerdictFacts::signature.
};
/// Verifies the signature of a message that is only signed; the message stays as it is.
[[nodiscard]] Verified verify(const PipelineParts& parts, std::string_view message, Protection protection,
                              SignerQuestions* questions = nullptr);

/// One recipient on its way through the pipeline.
struct Case {
  std::size_t index = 0;  ///< In the envelope.
  Mailbox mailbox;
  std::string address;
  const Route* route = nullptr;
  bool local = false;    ///< Ends here: mailbox route.
  bool visible = false;  ///< Named in To or Cc; a hidden one gets a copy of his own, or the key list would give him away.
  Opened opened;
  policy::Decision decision;
  std::optional<Certificate> smime;
  std::optional<PgpCertificate> openpgp;
  KeyName storage_key = key_names::kMailStorage;  ///< What the copy is kept under.
};

/// Who signs: the author, when he is local and the road says that it is really him.
struct Author {
  std::optional<Mailbox> mailbox;  ///< The only From address.
  bool vouched = false;            ///< Logged in as the sender, or from a trusted network.
};

/// Signs and encrypts for recipients with equal decisions. The message is whole and unsealed.
[[nodiscard]] Result<std::string> seal_copy(const PipelineParts& parts, std::string_view message, const Author& author,
                                            const std::vector<const Case*>& cases);
/// "smime sign+encrypt", "openpgp encrypt", "none".
[[nodiscard]] std::string seal_text(const policy::Decision& decision);

/// RFC 5321 4.4. Complete with CRLF.
[[nodiscard]] Result<std::string> received_field(const std::string& hostname, const Arrival& arrival);
/// Fields that RFC 6409 8 lets a submission server add, when they are missing: Date and Message-ID. Empty: none is.
[[nodiscard]] Result<std::string> missing_fields(const std::string& hostname, const MessageView& view, const Arrival& arrival,
                                                 Random& random);
/// Our own trace field; never believed when it comes from outside, so arriving ones are taken off.
inline constexpr std::string_view kTraceField = "X-Postern-Seal";

}  // namespace postern::gateway
